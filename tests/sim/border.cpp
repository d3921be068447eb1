// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/border.h"

#include <gtest/gtest.h>

namespace ilnp::sim {

void BorderRouter::add_inside(Site& subnet) {
  join(subnet);
  subnet.border = this;
  rewriter_.set_address(Side::inside(), subnet.router());
}

void BorderRouter::add_uplink(UplinkId id, const MappingRule& rule) {
  ASSERT_TRUE(rewriter_.map().add(rule).has_value());
  Uplink& uplink = rewriter_.uplinks()[id];
  uplink.configured = true;
  uplink.state = UplinkState::up;
  uplink.preference = static_cast<std::uint16_t>(10 + id);
}

void BorderRouter::add_name(UplinkId id, Site& outside, const Site& subnet) {
  const auto name = rewriter_.map().to_outside(subnet.locator, id);
  ASSERT_TRUE(name);
  outside.locator = *name;
  join(outside);
  uplink_of_[&outside] = id;
  rewriter_.set_address(Side::uplink(id), outside.router());
}

void BorderRouter::connect(BorderRouter& a, SiteId b_at_a, BorderRouter& b, SiteId a_at_b, Duration delay) {
  a.links_[b_at_a] = {&b, a_at_b, delay};
  b.links_[a_at_b] = {&a, b_at_a, delay};
}

NidEntry& BorderRouter::know(NodeId nid, const Site& home, Presence presence, Locator now, SiteId site, bool guest) {
  if (NidEntry* old = rewriter_.nids().find_owner(nid)) rewriter_.nids().erase(*old);
  NidEntry entry;
  entry.nid = nid;
  entry.home = home.locator;
  entry.now = now;
  entry.presence = presence;
  entry.site = site;
  entry.is_guest = guest;
  entry.owns_nid = true;
  const auto inserted = rewriter_.nids().insert(entry);
  EXPECT_TRUE(inserted.has_value());
  return *inserted.value();
}

void BorderRouter::hears(NodeId nid) {
  rewriter_.heard(world().now(), *rewriter_.nids().find_owner(nid), actions_);
  perform();
}

void BorderRouter::receive(ByteVector packet, Site& from) {
  const auto uplink = uplink_of_.find(&from);
  handle(uplink == uplink_of_.end() ? Side::inside() : Side::uplink(uplink->second), std::move(packet));
}

void BorderRouter::handle(Side from, ByteVector bytes) {
  Packet packet{bytes, 0, bytes.size()};
  const SiteVerdict verdict = rewriter_.forward(world().now(), from, packet, actions_);
  if (verdict.kind == SiteVerdict::Kind::dropped || verdict.kind == SiteVerdict::Kind::answered)
    world().note(*this, std::string{"drops: "} + name_of(verdict.reason));
  if (verdict.kind == SiteVerdict::Kind::forward) send(verdict.to, std::move(bytes));
  perform();
}

void BorderRouter::perform() {
  std::vector<SitePacket> packets = std::move(actions_.packets);
  actions_.clear();
  for (SitePacket& packet : packets) send(packet.to, std::move(packet.bytes));
}

void BorderRouter::send(Side to, ByteVector packet) {
  const Locator source = Address::load(packet.data() + 8).locator,
                destination = Address::load(packet.data() + 24).locator;
  if (to.kind == Side::Kind::link) {
    const OtherRouter other = links_.at(to.number);
    world().after(other.delay, [other, packet = std::move(packet)]() mutable {
      other.router->handle(Side::link(other.our_number), std::move(packet));
    });
    return;
  }
  for (Site* site : sites()) {
    const auto uplink = uplink_of_.find(site);
    const bool is_uplink = uplink != uplink_of_.end();
    if (is_uplink != (to.kind == Side::Kind::uplink)) continue;
    if (is_uplink ? uplink->second != to.number || site->locator != source : site->locator != destination) continue;
    if (is_uplink) ++sent_.at(to.number);
    return world().transmit_by(*this, *site, std::move(packet));
  }
  world().note(*this, "nothing goes there");
}

void BorderRouter::on_time() {
  rewriter_.on_time(world().now(), actions_);
  perform();
}

}  // namespace ilnp::sim
