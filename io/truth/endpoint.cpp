// SPDX-License-Identifier: Apache-2.0
#include "io/truth/endpoint.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

namespace ilnp {
namespace asio = boost::asio;
namespace {

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc{} && end == text.data() + text.size() && number > 0 && number < 65536;
}

bool is_host(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return !text.empty() && text.size() < 254 && std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace

bool EtcdEndpoint::has_address() const {
  boost::system::error_code failure;
  asio::ip::make_address(host, failure);
  return !failure;
}

bool EtcdEndpoint::is_loopback() const {
  boost::system::error_code failure;
  const auto address = asio::ip::make_address(host, failure);
  return !failure && address.is_loopback();
}

Result<EtcdEndpoint> parse_endpoint(std::string_view text) {
  EtcdEndpoint endpoint;
  endpoint.text = text;
  const auto wrong = [&](const char* what) { return error("endpoint \"" + endpoint.text + "\": " + what); };
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    endpoint.tls = false;
    rest.remove_prefix(7);
  } else {
    return wrong("begins with neither https:// nor http://");
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const std::size_t colon = rest.rfind(':');
  if (colon == rest.npos || !is_port(rest.substr(colon + 1))) return wrong("has no port");
  endpoint.port = rest.substr(colon + 1);
  std::string_view host = rest.substr(0, colon);
  const bool in_brackets = host.starts_with('[') && host.ends_with(']');
  if (in_brackets) host = host.substr(1, host.size() - 2);
  endpoint.host = host;
  if (in_brackets ? !endpoint.has_address() : !is_host(host)) return wrong("has no host");
  return endpoint;
}

}  // namespace ilnp
