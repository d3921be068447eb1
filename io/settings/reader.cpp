// SPDX-License-Identifier: Apache-2.0
#include "io/settings/reader.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <tuple>

#include "io/settings/scan.h"
#include "io/settings/values.h"

namespace {
/// The parser met something that its own assertions rule out ("[[[x" does it in 3.3.0). What follows such an assertion
/// would have been an ordinary syntax error, so it becomes one instead of the end of the program.
struct ParserStumbled {};
[[noreturn]] void stumble() { throw ParserStumbled{}; }
}  // namespace

#define TOML_ASSERT(statement)   \
  do {                           \
    if (!(statement)) stumble(); \
  } while (false)
#define TOML_EXCEPTIONS 1
#define TOML_HEADER_ONLY 1
#define TOML_MAX_NESTED_VALUES 16
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace ilnp {

namespace {

bool makes_parser_stumble(std::string_view text) {
  try {
    (void)toml::parse(text);
  } catch (const toml::parse_error&) {
  } catch (const ParserStumbled&) {
    return true;
  }
  return false;
}

/// The parser reads straight on, so the line is the last one of the shortest beginning at which it stumbles.
unsigned line_of_stumble(std::string_view text) {
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') ends.push_back(i + 1);
  }
  ends.push_back(text.size());
  const auto line = std::partition_point(ends.begin(), ends.end(),
                                         [&](std::size_t end) { return !makes_parser_stumble(text.substr(0, end)); });
  return static_cast<unsigned>(std::min<std::ptrdiff_t>(line - ends.begin(), std::ssize(ends) - 1)) + 1;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

/// ": did you mean ...?" or nothing, when no candidate is near.
std::string suggestion(std::string_view wrong, const std::vector<std::string>& candidates) {
  if (wrong.size() > 64) return {};
  const std::string* best = nullptr;
  std::size_t best_distance = 1 + std::max<std::size_t>(1, wrong.size() / 3);
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(wrong, candidate);
    if (distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  return best == nullptr ? std::string{} : "; did you mean \"" + *best + "\"?";
}

std::string_view describe(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a floating-point number";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::none:
      break;
    default:
      return "a date or time";
  }
  return "nothing";
}

std::string one_line(std::string_view text) {
  std::string out{text.substr(0, 200)};
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return out;
}

Result<SettingValue> from_node(const Option& option, const toml::node& node) {
  if (option.type == OptionType::boolean && node.is_boolean()) return SettingValue{node.as_boolean()->get()};
  if (option.type == OptionType::integer && node.is_integer()) {
    return check_value(option, SettingValue{node.as_integer()->get()});
  }
  const bool wants_string = option.type != OptionType::boolean && option.type != OptionType::integer;
  if (wants_string && node.is_string()) return parse_value(option, node.as_string()->get());
  if (option.type == OptionType::duration && node.is_integer()) {
    return error("needs a unit: \"" + std::to_string(node.as_integer()->get()) + "s\" for seconds");
  }
  std::string wanted = "must be ";
  if (wants_string) {
    wanted += "a string";
    if (option.type != OptionType::string) wanted.append(" (").append(type_name(option.type)).append(")");
  } else {
    wanted += option.type == OptionType::integer ? "an integer" : "true or false";
  }
  return error(wanted.append(", not ").append(describe(node)));
}

}  // namespace

struct ConfigurationReader::Walk {
  ConfigurationReader& reader;
  const std::string& file;

  FilePlace place(const toml::source_region& source) const { return {file, source.begin.line, source.begin.column}; }
  void problem(const toml::source_region& source, std::string key, std::string reason) {
    reader.add({place(source), one_line(key), std::move(reason)});
  }

  /// A table at `path` ("" = the file itself), which is a section, leads to sections, or both.
  void table(const toml::table& node, const std::string& path) {
    for (const auto& [key, value] : node) {
      const std::string child = path.empty() ? std::string{key.str()} : path + "." + std::string{key.str()};
      const Schema& schema = *reader.schema_;
      // A quoted key such as "dns.port" or "interface[]" must not pass for a path of the table.
      const bool plain = key.str().find_first_of(".[") == std::string_view::npos;
      const Option* option = plain ? schema.find(child) : nullptr;
      if (option != nullptr) {
        assign(reader.configuration_.sections_.find(section_of(option->key))->second, *option, value, child);
      } else if (plain && schema.is_repeated(child)) {
        repeated(value, child);
      } else if (plain && leads_to_section(child)) {
        if (value.is_table()) {
          table(*value.as_table(), child);
        } else {
          problem(value.source(), child, "must be a section [" + child + "], not " + std::string{describe(value)});
        }
      } else {
        unknown(key, value, path, child);
      }
    }
  }

  bool leads_to_section(const std::string& path) const {
    const auto& options = reader.schema_->options();
    return std::any_of(options.begin(), options.end(), [&](const Option& o) { return o.key.starts_with(path + "."); });
  }

  void repeated(const toml::node& node, const std::string& section) {
    auto& tables = reader.configuration_.repeated_.find(section)->second;
    const toml::array* array = node.as_array();
    if (array == nullptr || !std::all_of(array->begin(), array->end(), [](const auto& n) { return n.is_table(); })) {
      return problem(node.source(), section, "must be written as [[" + section + "]]");
    }
    for (const toml::node& item : *array) {
      if (tables.size() >= max_list_items) {
        return problem(item.source(), section, "has more than " + std::to_string(max_list_items) + " tables");
      }
      const std::string path = section + "[" + std::to_string(tables.size()) + "]";
      tables.push_back(reader.defaults_of(section, place(item.source())));
      for (const auto& [key, value] : *item.as_table()) {
        const std::string name{key.str()};
        const bool plain = name.find('.') == std::string::npos;
        const Option* option = plain ? reader.schema_->find(section + "[]." + name) : nullptr;
        if (option != nullptr) {
          assign(tables.back(), *option, value, path + "." + name);
        } else {
          unknown(key, value, section, path + "." + name);
        }
      }
    }
  }

  void assign(Section& section, const Option& option, const toml::node& node, const std::string& key) {
    Section::Entry& entry = section.entries_.find(name_of(option.key))->second;
    std::vector<SettingValue> values;
    if (!option.list) {
      if (!append(values, option, node, key)) return;
    } else {
      const toml::array* array = node.as_array();
      if (array == nullptr) {
        return problem(node.source(), key, "must be an array [...], not " + std::string{describe(node)});
      }
      if (array->size() > max_list_items) {
        return problem(node.source(), key, "has more than " + std::to_string(max_list_items) + " items");
      }
      bool good = true;
      std::size_t index = 0;
      for (const toml::node& item : *array) {
        good &= append(values, option, item, key + "[" + std::to_string(index++) + "]");
      }
      if (!good) return;
    }
    entry.values = std::move(values);
    entry.place = place(node.source());
    entry.set = entry.written = true;
  }

  bool append(std::vector<SettingValue>& values, const Option& option, const toml::node& node, const std::string& key) {
    auto value = from_node(option, node);
    if (!value) {
      problem(node.source(), key, std::move(value).error().message);
      return false;
    }
    values.push_back(std::move(value).value());
    return true;
  }

  void unknown(const toml::key& key, const toml::node& value, const std::string& section, const std::string& child) {
    const std::string name{key.str()};
    std::vector<std::string> candidates, elsewhere;
    for (const Option& option : reader.schema_->options()) {
      const std::string_view of = section_of(option.key);
      if (of == section) candidates.emplace_back(name_of(option.key));
      if (name_of(option.key) == name) elsewhere.push_back(option.key);
      if (section.empty() && !of.empty()) candidates.emplace_back(of.substr(0, of.find('.')));
    }
    std::string hint = suggestion(name, candidates);
    if (hint.empty() && elsewhere.size() == 1) hint = "; did you mean \"" + elsewhere.front() + "\"?";
    problem(key.source(), child, (value.is_table() ? "unknown section" : "unknown option") + hint);
  }
};

ConfigurationReader::ConfigurationReader(std::shared_ptr<const Schema> schema) : schema_{std::move(schema)} {
  configuration_.schema_ = schema_;
  for (const Option& option : schema_->options()) {
    const std::string section{section_of(option.key)};
    if (schema_->is_repeated(section)) {
      configuration_.repeated_.try_emplace(section);
    } else if (!configuration_.sections_.contains(section)) {
      configuration_.sections_.emplace(section, defaults_of(section, {}));
    }
  }
}

Section ConfigurationReader::defaults_of(std::string_view name, const FilePlace& place) const {
  Section section;
  section.place_ = place;
  for (const Option& option : schema_->options()) {
    if (section_of(option.key) != name) continue;
    Section::Entry entry;
    entry.option = &option;
    entry.set = option.fallback.has_value();
    if (option.fallback && option.list) {
      for (const std::string& item : split_list(*option.fallback)) {
        entry.values.push_back(parse_value(option, item).value());
      }
    } else if (option.fallback) {
      entry.values.push_back(parse_value(option, *option.fallback).value());
    }
    section.entries_.emplace(name_of(option.key), std::move(entry));
  }
  return section;
}

void ConfigurationReader::read(const SettingsText& text) {
  names_.push_back(text.name);
  if (text.text.size() > max_configuration_file) {
    return add({{text.name, 0, 0}, {}, "is larger than " + std::to_string(max_configuration_file) + " octets"});
  }
  if (const auto hazard = scan_for_hazards(text.text)) {
    return add({{text.name, hazard->line, hazard->column}, {}, hazard->reason});
  }
  try {
    Walk{*this, text.name}.table(toml::parse(std::string_view{text.text}, std::string_view{text.name}), {});
  } catch (const toml::parse_error& problem) {
    const toml::source_position where = problem.source().begin;
    add({{text.name, where.line, where.column}, {}, one_line(problem.description())});
  } catch (const ParserStumbled&) {
    add({{text.name, line_of_stumble(text.text), 1}, {}, "not valid TOML"});
  }
}

void ConfigurationReader::check_required(const Section& section, const std::string& path) {
  for (const auto& [name, entry] : section.entries()) {
    if (entry.set || !(entry.option->required || entry.option->identity)) continue;
    const FilePlace& place =
        section.place_.file.empty() ? FilePlace{names_.empty() ? std::string{} : names_.front(), 0, 0} : section.place_;
    add({place, path.empty() ? name : path + "." + name, "is required"});
  }
}

void ConfigurationReader::check_identities(const std::string& name, const std::vector<Section>& tables) {
  std::map<std::string, FilePlace> seen;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    for (const auto& [option, entry] : tables[i].entries()) {
      if (!entry.option->identity || !entry.set) continue;
      const std::string value = to_string(entry.values.front());
      const auto [first, fresh] = seen.emplace(value, entry.place);
      if (fresh) continue;
      add({entry.place, name + "[" + std::to_string(i) + "]." + option,
           "\"" + value + "\" is already defined at " + first->second.file + ":" + std::to_string(first->second.line)});
    }
  }
}

Configured ConfigurationReader::finish() {
  for (const auto& [name, section] : configuration_.sections_) check_required(section, name);
  for (const auto& [name, tables] : configuration_.repeated_) {
    for (std::size_t i = 0; i < tables.size(); ++i) check_required(tables[i], name + "[" + std::to_string(i) + "]");
    check_identities(name, tables);
  }
  if (problems_.empty()) return std::move(configuration_);
  const auto order = [&](const Problem& p) {
    const auto file = std::find(names_.begin(), names_.end(), p.place.file) - names_.begin();
    return std::tuple{file, p.place.line, p.place.column};
  };
  std::stable_sort(problems_.begin(), problems_.end(),
                   [&](const Problem& a, const Problem& b) { return order(a) < order(b); });
  return std::move(problems_);
}

}  // namespace ilnp
