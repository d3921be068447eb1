// SPDX-License-Identifier: Apache-2.0
#include "io/resolver/name_server.h"

#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>

#include <boost/asio/ip/address.hpp>

namespace ilnp {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (code != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

}  // namespace

Result<NameServer> parse_name_server(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  const auto split = [&](std::size_t at, std::size_t skip) {
    host = text.substr(0, at);
    port = text.substr(at + skip);
    has_port = true;
  };
  if (const auto at = text.find('@'); at != std::string_view::npos) {
    split(at, 1);
  } else if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return error("'" + std::string{text} + "': missing ']'");
    if (close + 1 < text.size()) {
      if (text[close + 1] != ':') return error("'" + std::string{text} + "': ':port' expected after ']'");
      split(close, 2);
    }
    host = text.substr(1, close - 1);
  } else if (text.find(':') == text.rfind(':') && text.find(':') != std::string_view::npos) {
    split(text.find(':'), 1);
  }
  boost::system::error_code bad;
  const auto address = boost::asio::ip::make_address(std::string{host}, bad);
  if (bad) return error("'" + std::string{text} + "' is not an IPv4 or IPv6 address");
  const auto number = has_port ? parse_port(port) : std::optional{default_port};
  if (!number) return error("'" + std::string{text} + "': the port must be 1 to 65535");
  return NameServer{address, *number};
}

std::string to_string(const NameServer& server) {
  std::ostringstream out;
  out << server;
  return out.str();
}

Result<std::vector<NameServer>> read_resolv_conf(const std::string& path) {
  std::ifstream file{path};
  if (!file) return error("cannot read " + path);
  std::vector<NameServer> servers;
  std::string line;
  constexpr std::size_t most_servers = 16;
  while (servers.size() < most_servers && std::getline(file, line)) {
    std::istringstream words{line};
    std::string keyword, value;
    if (!(words >> keyword >> value) || keyword != "nameserver") continue;
    if (auto server = parse_name_server(value)) servers.push_back(server.value());
  }
  return servers;
}

}  // namespace ilnp
