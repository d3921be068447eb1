// SPDX-License-Identifier: Apache-2.0
// A Map-Server, two gateways between which a node moves, and a client's router.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/support/lisp_world.h"
#include "tests/unit/lisp/eids.h"

namespace ilnp::lisp {

class XtrWorld : public ::testing::Test {
 protected:
  static Secret secret(const char* text, std::uint8_t key = 1, std::uint8_t algorithm = 2) {
    const std::string octets{text};
    return {{key, algorithm}, {octets.begin(), octets.end()}, false};
  }
  static XtrIdentity identity(std::uint8_t n) {
    XtrIdentity own;
    own.xtr[15] = n;
    own.site = 0xa0u + n;
    return own;
  }

  /// One RLOC, one Map-Server that is its Map-Resolver too.
  XtrSettings router(std::uint8_t n, const char* rloc_address) const {
    XtrSettings settings;
    settings.own = identity(n);
    settings.underlay.rlocs = {ip(rloc_address)};
    settings.rlocs = {rloc(rloc_address)};
    settings.map_resolvers = {ip(server_address)};
    XtrMapServer server;
    server.name = "server";
    server.address = ip(server_address);
    server.secrets = {secret("registration")};
    server.subscriber_secrets = {secret("subscription", 3)};
    settings.map_servers = {server};
    return settings;
  }
  XtrSettings gateway(std::uint8_t n, const char* rloc_address) const {
    XtrSettings settings = router(n, rloc_address);
    settings.mobile = {vms};
    return settings;
  }
  static XtrPeer peer(const char* name, const char* address, const char* key = "change") {
    XtrPeer other;
    other.name = name;
    other.addresses = {ip(address)};
    other.secrets = {secret(key, 7)};
    other.scope = {vms};
    return other;
  }
  XtrSettings server() const {
    XtrSettings settings;
    settings.own = identity(9);
    settings.underlay.rlocs = {ip(server_address)};
    XtrSettings::Server::Site site;
    site.site.name = "all";
    site.site.prefixes = {{vms, true}, {clients, true}, {ipv4_clients, true}};
    site.secrets = {secret("registration")};
    settings.server.sites = {site};
    settings.server.subscriber_secrets = {secret("subscription", 3)};
    return settings;
  }

  /// All that there is, where `with_peers` the three routers speak Change-Priority.
  void build(bool with_peers, bool change_priority = true, bool pubsub = false) {
    XtrSettings g1 = gateway(1, g1_address), g2 = gateway(2, g2_address), c = router(3, client_address);
    c.site = {clients};
    c.map_servers[0].subscribes = pubsub;
    if (with_peers) {
      g1.peers = {peer("g2", g2_address), peer("c", client_address), peer("hypervisor", hypervisor_address)};
      g2.peers = {peer("g1", g1_address), peer("c", client_address), peer("hypervisor", hypervisor_address)};
      c.peers = {peer("g1", g1_address), peer("g2", g2_address)};
      for (XtrSettings* settings : {&g1, &g2}) {
        settings->peers[0].is_gateway = true;
        settings->peers[2].may_announce = true;
        settings->change_priority = change_priority;
      }
    }
    world.add("server", server());
    world.add("g1", std::move(g1));
    world.add("g2", std::move(g2));
    world.add("c", std::move(c));
  }
  /// The node is at the first gateway, and the client has spoken to it.
  void settle() {
    world.arrive("g1", vm);
    world.run(seconds{1});
    world.send("c", client, vm_eid);
    world.run(seconds{1});
    world.log.clear();
    world.delivered.clear();
  }

  const MappingRecord* mapping_at(const std::string& name) {
    mapping_ = MappingRecord{};
    bool found = false;
    world[name].xtr->cache().for_each([&](const Mapping& mapping) {
      if (mapping.eid != vm) return;
      mapping_.eid = mapping.eid;
      mapping_.rlocs = mapping.rlocs;
      found = true;
    });
    return found ? &mapping_ : nullptr;
  }
  /// Where the client would send to.
  std::string way(const std::string& name = "c") {
    const MappingRecord* mapping = mapping_at(name);
    if (mapping == nullptr) return "none";
    for (const RlocRecord& one : mapping->rlocs)
      if (one.priority != never_use && one.is_reachable) return to_string(one.address);
    return "nowhere";
  }
  /// How long until the client would send there; a negative number: not within ten seconds.
  long milliseconds_until(const std::string& where) {
    const TimePoint began = world.now;
    for (; world.now - began <= seconds{10}; world.run(milliseconds{1}))
      if (way() == where) return (world.now - began) / milliseconds{1};
    return -1;
  }
  EidPresence::State state(const std::string& name) {
    EidPresence::State found = EidPresence::State::unknown;
    world[name].xtr->for_each_presence([&](const EidPrefix& eid, const EidPresence& presence) {
      if (eid == vm) found = presence.state();
    });
    return found;
  }

  static constexpr const char *server_address = "2001:db8:53::53", *g1_address = "2001:db8:a1::1",
                              *g2_address = "2001:db8:a2::1", *client_address = "2001:db8:c1::1",
                              *hypervisor_address = "2001:db8:b::1";
  static inline const EidPrefix vms = eid_prefix("2001:db8:e1d::/64"), clients = eid_prefix("2001:db8:c1e::/48"),
                                ipv4_clients = eid_prefix("10.9.0.0/16"), vm = eid_prefix("2001:db8:e1d::7/128");
  static inline const Eid vm_eid = eid("2001:db8:e1d::7"), client = eid("2001:db8:c1e::99");
  test::LispWorld world;

 private:
  MappingRecord mapping_;
};

}  // namespace ilnp::lisp
