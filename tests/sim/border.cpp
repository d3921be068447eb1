// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/border.h"

#include <gtest/gtest.h>

namespace ilnp::sim {

void BorderRouter::configure(std::function<void(SiteRewriter&)> setting) {
  setting(*rewriter_);
  configuration_.push_back(std::move(setting));
}

void BorderRouter::forget() {
  actions_.clear();
  rewriter_ = std::make_unique<SiteRewriter>(tuning_, random_);
  for (const auto& setting : configuration_) setting(*rewriter_);
}

void BorderRouter::add_inside(Site& subnet) {
  join(subnet);
  subnet.border = this;
  configure([address = subnet.router()](SiteRewriter& r) { r.set_address(Side::inside(), address); });
}

void BorderRouter::add_uplink(UplinkId id, const MappingRule& rule) {
  configure([id, rule](SiteRewriter& r) {
    ASSERT_TRUE(r.map().add(rule).has_value());
    Uplink& uplink = r.uplinks()[id];
    uplink.configured = true;
    uplink.state = UplinkState::up;
    uplink.preference = static_cast<std::uint16_t>(10 + id);
  });
}

void BorderRouter::add_other_site(const LocatorPrefix& inside, SiteId number) {
  configure([inside, number](SiteRewriter& r) { r.add_other_site(inside, number); });
}

void BorderRouter::add_name(UplinkId id, Site& outside, const Site& subnet) {
  const auto name = rewriter_->map().to_outside(subnet.locator, id);
  ASSERT_TRUE(name);
  outside.locator = *name;
  join(outside);
  uplink_of_[&outside] = id;
  configure([id, address = outside.router()](SiteRewriter& r) { r.set_address(Side::uplink(id), address); });
}

void BorderRouter::change_prefix(UplinkId id, const LocatorPrefix& inside, const LocatorPrefix& prefix, Site& outside,
                                 const Site& subnet) {
  configure([id, inside, prefix](SiteRewriter& r) { ASSERT_TRUE(r.map().replace(id, inside, prefix).has_value()); });
  add_name(id, outside, subnet);
  rewriter_->names_changed(world().now());
}

void BorderRouter::connect(BorderRouter& a, SiteId b_at_a, BorderRouter& b, SiteId a_at_b, Duration delay) {
  a.links_[b_at_a] = {&b, a_at_b, delay};
  b.links_[a_at_b] = {&a, b_at_a, delay};
}

NidEntry& BorderRouter::know(NodeId nid, const Site& home, Presence presence, Locator now, SiteId site, bool guest) {
  if (NidEntry* old = rewriter_->nids().find_owner(nid)) rewriter_->nids().erase(*old);
  NidEntry entry;
  entry.nid = nid;
  entry.home = home.locator;
  entry.now = now;
  entry.presence = presence;
  entry.site = site;
  entry.is_guest = guest;
  entry.owns_nid = true;
  const auto inserted = rewriter_->nids().insert(entry);
  EXPECT_TRUE(inserted.has_value());
  return *inserted.value();
}

void BorderRouter::hears(NodeId nid) {
  rewriter_->heard(world().now(), *rewriter_->nids().find_owner(nid), actions_);
  perform();
}

void BorderRouter::receive(ByteVector packet, Site& from) {
  const auto uplink = uplink_of_.find(&from);
  handle(uplink == uplink_of_.end() ? Side::inside() : Side::uplink(uplink->second), std::move(packet));
}

void BorderRouter::handle(Side from, ByteVector bytes) {
  if (is_dead) return;
  Packet packet{bytes, 0, bytes.size()};
  const SiteVerdict verdict = rewriter_->forward(world().now(), from, packet, actions_);
  if (verdict.kind == SiteVerdict::Kind::dropped || verdict.kind == SiteVerdict::Kind::answered)
    world().note(*this, std::string{"drops: "} + name_of(verdict.reason));
  if (verdict.kind == SiteVerdict::Kind::forward) send(verdict.to, std::move(bytes));
  perform();
}

void BorderRouter::perform(SiteActions& actions) {
  const SiteActions done = std::exchange(actions, {});
  for (const SitePacket& packet : done.packets) send(packet.to, packet.bytes);
  for (const SiteEvent& event : done.events) on_event(event);
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
  rewriter_->on_time(world().now(), actions_);
  perform();
}

}  // namespace ilnp::sim
