// SPDX-License-Identifier: Apache-2.0
// Two sockets: one joined to the groups, never asked anything; one for dumps. An event that was queued before a dump
// and is read after it may repeat or undo what the dump said, but the last event about a thing is always right.
#include "io/netlink/network_monitor.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "io/netlink/message_parser.h"
#include "io/netlink/rtnetlink.h"

namespace ilnp {
namespace {

constexpr int max_datagrams = 64;  ///< per read()
constexpr int receive_buffer = 4 << 20;
constexpr int max_discarded = 65536;

}  // namespace

struct NetworkMonitor::State {
  State(RouteSocket events, RouteSocket dumps) : events_socket{std::move(events)}, dump_socket{std::move(dumps)} {}

  void take(const nlmsghdr& message, std::vector<NetworkEvent>& out) {
    ++counters.messages;
    auto events = parse_message(message);
    if (!events) {
      ++counters.malformed;
      return;
    }
    for (NetworkEvent& event : events.value()) out.push_back(std::move(event));
  }

  Result<void> resync(std::vector<NetworkEvent>& out) {
    // What is queued is older than the dump.
    for (int i = 0; i < max_discarded; ++i)
      if (::recv(events_socket.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT) < 0 && errno != ENOBUFS) break;
    ++counters.resyncs;
    out.emplace_back(ResyncStarted{events_lost});
    constexpr std::pair<int, int> dumps[] = {
        {RTM_GETLINK, AF_UNSPEC}, {RTM_GETADDR, AF_INET6}, {RTM_GETROUTE, AF_INET6}, {RTM_GETNEIGH, AF_INET6}};
    for (const auto& [type, family] : dumps) {
      const std::size_t before = out.size();
      const auto done = dump_socket.dump(
          type, family, [&](const nlmsghdr& message) { take(message, out); }, [&] { out.resize(before); });
      if (!done) return done.error();
    }
    out.emplace_back(ResyncFinished{});
    resync_wanted = events_lost = false;
    return ok();
  }

  RouteSocket events_socket, dump_socket;
  Counters counters;
  bool resync_wanted = true, events_lost = false;
  std::vector<std::uint8_t> buffer = std::vector<std::uint8_t>(65536);
};

NetworkMonitor::NetworkMonitor(std::unique_ptr<State> state) : state_{std::move(state)} {}
NetworkMonitor::NetworkMonitor(NetworkMonitor&&) noexcept = default;
NetworkMonitor& NetworkMonitor::operator=(NetworkMonitor&&) noexcept = default;
NetworkMonitor::~NetworkMonitor() = default;

Result<NetworkMonitor> NetworkMonitor::open() {
  auto events = RouteSocket::open();
  if (!events) return events.error();
  auto dumps = RouteSocket::open();
  if (!dumps) return dumps.error();
  events.value().set_receive_buffer(receive_buffer);
  const auto joined =
      events.value().join({RTNLGRP_LINK, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE, RTNLGRP_NEIGH, RTNLGRP_IPV6_PREFIX});
  if (!joined) return joined.error();
  return NetworkMonitor{std::make_unique<State>(std::move(events.value()), std::move(dumps.value()))};
}

int NetworkMonitor::fd() const { return state_->events_socket.fd(); }
const NetworkMonitor::Counters& NetworkMonitor::counters() const { return state_->counters; }
void NetworkMonitor::request_resync() { state_->resync_wanted = true; }

Result<NetworkMonitor::Batch> NetworkMonitor::read() {
  State& state = *state_;
  Batch batch;
  if (state.resync_wanted) {
    if (const auto done = state.resync(batch.events); !done) return done.error();
    batch.more = true;
    return batch;
  }
  for (int i = 0; i < max_datagrams; ++i) {
    const ssize_t octets = ::recv(fd(), state.buffer.data(), state.buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (octets < 0) {
      if (errno == EAGAIN) return batch;
      if (errno == EINTR) continue;
      if (errno != ENOBUFS) return error(std::string{"reading netlink events: "} + std::strerror(errno));
      // The kernel had to drop notifications.
      ++state.counters.overruns;
      state.resync_wanted = state.events_lost = true;
      break;
    }
    const auto length = static_cast<std::size_t>(octets);
    if (length > state.buffer.size()) {
      ++state.counters.malformed;
      state.resync_wanted = state.events_lost = true;
      break;
    }
    const bool whole = for_each_message({state.buffer.data(), length},
                                        [&](const nlmsghdr& message) { state.take(message, batch.events); });
    if (!whole) ++state.counters.malformed;
  }
  batch.more = true;
  return batch;
}

}  // namespace ilnp
