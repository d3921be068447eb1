// SPDX-License-Identifier: Apache-2.0
// Carries one client's question to the upstream servers, in turn, until one gives an answer. Part of the stub resolver.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "core/records/dns_message.h"
#include "io/resolver/asking.h"
#include "io/resolver/stub_resolver.h"

namespace ilnp {

/// The servers, and which of them answered last.
struct Upstreams {
  std::vector<NameServer> servers;
  std::size_t preferred = 0;
};

class StubForward : public std::enable_shared_from_this<StubForward> {
 public:
  /// The answer's octets with the client's ID in place, or nothing when no server gave one in time.
  using OnAnswer = std::function<void(std::optional<ByteVector>)>;

  StubForward(boost::asio::io_context& io, const StubSettings& settings, Upstreams& upstreams, StubCounters& counters);

  /// Once, on an object held by shared_ptr. `query` was parsed before and holds `question`. `on_answer` is never called
  /// inside this.
  void start(Bytes query, const DnsQuestion& question, Asking::Transport transport, OnAnswer on_answer);

 private:
  void try_next();
  bool take(Bytes answer, std::uint16_t id, std::size_t server);
  void server_failed();
  void finish(std::optional<ByteVector> answer);
  void arm();
  void try_is_over();

  boost::asio::io_context& io_;
  const StubSettings& settings_;
  Upstreams& upstreams_;
  StubCounters& counters_;
  boost::asio::steady_timer timer_;
  TimePoint end_{};
  std::vector<NameServer> servers_;  ///< in the order of trying
  std::size_t first_ = 0;            ///< index of servers_[0] in upstreams_
  ByteVector query_;
  DnsQuestion question_;
  Asking::Transport transport_{};
  OnAnswer on_answer_;
  std::vector<std::unique_ptr<Asking>> tries_;  ///< all stay open: a late answer is an answer
  std::size_t started_ = 0, failed_ = 0;
  std::optional<ByteVector> complaint_;  ///< SERVFAIL or REFUSED of a server: better than nothing
};

}  // namespace ilnp
