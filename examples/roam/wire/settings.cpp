// SPDX-License-Identifier: Apache-2.0
#include "examples/roam/wire/settings.h"

#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

namespace ilnp::wire {
namespace {

struct Unit {
  std::string_view suffix;
  double factor;
};

/// A non-negative number followed by one of the units (an empty suffix is a unit too).
template <std::size_t N>
Result<double> number_with_unit(std::string_view text, const Unit (&units)[N], const char* what) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc{} && std::isfinite(value) && value >= 0) {
    const std::string_view suffix{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    for (const Unit& unit : units)
      if (unit.suffix == suffix && value * unit.factor <= 1e18) return value * unit.factor;
  }
  return error("'" + std::string{text} + "' is not " + what);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

template <class T>
Result<void> store(T& target, Result<T> parsed) {
  if (!parsed) return parsed.error();
  target = parsed.value();
  return ok();
}

Result<void> apply_to(Shape& shape, std::string_view key, std::string_view value) {
  if (key == "delay") return store(shape.delay, parse_duration(value));
  if (key == "loss") return store(shape.loss, parse_probability(value));
  if (key == "reorder") return store(shape.reorder, parse_probability(value));
  if (key == "hold") return store(shape.reorder_hold, parse_duration(value));
  if (key == "rate") return store(shape.rate, parse_rate(value));
  if (key == "queue") return store(shape.queue_octets, parse_octets(value));
  if ((key == "up" || key == "down") && value.empty()) {
    shape.up = key == "up";
    return ok();
  }
  return error("'" + std::string{key} +
               "' is none of delay, loss, reorder, hold, rate, queue (with a value), up, down");
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  static constexpr Unit units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
  const Result<double> nanoseconds = number_with_unit(text, units, "a time such as 250us, 10ms or 1.5s");
  if (!nanoseconds) return nanoseconds.error();
  return Duration{static_cast<std::int64_t>(nanoseconds.value())};
}

Result<double> parse_probability(std::string_view text) {
  static constexpr Unit units[] = {{"", 1}, {"%", 0.01}};
  const Result<double> probability = number_with_unit(text, units, "a probability such as 0.02 or 2%");
  if (!probability) return probability.error();
  if (probability.value() > 1) return error("'" + std::string{text} + "' is a probability above 1");
  return probability;
}

Result<std::uint64_t> parse_rate(std::string_view text) {
  static constexpr Unit units[] = {{"", 1}, {"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}};
  const Result<double> bits = number_with_unit(text, units, "a rate such as 100mbit or 1gbit");
  if (!bits) return bits.error();
  return static_cast<std::uint64_t>(bits.value());
}

Result<std::size_t> parse_octets(std::string_view text) {
  static constexpr Unit units[] = {{"", 1}, {"K", 1024}, {"M", 1024 * 1024}};
  const Result<double> octets = number_with_unit(text, units, "a size such as 65536, 512K or 4M");
  if (!octets) return octets.error();
  return static_cast<std::size_t>(octets.value());
}

Result<void> apply(PairSettings& pair, std::string_view key, std::string_view value) {
  PairSettings changed = pair;
  bool forth = true, back = true;
  if (key.ends_with("-forth")) {
    key.remove_suffix(6);
    back = false;
  } else if (key.ends_with("-back")) {
    key.remove_suffix(5);
    forth = false;
  }
  if (forth)
    if (const Result<void> done = apply_to(changed.forth, key, value); !done) return done;
  if (back)
    if (const Result<void> done = apply_to(changed.back, key, value); !done) return done;
  pair = std::move(changed);
  return ok();
}

Result<PairSettings> parse_pair(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ',');
  PairSettings pair;
  if (parts.size() < 2 || parts[0].empty() || parts[1].empty())
    return error("a pair needs two interfaces: FIRST,SECOND[,KEY=VALUE...], not '" + std::string{text} + "'");
  pair.first = pair.name = parts[0];
  pair.second = parts[1];
  for (std::size_t i = 2; i < parts.size(); ++i) {
    const std::size_t equals = parts[i].find('=');
    const std::string_view key = parts[i].substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : parts[i].substr(equals + 1);
    if (key == "name")
      pair.name = value;
    else if (const Result<void> done = apply(pair, key, value); !done)
      return done.error();
  }
  return pair;
}

}  // namespace ilnp::wire
