// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/counters.h"

#include <algorithm>
#include <cassert>

namespace ilnp {

namespace {

[[maybe_unused]] bool is_snake_case(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

void CounterRegistry::append(Item item) {
  assert(is_snake_case(item.component) && is_snake_case(item.name.name) && "names are snake_case");
  assert(std::none_of(items_.begin(), items_.end(),
                      [&](const Item& i) { return i.component == item.component && i.name.name == item.name.name; }) &&
         "a counter is registered twice");
  const auto after =
      std::upper_bound(items_.begin(), items_.end(), item.component,
                       [](const std::string& component, const Item& i) { return component < i.component; });
  items_.insert(after, std::move(item));
}

void CounterRegistry::add(std::string component, std::vector<CounterName> names,
                          std::span<const std::uint64_t> values) {
  assert(names.size() == values.size() && "one name per counter");
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::uint64_t* value = &values[i];
    append({component, std::move(names[i]), false, [value] { return static_cast<std::int64_t>(*value); }});
  }
}

void CounterRegistry::add(std::string component, CounterName name, std::function<std::uint64_t()> read) {
  append({std::move(component), std::move(name), false,
          [read = std::move(read)] { return static_cast<std::int64_t>(read()); }});
}

void CounterRegistry::add_gauge(std::string component, CounterName name, std::function<std::int64_t()> read) {
  append({std::move(component), std::move(name), true, std::move(read)});
}

void CounterRegistry::remove(std::string_view component) {
  std::erase_if(items_, [&](const Item& item) { return item.component == component; });
}

nlohmann::json CounterRegistry::to_json() const {
  nlohmann::json out = nlohmann::json::object();
  for (const Item& item : items_) {
    nlohmann::json& value = out[item.component + "." + item.name.name];
    if (item.is_gauge) {
      value = item.read();
    } else {
      value = static_cast<std::uint64_t>(item.read());
    }
  }
  return out;
}

std::string CounterRegistry::to_prometheus() const {
  std::string out;
  for (const Item& item : items_) {
    const std::string name = "ilnp_" + item.component + "_" + item.name.name + (item.is_gauge ? "" : "_total");
    const std::int64_t value = item.read();
    out += "# HELP " + name + " ";
    for (char c : item.name.help) {
      if (c == '\\')
        out += "\\\\";
      else if (c == '\n')
        out += "\\n";
      else
        out += c;
    }
    out += "\n# TYPE " + name + (item.is_gauge ? " gauge\n" : " counter\n") + name + " ";
    out += item.is_gauge ? std::to_string(value) : std::to_string(static_cast<std::uint64_t>(value));
    out += "\n";
  }
  return out;
}

std::string CounterRegistry::markdown_reference() const {
  std::string out = "| Name | Kind | Meaning |\n|---|---|---|\n";
  for (const Item& item : items_) {
    out += "| `" + item.component + "." + item.name.name + "` | " + (item.is_gauge ? "gauge" : "counter") + " | " +
           item.name.help + " |\n";
  }
  return out;
}

}  // namespace ilnp
