// SPDX-License-Identifier: Apache-2.0
// Counters and gauges of a program. A component keeps a plain array of numbers, indexed by an enum of its own;
// counting is an addition. The registry only knows where the arrays are and what the numbers are called, and reads
// them when somebody asks. Names are an interface: they do not change between releases.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ilnp {

/// The numbers of one component. Enum is an `enum class` with values 0..N-1.
template <class Enum, std::size_t N>
class CounterArray {
 public:
  void add(Enum which, std::uint64_t n = 1) { values_[static_cast<std::size_t>(which)] += n; }
  std::uint64_t operator[](Enum which) const { return values_[static_cast<std::size_t>(which)]; }
  std::span<const std::uint64_t> values() const { return values_; }

 private:
  std::array<std::uint64_t, N> values_{};
};

/// snake_case name without the component ("bad_nonce"), and one line of help.
struct CounterName {
  std::string name;
  std::string help;
};

class CounterRegistry {
 public:
  /// Counters "component.name". `values` (one per name, in order) must outlive the registry or be removed before.
  void add(std::string component, std::vector<CounterName> names, std::span<const std::uint64_t> values);
  /// The same for numbers that have no array of their own.
  void add(std::string component, CounterName name, std::function<std::uint64_t()> read);
  /// A number that also falls: sessions, queue lengths.
  void add_gauge(std::string component, CounterName name, std::function<std::int64_t()> read);
  void remove(std::string_view component);

  /// {"component.name": value, ...}: the `counters` of ilnp.counters/1.
  nlohmann::json to_json() const;
  /// Prometheus text format 0.0.4: `ilnp_component_name_total` for counters, without `_total` for gauges.
  std::string to_prometheus() const;
  /// Table of names and meanings for docs/operations.
  std::string markdown_reference() const;

 private:
  struct Item {
    std::string component;
    CounterName name;
    bool is_gauge = false;
    std::function<std::int64_t()> read;  // counters are read as the same 64 bits
  };
  void append(Item item);

  std::vector<Item> items_;  ///< in order of component, then of registration
};

}  // namespace ilnp
