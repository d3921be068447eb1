// SPDX-License-Identifier: Apache-2.0
#include "io/settings/values.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "core/ilnp/text.h"

namespace ilnp {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr std::array<Unit, 6> units{{{"d", 86'400'000'000'000},
                                     {"h", 3'600'000'000'000},
                                     {"m", 60'000'000'000},
                                     {"s", 1'000'000'000},
                                     {"ms", 1'000'000},
                                     {"us", 1'000}}};

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration::zero();
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_integer(text.substr(0, digits));
  const auto unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == text.substr(digits); });
  if (!number || unit == units.end()) return std::nullopt;
  if (*number > std::numeric_limits<std::int64_t>::max() / unit->nanoseconds) return std::nullopt;
  return Duration{*number * unit->nanoseconds};
}

std::string duration_text(Duration duration) {
  if (duration == Duration::zero()) return "0s";
  for (const Unit& unit : units) {
    if (duration.count() % unit.nanoseconds == 0) {
      return std::to_string(duration.count() / unit.nanoseconds).append(unit.name);
    }
  }
  return std::to_string(duration.count()) + "ns";
}

std::optional<Prefix> parse_prefix(std::string_view text, std::string& reason) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    reason = "has no length (\"2001:db8::/64\")";
    return std::nullopt;
  }
  const auto address = parse_address(text.substr(0, slash));
  const auto length = parse_integer(text.substr(slash + 1));
  if (!address || !length || *length < 0 || *length > 128) {
    reason = "is not an IPv6 prefix";
    return std::nullopt;
  }
  const auto host_bits = [](std::uint64_t bits, std::int64_t kept) {
    return kept >= 64 ? 0 : kept <= 0 ? bits : bits << kept;
  };
  if (host_bits(address->locator.bits, *length) != 0 || host_bits(address->nid.bits, *length - 64) != 0) {
    reason = "has bits set beyond its length";
    return std::nullopt;
  }
  return Prefix{*address, static_cast<int>(*length)};
}

/// Canonical text of a numeric address, with a zone for IPv6 ("fe80::1%eth0").
std::optional<std::string> canonical_address(std::string_view text, bool& is_ipv4) {
  if (text.size() > 64) return std::nullopt;
  const std::size_t percent = text.find('%');
  const std::string_view zone = percent == std::string_view::npos ? std::string_view{} : text.substr(percent);
  const std::string number{text.substr(0, percent)};
  std::array<std::uint8_t, 16> octets{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  is_ipv4 = inet_pton(AF_INET, number.c_str(), octets.data()) == 1;
  if (is_ipv4 && !zone.empty()) return std::nullopt;
  if (!is_ipv4 && inet_pton(AF_INET6, number.c_str(), octets.data()) != 1) return std::nullopt;
  if (percent != std::string_view::npos && (zone.size() < 2 || zone.size() > 16)) return std::nullopt;
  inet_ntop(is_ipv4 ? AF_INET : AF_INET6, octets.data(), out.data(), out.size());
  return std::string{out.data()}.append(zone);
}

Result<SettingValue> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text, port;
  bool bracketed = false;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return error("has no closing bracket");
    bracketed = true;
    host = text.substr(1, close - 1);
    port = text.substr(close + 1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(text.find(':'));
  }
  bool is_ipv4 = false;
  auto address = canonical_address(host, is_ipv4);
  if (!address || (bracketed && is_ipv4)) {
    return error("is not a numeric address with a port (\"127.0.0.1:53\", \"[2001:db8::1]:53\")");
  }
  if (port.empty()) {
    if (default_port == 0) return error("has no port");
    return SettingValue{Endpoint{*std::move(address), default_port}};
  }
  const auto number = port.starts_with(':') ? parse_integer(port.substr(1)) : std::nullopt;
  if (!number || *number < 1 || *number > 65535) return error("has a bad port (1..65535)");
  return SettingValue{Endpoint{*std::move(address), static_cast<std::uint16_t>(*number)}};
}

template <class T>
Result<SettingValue> value_or(std::optional<T> value, const char* otherwise) {
  if (!value) return error(otherwise);
  return SettingValue{std::in_place_type<T>, *std::move(value)};
}

Result<SettingValue> parse_unchecked(const Option& option, std::string_view text) {
  switch (option.type) {
    case OptionType::boolean:
      if (text != "true" && text != "false") return error("must be true or false");
      return SettingValue{text == "true"};
    case OptionType::integer:
      return value_or(parse_integer(text), "must be an integer");
    case OptionType::duration:
      return value_or(parse_duration(text), "must be a number with a unit (us, ms, s, m, h, d), like \"30s\"");
    case OptionType::string:
    case OptionType::path:
      return SettingValue{std::string{text}};
    case OptionType::address:
      return value_or(parse_address(text), "is not an IPv6 address");
    case OptionType::prefix: {
      std::string reason;
      auto prefix = parse_prefix(text, reason);
      return value_or(prefix, reason.c_str());
    }
    case OptionType::locator:
      return value_or(parse_locator(text), "is not a locator (\"2001-0db8-0001-0002\")");
    case OptionType::nid:
      return value_or(parse_node_id(text), "is not a node identifier (\"0200+00ff+fe00+1234\")");
    case OptionType::ip_address:
      return value_or(lisp::parse_ip_address(text), "is not an IPv4 or IPv6 address");
    case OptionType::ip_prefix:
      return value_or(lisp::parse_ip_prefix(text), "is not an IPv4 or IPv6 prefix without host bits (\"10.8.0.0/16\")");
    case OptionType::eid_prefix:
      return value_or(lisp::parse_eid_prefix(text),
                      "is not an EID-prefix without host bits (\"10.8.0.0/16\", \"[7]2001:db8::/32\")");
    case OptionType::endpoint:
      return parse_endpoint(text, option.default_port);
  }
  return error("has an unknown type");
}

bool printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Result<SettingValue> check_text(const Option& option, SettingValue value) {
  const std::string& text = std::get<std::string>(value);
  if (text.size() > max_text_value) return error("is longer than " + std::to_string(max_text_value) + " octets");
  if (option.type == OptionType::path && !text.starts_with('/')) return error("must be an absolute path");
  if (!option.choices.empty() &&
      std::find(option.choices.begin(), option.choices.end(), text) == option.choices.end()) {
    std::string reason = "\"" + text + "\" is not one of";
    for (const std::string& choice : option.choices) reason.append(" \"").append(choice).append("\"");
    return error(std::move(reason));
  }
  return value;
}

template <class T>
bool within(const Option& option, const T& value, std::optional<T> (*parse)(std::string_view)) {
  const std::size_t dots = option.range.find("..");
  const std::string_view range = option.range;
  return value >= parse(range.substr(0, dots)) && value <= parse(range.substr(dots + 2));
}

}  // namespace

