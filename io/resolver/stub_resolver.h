// SPDX-License-Identifier: Apache-2.0
// The resolver that applications of an ILNP host talk to, on an address of its own (UDP and TCP).
//
// A and AAAA questions are forwarded as they are and, at the same time, the name is looked up for ILNP records. An ILNP
// name is answered with identity addresses (AAAA; TTL: the smallest of its records) and has no A records here: nobody
// shall fall back to a path that cannot move. Everything else, every other type, EDNS, TCP, large and truncated
// answers, passes through octet for octet, only the ID differs under way. An upstream's AAAA answer is held back at
// most `hold` for a look-up that is undecided or waits for a locator; for locators behind an LP, one more round trip
// of the length that the first took, at most `longest_chain_hold`. Where upstream has no address at all, nothing is
// lost by waiting for the look-up's end.
//
// Upstream answers are taken only from the server that was asked (connected sockets, random port and ID), with the
// same question, and only if the whole message is well-formed. Servers are tried in turn; the one that answered last
// comes first. The stub never asks itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/records/resolution.h"
#include "io/resolver/ilnp_resolver.h"
#include "io/resolver/name_server.h"

namespace ilnp {

struct StubSettings {
  /// Where applications ask; several are possible (an IPv4 and an IPv6 one). Port 0 lets the kernel choose (tests).
  std::vector<NameServer> listen;
  /// Where questions go. Empty: those of `resolv_conf`, which is read again when it changes.
  std::vector<NameServer> upstream;
  std::string resolv_conf = "/etc/resolv.conf";
  /// PTR questions for these prefixes are answered here when the name is known: identity addresses and their aliases.
  std::vector<std::pair<Address, unsigned>> identity_prefixes{{{{0xfd494c4e00000000}, {}}, 32}};
  Duration hold = milliseconds{50};
  Duration longest_chain_hold = seconds{1};
  Duration try_timeout = milliseconds{800};  ///< per server and try
  Duration total_timeout = seconds{4};       ///< then SERVFAIL
  std::size_t most_queries = 1024;           ///< outstanding; more are dropped and counted
  std::size_t most_connections = 64;
  /// A name whose ILNP records fail DNSSEC validation gets SERVFAIL instead of its plain addresses.
  bool ilnp_required = false;
};

struct StubHooks {
  /// An application asked for an ILNP name: install the peer, return its identity addresses (at most 8 are used).
  /// Empty: the name is treated as any other (our own name, a peer that policy excludes).
  std::function<std::vector<Address>(const ResolvedName&)> on_ilnp_name;
  /// The name of an identity address, if it is known here.
  std::function<std::optional<std::string>(const Address&)> name_of;
};

struct StubCounters {
  std::uint64_t udp_queries = 0, tcp_queries = 0;
  std::uint64_t ilnp_answers = 0;    ///< AAAA with identity addresses
  std::uint64_t a_suppressed = 0;    ///< A without data, for ILNP names
  std::uint64_t ptr_answers = 0;     ///< identity addresses
  std::uint64_t passed_through = 0;  ///< upstream's octets
  std::uint64_t held = 0;            ///< answers that waited for a look-up
  std::uint64_t hold_expired = 0;    ///< of these: the wait was in vain, the plain answer went out
  std::uint64_t servfail = 0;        ///< made here: no upstream answered
  std::uint64_t malformed_queries = 0, malformed_answers = 0, mismatched_answers = 0;
  std::uint64_t overload_drops = 0, connection_refusals = 0, upstream_timeouts = 0;
};

class StubResolver {
 public:
  /// Binds the sockets (an error names the address and why). The resolver must outlive the stub; its forwarders follow
  /// the stub's upstream servers.
  static Result<std::unique_ptr<StubResolver>> open(boost::asio::io_context& io, StubSettings settings,
                                                    IlnpResolver& resolver, StubHooks hooks);
  ~StubResolver();
  StubResolver(const StubResolver&) = delete;
  StubResolver& operator=(const StubResolver&) = delete;

  /// Reads resolv.conf again and forgets which server was slow.
  void network_changed();

  /// The bound addresses, with their real ports.
  const std::vector<NameServer>& listening() const;
  /// Where questions go now; empty: nowhere (no server known, or only ourselves).
  const std::vector<NameServer>& upstream() const;
  const StubCounters& counters() const;

 private:
  class Impl;
  explicit StubResolver(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace ilnp
