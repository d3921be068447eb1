// SPDX-License-Identifier: Apache-2.0
// Packets that come for a node which has stopped here and has not yet shown up elsewhere: kept in order, and sent after
// it as soon as it is known where it is. Whoever stays gets them when the hold ends.
#include "core/forwarding/lisp_interworking.h"

namespace ilnp {

void LispInterworking::hold(TimePoint now, const lisp::Eid& eid) {
  if (!xtr_.is_mobile(eid)) return;
  holds_[eid].until = now + settings_.hold_time;
  xtr_.stopped(lisp::EidPrefix::host(eid));
}

void LispInterworking::release(lisp::Instant at, const lisp::Eid& eid, LispActions& actions) {
  if (const auto hold = holds_.find(eid); hold != holds_.end()) let_go(at, hold, actions);
}

LispVerdict LispInterworking::keep(Hold& hold, const TunnelEnd& end, Bytes packet) {
  const bool is_full = hold.packets.size() >= settings_.hold_packets;
  if (is_full && hold.packets.empty()) return drop(LispDrop::hold_full);
  const std::size_t given_up = is_full ? hold.packets.front().bytes.size() : 0;
  if (held_octets_ - given_up + packet.size() > settings_.hold_octets) return drop(LispDrop::hold_full);
  if (is_full) drop_oldest(hold);
  held_octets_ += packet.size();
  hold.packets.push_back({end, {packet.begin(), packet.end()}});
  return {LispVerdict::Kind::held, LispDrop::none, {}, {}};
}

void LispInterworking::drop_oldest(Hold& hold) {
  held_octets_ -= hold.packets.front().bytes.size();
  hold.packets.pop_front();
  drop(LispDrop::hold_full);
}

void LispInterworking::let_go(lisp::Instant at, Holds::iterator hold, LispActions& actions) {
  std::deque<Hold::Waiting> packets = std::move(hold->second.packets);
  holds_.erase(hold);
  for (Hold::Waiting& waiting : packets) {
    held_octets_ -= waiting.bytes.size();
    MutableBytes packet = waiting.bytes;
    const LispVerdict verdict = from_tunnel(at, waiting.end, packet, actions);
    if (verdict.kind == LispVerdict::Kind::tunnel)
      actions.tunnel.push_back({verdict.rloc, verdict.outer, waiting.end.instance, std::move(waiting.bytes)});
    else if (verdict.kind == LispVerdict::Kind::inside)
      actions.inside.push_back({waiting.end.instance, std::move(waiting.bytes)});
  }
}

}  // namespace ilnp
