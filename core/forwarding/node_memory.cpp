// SPDX-License-Identifier: Apache-2.0
// Sessions over a restart: the NIDs of clients, then what the node engine keeps. Clients come first, because sessions
// are those of known NIDs only.
#include "core/forwarding/node_sessions.h"

namespace ilnp {
namespace {

constexpr std::uint32_t magic = 0x494c4e53;  // "ILNS"

}  // namespace

ByteVector NodeSessions::memory(TimePoint now) {
  const ByteVector known = exchange_.clients().save(), sessions = forwarder_.save(now);
  ByteVector out;
  ByteWriter w{out};
  w.u32(magic);
  w.u32(static_cast<std::uint32_t>(known.size()));
  w.bytes(known);
  w.bytes(sessions);
  return out;
}

bool NodeSessions::start(TimePoint now, Bytes memory, NodeActions& actions, std::optional<Duration> age) {
  for (const OwnLocator& own : settings_.locators) forwarder_.locator_up(now, own, did_);
  bool is_whole = true;
  if (!memory.empty()) {
    ByteReader in{memory};
    const bool is_ours = in.u32() == magic;
    const Bytes known = in.take(in.u32());
    is_whole = is_ours && in.ok();
    if (is_whole) {
      for (const NodeId nid : exchange_.clients().restore(now, known)) forwarder_.add_own_nid(nid);
      is_whole = forwarder_.restore(now, in.rest(), did_, age);
    }
  }
  settle(now, actions);
  return is_whole;
}

}  // namespace ilnp
