// SPDX-License-Identifier: Apache-2.0
#include "io/settings/configuration.h"

#include <algorithm>
#include <cassert>

#include "io/settings/reader.h"

namespace ilnp {

std::string to_string(const Problem& problem) {
  std::string out = problem.place.file;
  if (problem.place.line != 0) {
    out += ":" + std::to_string(problem.place.line) + ":" + std::to_string(problem.place.column);
  }
  out += ": ";
  if (!problem.key.empty()) out += problem.key + ": ";
  return out + problem.reason;
}

std::string to_string(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems) out += to_string(problem) + "\n";
  return out;
}

const std::vector<SettingValue>& Section::values(std::string_view name) const {
  const auto found = entries_.find(name);
  assert(found != entries_.end() && "the option is not in the table");
  return found->second.values;
}

bool Section::has(std::string_view name) const {
  const auto found = entries_.find(name);
  assert(found != entries_.end() && "the option is not in the table");
  return found->second.set;
}

const FilePlace& Section::place(std::string_view name) const {
  const auto found = entries_.find(name);
  assert(found != entries_.end() && "the option is not in the table");
  return found->second.written ? found->second.place : place_;
}

const Section& Configuration::section(std::string_view name) const {
  const auto found = sections_.find(name);
  assert(found != sections_.end() && "the section is not in the table");
  return found->second;
}

const std::vector<Section>& Configuration::repeated(std::string_view name) const {
  const auto found = repeated_.find(name);
  assert(found != repeated_.end() && "the repeated section is not in the table");
  return found->second;
}

Configuration Configuration::defaults(std::shared_ptr<const Schema> schema) {
  auto configured = read_configuration(std::move(schema), {});
  assert(configured && "a required option has no default");
  return std::move(configured).value();
}

namespace {

std::string printed(const Section::Entry* entry) {
  if (entry == nullptr || !entry->set) return {};
  if (!entry->option->list) return to_string(entry->values.front());
  std::string out = "[";
  for (const SettingValue& value : entry->values) out.append(out.size() > 1 ? ", " : "").append(to_string(value));
  return out + "]";
}

void compare(const std::string& section, const Section* before, const Section* after,
             std::vector<SettingChange>& changes) {
  const Section& either = after != nullptr ? *after : *before;
  for (const auto& [name, entry] : either.entries()) {
    const auto side = [&key = name](const Section* s) { return s == nullptr ? nullptr : &s->entries().at(key); };
    std::string old_text = printed(side(before)), new_text = printed(side(after));
    if (old_text == new_text) continue;
    changes.push_back({section.empty() ? name : section + "." + name, std::move(old_text), std::move(new_text),
                       entry.option->reloadable});
  }
}

/// What names a table of a repeated section: its identity option, or its number.
std::string label(const Section& table, std::size_t index) {
  for (const auto& [name, entry] : table.entries()) {
    if (entry.option->identity && entry.set) return to_string(entry.values.front());
  }
  return std::to_string(index);
}

std::map<std::string, const Section*> by_label(const std::vector<Section>& tables) {
  std::map<std::string, const Section*> out;
  for (std::size_t i = 0; i < tables.size(); ++i) out.emplace(label(tables[i], i), &tables[i]);
  return out;
}

}  // namespace

std::vector<SettingChange> diff(const Configuration& before, const Configuration& after) {
  std::vector<SettingChange> changes;
  std::vector<std::string> seen;
  for (const Option& option : after.schema().options()) {
    const std::string section{section_of(option.key)};
    if (std::find(seen.begin(), seen.end(), section) != seen.end()) continue;
    seen.push_back(section);
    if (!after.schema().is_repeated(section)) {
      compare(section, &before.section(section), &after.section(section), changes);
      continue;
    }
    const auto old_tables = by_label(before.repeated(section)), new_tables = by_label(after.repeated(section));
    for (const auto& [name, table] : old_tables) {
      const auto same = new_tables.find(name);
      compare(section + "[" + name + "]", table, same == new_tables.end() ? nullptr : same->second, changes);
    }
    for (const auto& [name, table] : new_tables) {
      if (!old_tables.contains(name)) compare(section + "[" + name + "]", nullptr, table, changes);
    }
  }
  return changes;
}

Configured read_configuration(std::shared_ptr<const Schema> schema, const std::vector<SettingsText>& texts) {
  ConfigurationReader reader{std::move(schema)};
  for (const SettingsText& text : texts) reader.read(text);
  return reader.finish();
}

}  // namespace ilnp