Result<SettingValue> parse_value(const Option& option, std::string_view text) {
  const bool free_text = option.type == OptionType::string || option.type == OptionType::path;
  const auto named = [&](const std::string& reason) {
    return free_text ? reason : "\"" + std::string{text.substr(0, 80)} + "\" " + reason;
  };
  // First, because reasons repeat the text: it must stay one line in a log.
  if (!printable(text)) return error("has control characters");
  auto value = parse_unchecked(option, text);
  if (!value) return error(named(value.error().message));
  return check_value(option, std::move(value).value());
}

Result<SettingValue> check_value(const Option& option, SettingValue value) {
  if (std::holds_alternative<std::string>(value)) return check_text(option, std::move(value));
  if (option.range.empty()) return value;
  bool inside = true;
  if (const auto* number = std::get_if<std::int64_t>(&value)) inside = within(option, *number, parse_integer);
  if (const auto* duration = std::get_if<Duration>(&value)) inside = within(option, *duration, parse_duration);
  if (!inside) return error(to_string(value) + " is out of range (" + option.range + ")");
  return value;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(", "), text.size());
    items.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 2, text.size()));
  }
  return items;
}

std::string_view type_name(OptionType type) {
  switch (type) {
    case OptionType::boolean:
      return "boolean";
    case OptionType::integer:
      return "integer";
    case OptionType::duration:
      return "duration";
    case OptionType::string:
      return "string";
    case OptionType::path:
      return "path";
    case OptionType::address:
      return "IPv6 address";
    case OptionType::prefix:
      return "IPv6 prefix";
    case OptionType::locator:
      return "locator";
    case OptionType::nid:
      return "node identifier";
    case OptionType::ip_address:
      return "IP address";
    case OptionType::ip_prefix:
      return "IP prefix";
    case OptionType::eid_prefix:
      return "EID-prefix";
    case OptionType::endpoint:
      return "address and port";
  }
  return "";
}

std::string to_string(const Prefix& prefix) { return to_string(prefix.address) + "/" + std::to_string(prefix.length); }

std::string to_string(const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.address.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + endpoint.address + "]" : endpoint.address) + ":" + std::to_string(endpoint.port);
}

std::string to_string(const SettingValue& value) {
  struct Printer {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(Duration v) const { return duration_text(v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const Address& v) const { return to_string(v); }
    std::string operator()(const Prefix& v) const { return to_string(v); }
    std::string operator()(Locator v) const { return to_text(v); }
    std::string operator()(NodeId v) const { return to_text(v); }
    std::string operator()(const lisp::IpAddress& v) const { return lisp::to_string(v); }
    std::string operator()(const lisp::IpPrefix& v) const { return lisp::to_string(v); }
    std::string operator()(const lisp::EidPrefix& v) const { return lisp::to_string(v); }
    std::string operator()(const Endpoint& v) const { return to_string(v); }
  };
  return std::visit(Printer{}, value);
}

}  // namespace ilnp
