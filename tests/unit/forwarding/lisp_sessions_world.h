// SPDX-License-Identifier: Apache-2.0
// A gateway with all that it has between tunnels and nodes, a LISP client at the other end of a tunnel, and an ILNP
// node.
#pragma once

#include <algorithm>
#include <iterator>
#include <set>

#include "core/forwarding/lisp_sessions.h"
#include "core/lisp/change_priority.h"
#include "core/lisp/registration.h"
#include "tests/unit/forwarding/vm_world.h"
#include "tests/unit/lisp/eids.h"

namespace ilnp::test {

/// With the hops that it had when it was sent.
inline ByteVector landed(ByteVector packet) {
  lisp::set_hop_limit(packet, 64);
  return packet;
}

struct LispSessionsWorld : VmWorld {
  static constexpr Locator tenant_eids{0x2001'0db8'0e1e'0000};
  const Address plain = address("2001:db8:aa::7"), client6 = address("2001:db8:64::a09:5"),
                client6_identity{identity, {0x0a09'0005}}, guest = address("2001:db8:bb::9");
  const lisp::IpAddress client4 = lisp::ip("10.9.0.5"), vm4 = lisp::ip("10.8.0.7"), plain4 = lisp::ip("10.8.0.8"),
                        stale4 = lisp::ip("10.8.0.99"), guest4 = lisp::ip("10.8.0.9"), own4 = lisp::ip("10.8.255.1");

  lisp::XtrSettings control_plane() const {
    using lisp::eid_prefix;
    lisp::XtrSettings out;
    out.own = {{1}, 1};
    out.underlay.rlocs = {lisp::ip("2001:db8:a1::1")};
    out.rlocs = {lisp::rloc("2001:db8:a1::1")};
    out.site = {eid_prefix("2001:db8:e1d::/64"),   eid_prefix("2001:db8:aa::/64"), eid_prefix("2001:db8:64::/96"),
                eid_prefix("10.8.0.7/32"),         eid_prefix("10.8.0.8/32"),      eid_prefix("10.8.0.9/32"),
                eid_prefix("2001:db8:e1e::/64", 7)};
    out.mobile = {eid_prefix("2001:db8:bb::/64")};
    lisp::XtrMapServer server;
    server.address = lisp::ip("2001:db8:53::53");
    server.secrets = {{{0, 2}, secret}};
    out.map_servers = {server};
    lisp::XtrPeer data_centre;
    data_centre.addresses = {lisp::ip("2001:db8:d2::1")};
    data_centre.secrets = {{{0, 2}, secret}};
    data_centre.is_gateway = data_centre_is_gateway;
    data_centre.scope = {eid_prefix("2001:db8:e1d::/64"), eid_prefix("2001:db8:e1e::/64", 7)};
    out.peers = {data_centre};
    if (mobile_nodes) {
      for (const lisp::EidPrefix& block : data_centre.scope) {
        std::erase(out.site, block);
        out.mobile.push_back(block);
      }
    }
    out.static_mappings = {lisp::mapping("2001:db8:c11::/48", {lisp::rloc("2001:db8:c1::1")}),
                           lisp::negative("2001:db8:c12::/48", lisp::Action::natively_forward),
                           lisp::mapping("10.9.0.0/24", {lisp::rloc("2001:db8:c1::1")}),
                           lisp::mapping("2001:db8:bb::9/128", {lisp::rloc("2001:db8:d1::1")})};
    return out;
  }
  NodeSettings node_settings() const {
    NodeSettings out;
    out.exchange.identity_prefix = identity;
    out.exchange.eid_prefixes = {{0, eids}, {7, tenant_eids}};
    out.locators = {{entry, 1}};
    out.nodes = {{vm_nid, instances, name, configured}};
    return out;
  }
  TranslationSettings translation() const {
    using lisp::IpPrefix;
    TranslationSettings out;
    out.siit.router = own4;
    out.siit.hairpin = true;
    out.embedding = address("2001:db8:64::");
    for (const auto& [ipv4, ipv6] : {std::pair{vm4, vm_eid}, std::pair{plain4, plain}, std::pair{guest4, guest}})
      out.rows.push_back({0, IpPrefix::host(ipv4), IpPrefix::host(ipv6), lisp::Family::ipv6});
    out.pool = {lisp::eid_prefix("10.8.0.0/24")};
    return out;
  }

  void begin(Bytes memory = {}) {
    sessions.reset();
    xtr.emplace(control_plane(), std::nullopt, random, hmac);
    interworking.emplace(InterworkingSettings{.is_pitr = is_pitr}, *xtr, 77);
    interworking->set_inside_addresses({lisp::ip("2001:db8:aa::1"), own4});
    nodes.emplace(node_settings(), random, hasher, 1);
    registrations.reset();
    if (places) registrations.emplace(*places, node_settings(), *xtr, *nodes);
    sessions.emplace(translation(), *xtr, *interworking, &*nodes, places ? &*registrations : nullptr, 78);
    sessions->set_inside_addresses({own4});
    actions.clear();
    whole_memory = nodes->start(now, memory, actions.nodes);
    if (places) registrations->start(at(), actions.nodes, actions.control);
    sessions->on_time(at(), actions);
    perform();
  }
  /// Their EIDs are a mobile block.
  void begin_with_mobile_nodes() {
    mobile_nodes = true;
    begin();
  }
  void SetUp() override { begin(); }
  lisp::Instant at() const {
    return {now, 1'700'000'000'000'000 + static_cast<std::uint64_t>(now.time_since_epoch().count() / 1000)};
  }

  PacketBuilder from_vm_to_ipv4() const { return {vm_identity, client6_identity}; }

  /// Out of the tunnel; what follows happens as well.
  LispVerdict client_sends(const ByteVector& octets, std::uint32_t instance = 0) {
    ByteVector bytes = octets;
    MutableBytes packet{bytes};
    const LispVerdict verdict =
        sessions->from_tunnel(at(), {lisp::ip("2001:db8:c1::1"), 60, 0, instance}, packet, actions);
    if (verdict.kind == LispVerdict::Kind::inside) at_inside.push_back({packet.begin(), packet.end()});
    perform();
    return verdict;
  }
  /// Of a plain node inside, by its kernel.
  void inside_sends(const ByteVector& octets) {
    PacketBuffer buffer{octets};
    const LispVerdict verdict = sessions->from_inside(at(), 0, buffer.packet, actions);
    perform();
    if (verdict.kind == LispVerdict::Kind::tunnel) to_client(buffer.bytes(), {});
  }
  /// On the wire, in the name of whoever.
  void arrives(const ByteVector& octets) {
    put_on_wire({octets, {}});
    deliver();
  }
  /// A data centre whose router speaks Change-Priority has taken the VM's EID.
  void taken_by_data_centre(std::uint32_t instance = 0) {
    lisp::ChangePriority transfer;
    transfer.kind = lisp::ChangePriority::Kind::transfer;
    transfer.nonce = at().unix_microseconds;
    transfer.key = {0, 2};
    lisp::MappingRecord there = lisp::mapping("2001:db8:e1d::/64", {lisp::rloc("2001:db8:d2::1")});
    there.eid = lisp::EidPrefix::host({instance, Address{instance == 0 ? eids : tenant_eids, vm_nid}});
    transfer.records = {there};
    transfer.sender = {{9}, 1};
    const ByteVector message = lisp::encode_change_priority(transfer, {secret}, hmac);
    xtr->on_control(at(), {lisp::ip("2001:db8:d2::1"), lisp::ip("2001:db8:a1::1"), 4342, message}, actions.control);
    sessions->after_control(at(), actions);
    perform();
  }
  bool is_away() const { return xtr->place_of(now, {0, vm_eid}).kind == lisp::EidPlace::Kind::away; }
  /// A TCP connection of the client, with one segment of data each way.
  void connect() {
    client_sends(from_client().tcp(4000, 80, 100, 0, 0x02).build());
    vm_sends(from_vm().tcp(80, 4000, 500, 101, 0x12).build());
    client_sends(from_client().tcp(4000, 80, 101, 501, 0x10, text("before")).build());
  }
  void perform() {
    for (const TunnelPacket& each : std::exchange(actions.tunnel, {})) to_client(each.bytes, each.offload);
    for (InsidePacket& each : std::exchange(actions.ready, {})) at_inside.push_back(std::move(each.bytes));
    for (OutPacket& each : std::exchange(actions.nodes.to_wire, {})) put_on_wire(std::move(each));
    for (NameQuery& each : std::exchange(actions.nodes.name_queries, {})) asked.push_back(std::move(each));
    for (const HostEvent& each : std::exchange(actions.nodes.events, {})) events.push_back(each.kind);
    std::ranges::copy(actions.lost, std::back_inserter(lost));
    EXPECT_TRUE(actions.inside.empty() && actions.nodes.to_clients.empty()) << "nothing is left lying";
    host_routes += actions.control.deliveries.size();
    for (const lisp::ControlToSend& each : actions.control.datagrams) {
      at_map_server(each.message);
      const bool is_smr = each.message[0] >> 4 == 1 && (each.message[0] & 1) != 0;
      told_clients += is_smr && each.to == lisp::ip("2001:db8:c1::1") ? 1 : 0;
    }
    actions.clear();
    deliver();
  }

  std::vector<ByteVector> at_client, at_inside;  ///< what arrived, oldest first
  std::vector<NameQuery> asked;
  std::vector<EventKind> events;
  std::vector<SessionsLost> lost;

  FakeHmac hmac;
  std::string name;  ///< of the VM in the DNS
  std::vector<ResolvedLocator> configured{{first, 10, seconds{300}}};
  std::set<std::uint32_t> instances{0};  ///< where the VM has an EID
  bool mobile_nodes = false, is_pitr = true, data_centre_is_gateway = false;
  std::optional<LispPlaces> places;  ///< where RLOCs follow locators
  std::optional<lisp::Xtr> xtr;
  std::optional<LispInterworking> interworking;
  std::optional<NodeSessions> nodes;
  std::optional<NodeRegistrations> registrations;
  std::optional<LispSessions> sessions;
  SessionActions actions;
  bool whole_memory = false;
  std::size_t host_routes = 0, told_clients = 0;
  const ByteVector secret = text("a secret of sixteen octets");
  std::vector<lisp::MappingRecord> registered_records;  ///< of the VM's EID, oldest first

 protected:
  TimePoint gateway_deadline() const override { return sessions->next_deadline(); }
  void gateway_on_time() override {
    sessions->on_time(at(), actions);
    perform();
  }
  void at_gateway(Packet& packet) override {
    sessions->from_wire(at(), packet, actions);
    perform();
  }

 private:
  void at_map_server(Bytes message) {
    if (message[0] >> 4 != 3) return;
    const auto sealed = lisp::inspect_map_register(message);
    ASSERT_TRUE(sealed);
    const auto opened = lisp::open_map_register(sealed.value(), {secret}, hmac);
    ASSERT_TRUE(opened);
    for (const lisp::MappingRecord& record : opened.value().records)
      if (record.eid == lisp::EidPrefix::host({0, vm_eid})) registered_records.push_back(record);
  }
  void to_client(const ByteVector& octets, const Offload& offload) {
    expect_right({octets, offload});
    at_client.push_back(octets);
  }
};

}  // namespace ilnp::test
