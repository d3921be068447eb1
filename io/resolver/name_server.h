// SPDX-License-Identifier: Apache-2.0
// Addresses of name servers, and the resolv.conf file that names them (read, never written).
#pragma once

#include <cstdint>
#include <utility>  // Boost.Asio 1.74 uses std::exchange without it

#include <boost/asio/ip/udp.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace ilnp {

/// One name server; the port serves UDP and TCP.
using NameServer = boost::asio::ip::udp::endpoint;

/// "192.0.2.1", "2001:db8::1", "fe80::1%eth0", with a port "192.0.2.1:5353", "[2001:db8::1]:5353" or
/// "2001:db8::1@5353".
Result<NameServer> parse_name_server(std::string_view text, std::uint16_t default_port = 53);
/// "[2001:db8::1]:53"
std::string to_string(const NameServer& server);

/// The `nameserver` lines of a resolv.conf; lines that nobody can read are left out.
Result<std::vector<NameServer>> read_resolv_conf(const std::string& path);

}  // namespace ilnp
