// SPDX-License-Identifier: Apache-2.0
#include "io/settings/schema.h"

#include <algorithm>
#include <cassert>
#include <set>

#include "io/settings/values.h"

namespace ilnp {

std::string_view section_of(std::string_view key) {
  const std::size_t dot = key.rfind('.');
  if (dot == std::string_view::npos) return {};
  const std::string_view section = key.substr(0, dot);
  return section.ends_with("[]") ? section.substr(0, section.size() - 2) : section;
}

std::string_view name_of(std::string_view key) {
  const std::size_t dot = key.rfind('.');
  return dot == std::string_view::npos ? key : key.substr(dot + 1);
}

namespace {

bool is_repeated_key(std::string_view key) { return key.find("[].") != std::string_view::npos; }

bool is_sound(const Option& option) {
  const bool text = option.type == OptionType::string || option.type == OptionType::path;
  if (option.help.empty() || option.help.find('\n') != std::string::npos) return false;
  if (!option.choices.empty() && !text) return false;
  if (option.identity && (!is_repeated_key(option.key) || option.list)) return false;
  if (option.fallback && (option.required || option.identity)) return false;
  if (!option.range.empty()) {
    const std::size_t dots = option.range.find("..");
    if (dots == std::string::npos) return false;
    Option unlimited = option;
    unlimited.range.clear();
    if (option.type != OptionType::integer && option.type != OptionType::duration) return false;
    if (!parse_value(unlimited, option.range.substr(0, dots))) return false;
    if (!parse_value(unlimited, option.range.substr(dots + 2))) return false;
  }
  if (!option.fallback) return true;
  if (!option.list) return parse_value(option, *option.fallback).has_value();
  const auto items = split_list(*option.fallback);
  return std::all_of(items.begin(), items.end(),
                     [&](const auto& item) { return parse_value(option, item).has_value(); });
}

}  // namespace

Schema::Schema(std::string program, std::vector<SectionHelp> sections, std::vector<Option> options)
    : program_{std::move(program)}, sections_{std::move(sections)}, options_{std::move(options)} {
  std::set<std::string> keys;
  std::set<std::string, std::less<>> repeated, single;
  for (const Option& option : options_) {
    const bool fresh = keys.insert(option.key).second;
    assert(fresh && "an option key is in the table twice");
    assert(is_sound(option) && "an option's default, range or choices do not fit its type");
    (is_repeated_key(option.key) ? repeated : single).emplace(section_of(option.key));
  }
  for (const SectionHelp& section : sections_) {
    assert((repeated.contains(section.section) || single.contains(section.section)) &&
           "help for a section of no option");
  }
  for (const std::string& section : repeated) {
    assert(!single.contains(section) && section.find('.') == std::string::npos && "a repeated section is top-level");
  }
}

const Option* Schema::find(std::string_view key) const {
  const auto found = std::find_if(options_.begin(), options_.end(), [&](const Option& o) { return o.key == key; });
  return found == options_.end() ? nullptr : &*found;
}

bool Schema::has_section(std::string_view section) const {
  return std::any_of(options_.begin(), options_.end(), [&](const Option& o) { return section_of(o.key) == section; });
}

bool Schema::is_repeated(std::string_view section) const {
  return std::any_of(options_.begin(), options_.end(),
                     [&](const Option& o) { return is_repeated_key(o.key) && section_of(o.key) == section; });
}

}  // namespace ilnp
