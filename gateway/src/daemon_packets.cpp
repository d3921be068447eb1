// SPDX-License-Identifier: Apache-2.0
// Packets through the gateway.
#include <cerrno>

#include "gateway/src/daemon.h"

namespace ilnp {

TunSide* GatewayDaemon::side_of(std::uint32_t instance) {
  for (const auto& side : inside_)
    if (side->instance() == instance) return side.get();
  return nullptr;
}

/// Their look-ups are begun together, so that the memory answers all of them at once.
void GatewayDaemon::on_inside(std::uint32_t instance, std::span<Packet> packets) {
  if (!is_active_) {
    while_standing_by_ += packets.size();
    return;
  }
  const lisp::Instant at = instant();
  if (packets.size() > 1) {
    expected_.clear();
    for (const Packet& packet : packets)
      if (const auto inner = lisp::parse_inner(packet.bytes()))
        expected_.push_back({instance, inner.value().destination});
    xtr_->expect(expected_);
  }
  for (Packet& packet : packets) {
    const LispVerdict verdict = sessions_->from_inside(at, instance, packet, actions_);
    // What waited for the same answer goes first.
    settle(at);
    if (verdict.kind == LispVerdict::Kind::tunnel) data_port_->send(verdict.rloc, verdict.outer, instance, packet);
  }
  end_turn();
}

void GatewayDaemon::on_tunnel(const TunnelEnd& end, MutableBytes packet) {
  if (!is_active_) {
    ++while_standing_by_;
    return;
  }
  TunSide* side =
      arriving_side_ != nullptr && arriving_side_->instance() == end.instance ? arriving_side_ : side_of(end.instance);
  if (side == nullptr) {
    ++no_instance_;
    return;
  }
  if (!batch_at_) batch_at_ = instant();
  const lisp::Instant at = *batch_at_;
  const LispVerdict verdict = sessions_->from_tunnel(at, end, packet, actions_);
  settle(at);
  switch (verdict.kind) {
    case LispVerdict::Kind::inside:
      if (side != arriving_side_) on_train_end();
      arriving_side_ = side;
      arriving_.push_back(packet);
      break;
    case LispVerdict::Kind::tunnel:
      data_port_->send(verdict.rloc, verdict.outer, end.instance, Packet{packet, 0, packet.size()});
      break;
    case LispVerdict::Kind::held:
    case LispVerdict::Kind::answered:
    case LispVerdict::Kind::dropped:
      break;
  }
}

/// What one super-packet became on its way is one for the kernel again.
void GatewayDaemon::on_train_end() {
  if (arriving_.empty()) return;
  TunDevice& device = arriving_side_->device();
  if (arriving_.size() == 1 || !settings_.offload) {
    for (const MutableBytes packet : arriving_) (void)device.write(packet, {}, {});  // counted there
  } else {
    for (const lisp::Joined& joined : lisp::join(arriving_))
      (void)device.write(joined.first, joined.rest, joined.offload);
  }
  arriving_.clear();
}

void GatewayDaemon::on_data_error(const DatagramError& e) {
  const lisp::Instant at = instant();
  if (e.reason == EMSGSIZE)
    interworking_->set_path_mtu(at.now, e.destination, e.mtu);
  else
    xtr_->doubt(at.now, e.destination);
  end_turn();
}

void GatewayDaemon::write_inside(std::uint32_t instance, const Packet& packet) {
  if (TunSide* side = side_of(instance))
    (void)side->write(packet);  // counted there
  else
    ++no_instance_;
}

void GatewayDaemon::perform_packets() {
  for (InsidePacket& out : actions_.ready)
    write_inside(out.instance, Packet{out.bytes, 0, out.bytes.size(), out.offload});
  actions_.ready.clear();
  for (TunnelPacket& out : actions_.tunnel)
    data_port_->send(out.rloc, out.outer, out.instance, Packet{out.bytes, 0, out.bytes.size(), out.offload});
  actions_.tunnel.clear();
  perform_nodes();
}

}  // namespace ilnp
