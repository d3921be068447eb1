// SPDX-License-Identifier: Apache-2.0
// The real SiteRewriter between simulated sites: inside ones, whose only way out it is, uplinks, and links to the
// border routers of other sites.
#pragma once

#include <map>
#include <memory>

#include "core/forwarding/site_rewriter.h"
#include "tests/sim/world.h"

namespace ilnp::sim {

class BorderRouter : public Node {
 public:
  BorderRouter(World& world, std::string name, SiteTuning tuning = {})
      : Node{world, std::move(name)}, tuning_{tuning}, random_{world.random().u64()} {
    forget();
  }

  SiteRewriter& rewriter() { return *rewriter_; }

  /// The subnet has this locator and no other way out.
  void add_inside(Site& subnet);
  void add_uplink(UplinkId id, const MappingRule& rule);
  void add_other_site(const LocatorPrefix& inside, SiteId number);
  /// How one subnet looks by one uplink; what the world sends there arrives here. After its add_uplink().
  void add_name(UplinkId id, Site& outside, const Site& subnet);
  /// The uplink has another prefix now, and the old one is gone: where a subnet is found changes with it.
  void change_prefix(UplinkId id, const LocatorPrefix& inside, const LocatorPrefix& prefix, Site& outside,
                     const Site& subnet);
  /// Both ways.
  static void connect(BorderRouter& a, SiteId b_at_a, BorderRouter& b, SiteId a_at_b, Duration delay);

  /// The node's home is here; it is at `site`, under that locator.
  NidEntry& know(NodeId nid, const Site& home, Presence presence, Locator now, SiteId site = 0, bool guest = false);

  /// A neighbour advertisement of the node.
  void hears(NodeId nid);
  void receive(ByteVector packet, Site& from) override;
  void on_time() override;
  TimePoint next_deadline() const override { return rewriter_->next_deadline(); }
  bool has_nid(NodeId) const override { return false; }
  bool takes(const Site& site, NodeId) const override { return uplink_of_.contains(&site); }

  std::uint64_t by_uplink(UplinkId id) const { return sent_.at(id); }

 protected:
  /// Everything but its configuration, as a process that is killed.
  void forget();
  /// Not there: packets for it are lost.
  bool is_dead = false;
  virtual void on_event(const SiteEvent&) {}
  void perform(SiteActions& actions);
  void perform() { perform(actions_); }

 private:
  struct OtherRouter {
    BorderRouter* router = nullptr;
    SiteId our_number = 0;
    Duration delay{};
  };
  void handle(Side from, ByteVector packet);
  void send(Side to, ByteVector packet);

  void configure(std::function<void(SiteRewriter&)> setting);

  SiteTuning tuning_;
  test::FakeRandom random_;
  std::vector<std::function<void(SiteRewriter&)>> configuration_;
  std::unique_ptr<SiteRewriter> rewriter_;
  SiteActions actions_;
  std::map<const Site*, UplinkId> uplink_of_;
  std::map<SiteId, OtherRouter> links_;
  std::array<std::uint64_t, max_uplinks> sent_{};
};

}  // namespace ilnp::sim
