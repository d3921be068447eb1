// SPDX-License-Identifier: Apache-2.0
// What is in lisp.pcap, packet by packet. C is a client's xTR, G1, G2 and G3 are gateways, MS is the Map-Server. The
// values are those that a reader must find, and of which a writer must make the same octets.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "core/lisp/messages.h"
#include "tests/support/packet_builder.h"
#include "tests/support/pcap.h"

namespace ilnp::lisp::vectors {

inline IpAddress ip(const char* text) { return parse_ip_address(text).value(); }
inline EidPrefix eid(const char* text, std::uint32_t instance = 0) { return {instance, parse_ip_prefix(text).value()}; }

inline const IpAddress c = ip("2001:db8:c1::1"), c_ipv4 = ip("192.0.2.10"), c2 = ip("2001:db8:c2::1"),
                       g1 = ip("2001:db8:a1::1"), g1_ipv4 = ip("198.51.100.1"), g2 = ip("2001:db8:a2::1"),
                       g3 = ip("2001:db8:a3::1"), ms = ip("2001:db8:53::53"), hypervisor = ip("2001:db8:a2::77");
inline const EidPrefix vm = eid("2001:db8:e1d:0:200:ff:fe00:1234/128"), site_of_c = eid("2001:db8:c1e::/48"),
                       client = eid("2001:db8:c1e::99/128");
inline const Eid vm_eid{0, vm.prefix.address}, client_eid{0, client.prefix.address};
inline constexpr std::uint32_t instance = 4242;
inline constexpr std::string_view registration_secret = "ilnp-lisp-demo", change_priority_secret = "cp-scope-a";
inline constexpr XtrIdentity sender{
    {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}, 0xa01};

// --- words for records ---

inline RlocRecord rloc(const IpAddress& address, int priority, int weight) {
  return {address, static_cast<std::uint8_t>(priority), static_cast<std::uint8_t>(weight)};
}
inline RlocRecord local(RlocRecord record) {
  record.is_local = true;
  return record;
}
inline RlocRecord probed(RlocRecord record) {
  record.is_probed = true;
  return record;
}
inline RlocRecord gone(RlocRecord record) {
  record.is_reachable = false;
  return record;
}
/// In the log of clients the multicast weight says what a client understands.
inline RlocRecord understands(RlocRecord record, std::uint8_t capability) {
  record.multicast_weight = capability;
  return record;
}
inline MappingRecord record(const EidPrefix& about, std::uint32_t ttl, std::vector<RlocRecord> rlocs) {
  return {ttl, about, Action::no_action, false, 0, std::move(rlocs)};
}
inline MappingRecord authoritative(MappingRecord mapping) {
  mapping.is_authoritative = true;
  return mapping;
}
inline MappingRecord negative(const EidPrefix& about, std::uint32_t ttl, Action action) {
  return {ttl, about, action, false, 0, {}};
}

/// What G1 registers, alone.
inline MappingRecord at_g1() { return authoritative(record(vm, 5, {local(rloc(g1, 1, 100))})); }

// --- the packets ---

struct Expected {
  std::string_view what;
  IpAddress source, destination;  ///< outer
  std::uint16_t source_port, destination_port;
};

// clang-format off
inline const std::array<Expected, 30> expected{{
  {"Map-Request in an Encapsulated Control Message: C asks for the VM",     c, ms, 4342, 4342},
  {"Map-Reply: G1 priority 1, G2 priority 2",                               g1, c, 4342, 4342},
  {"negative Map-Reply: forward natively, 15 minutes",                      ms, c, 4342, 4342},
  {"Map-Register, algorithm 1, 20 octets, key 0",                           g1, ms, 4342, 4342},
  {"Map-Register, algorithm 2, 32 octets",                                  g1, ms, 4342, 4342},
  {"Map-Register, algorithm 2, 16 octets",                                  g1, ms, 4342, 4342},
  {"Map-Register, algorithm 3, 16 octets, TTL is the timeout, sender named", g1, ms, 4342, 4342},
  {"Map-Notify, the answer to 5",                                           ms, g1, 4342, 4342},
  {"Map-Register that withdraws: TTL 0, priority 255, not reachable",       g1, ms, 4342, 4342},
  {"Solicit-Map-Request: the VM changed",                                   g1, c, 4342, 4342},
  {"the Map-Request that it causes, encapsulated",                          c, ms, 4342, 4342},
  {"RLOC-probe",                                                            g1, c, 4342, 4342},
  {"its answer: IPv4 and IPv6 locators, the second one was probed",         c, g1, 4342, 4342},
  {"Map-Request that subscribes, encapsulated",                             g1, ms, 4342, 4342},
  {"Map-Notify to the subscriber, nonce + 1",                               ms, g1, 4342, 4342},
  {"its Map-Notify-Ack",                                                    g1, ms, 4342, 4342},
  {"Map-Request that ends the subscription: no ITR-RLOC",                   g1, ms, 4342, 4342},
  {"Map-Request for an EID of instance 4242, encapsulated",                 c, ms, 4342, 4342},
  {"data, IPv6 in IPv6, no flags, UDP checksum 0",                          c, g1, 0xdada, 4341},
  {"19 with nonce, locator status bits and instance",                       c, g1, 0xdada, 4341},
  {"data, IPv4 in IPv6",                                                    c, g1, 0xdada, 4341},
  {"Change-Priority ARRIVE: the VM runs behind G2",                         hypervisor, g2, 4342, 4342},
  {"Change-Priority TRANSFER",                                              g2, g1, 4342, 4342},
  {"Change-Priority UPDATE",                                                g1, c, 4342, 4342},
  {"its acknowledgement",                                                   c, g1, 4342, 4342},
  {"Change-Priority CLIENT-LOG: C wants a solicitation, C2 an update",      g1, g2, 4342, 4342},
  {"24 as type 5 of the thesis",                                            g1, c, 4342, 4342},
  {"type 5 of OpenLISP: 10.8.0.7 is at 203.0.113.1 now",                    g1_ipv4, c_ipv4, 5555, 4342},
  {"ILNP Locator Update: A2 and A3 preference 10 for 300 s, A1 50 for 60 s", ip("2001:db8:a2:10:200:ff:fe00:1234"),
                                                                            ip("2001:db8:a1:ff::99"), 0, 0},
  {"the Map-Register of G2 that results from it",                           g2, ms, 4342, 4342},
}};
// clang-format on

/// Packet `number` (from 1) of the capture.
inline const ByteVector& packet(std::size_t number) {
  static const std::vector<ByteVector> packets = test::read_pcap(ILNP_LISP_VECTORS);
  return packets.at(number - 1);
}
/// What its outer UDP header carries; all of them are IPv6 but 28.
inline Bytes payload(std::size_t number) {
  const ByteVector& whole = packet(number);
  return Bytes{whole}.subspan((whole[0] >> 4 == 6 ? 40u : 20u) + 8u);
}

// --- what the messages say ---

/// Those in 1, 11, 14, 17 and 18 are encapsulated.
inline std::map<std::size_t, MapRequest> map_requests() {
  std::map<std::size_t, MapRequest> all;
  all[1] = {.nonce = 0x1122334455667788, .source = client_eid, .itr_rlocs = {c, c_ipv4}, .records = {{vm}}};
  all[10] = {.is_smr = true,
             .wants_no_reply = true,
             .nonce = 0xa1a2a3a4a5a6a7a8,
             .source = vm_eid,
             .itr_rlocs = {g1},
             .records = {{site_of_c}}};
  all[11] = {.is_smr_invoked = true,
             .nonce = 0xb1b2b3b4b5b6b7b8,
             .source = client_eid,
             .itr_rlocs = {c, c_ipv4},
             .records = {{vm}}};
  all[12] = {.is_probe = true,
             .nonce = 0xc1c2c3c4c5c6c7c8,
             .source = std::nullopt,
             .itr_rlocs = {g1},
             .records = {{site_of_c}}};
  all[14] = {.nonce = 0xd000000000000001,
             .source = vm_eid,
             .itr_rlocs = {g1},
             .records = {{site_of_c, true}},
             .own_mapping = {},
             .sender = sender};
  all[17] = {.nonce = 0xd000000000000003,
             .source = vm_eid,
             .itr_rlocs = {},
             .records = {{site_of_c, true}},
             .own_mapping = {},
             .sender = sender};
  all[18] = {
      .nonce = 0xe1e2e3e4e5e6e7e8, .source = std::nullopt, .itr_rlocs = {c}, .records = {{{instance, vm.prefix}}}};
  return all;
}

/// Of the packets that hold an encapsulated Map-Request: inner addresses.
inline std::map<std::size_t, std::pair<IpAddress, IpAddress>> inner_addresses() {
  return {{1, {c, vm.prefix.address}},
          {11, {c, vm.prefix.address}},
          {14, {g1, site_of_c.prefix.address}},
          {17, {g1, site_of_c.prefix.address}},
          {18, {c, vm.prefix.address}}};
}

inline std::map<std::size_t, MapReply> map_replies() {
  std::map<std::size_t, MapReply> all;
  all[2] = {.nonce = 0x1122334455667788,
            .records = {authoritative(record(vm, 5, {local(rloc(g1, 1, 100)), rloc(g2, 2, 100)}))}};
  all[3] = {.nonce = 0x1122334455667789, .records = {negative(eid("2001:db8:f00::/40"), 15, Action::natively_forward)}};
  all[13] = {
      .is_probe = true,
      .nonce = 0xc1c2c3c4c5c6c7c8,
      .records = {authoritative(record(site_of_c, 60, {local(rloc(c_ipv4, 2, 100)), local(probed(rloc(c, 1, 100)))}))}};
  return all;
}

inline std::map<std::size_t, MapRegister> map_registers() {
  const auto registers = [](std::uint64_t nonce, KeyName key, std::vector<MappingRecord> records) {
    return MapRegister{
        .wants_proxy_reply = true, .wants_notify = true, .nonce = nonce, .key = key, .records = std::move(records)};
  };
  std::map<std::size_t, MapRegister> all;
  all[4] = registers(0x65f0000000000001, {0, 1}, {at_g1()});
  all[5] = registers(0x65f0000000000002, {1, 2}, {at_g1()});
  all[6] = registers(0x65f0000000000003, {1, 2}, {at_g1()});
  all[7] = registers(0x65f0000000000004, {1, 3}, {at_g1()});
  all[7].is_ttl_timeout = true;
  all[7].sender = sender;
  all[9] = registers(0x65f0000000000005, {1, 2}, {authoritative(record(vm, 0, {local(gone(rloc(g1, 255, 0)))}))});
  all[30] = registers(0x65f0000000000006, {1, 2},
                      {authoritative(record(vm, 1, {rloc(g1, 2, 100), local(rloc(g2, 1, 50)), rloc(g3, 1, 50)}))});
  return all;
}
inline constexpr std::size_t short_authentication = 6;  ///< the packet with 16 octets where 32 are usual

inline std::map<std::size_t, MapNotify> map_notifies() {
  std::map<std::size_t, MapNotify> all;
  all[8] = {.nonce = 0x65f0000000000002, .key = {1, 2}, .records = {at_g1()}};
  all[15] = {.nonce = 0xd000000000000002, .key = {1, 2}, .records = {record(site_of_c, 60, {rloc(c, 1, 100)})}};
  all[16] = all[15];
  all[16].is_ack = true;
  return all;
}

/// 27 is the one in the form of type 5, which has no sender in it.
inline std::map<std::size_t, ChangePriority> change_priorities() {
  using enum ChangePriority::Kind;
  const auto from_g1_to_g2 = [](RlocRecord new_one) {
    return std::vector{authoritative(record(vm, 5, {gone(rloc(g1, 255, 0)), new_one}))};
  };
  std::map<std::size_t, ChangePriority> all;
  all[22] = {arrive, false, true, 0x00062a0000000001, {7, 2}, {record(vm, 0, {})}, sender};
  all[23] = {transfer, false, true, 0x00062a0000000002, {7, 2}, from_g1_to_g2(local(rloc(g2, 1, 100))), sender};
  all[24] = {update, false, true, 0x00062a0000000003, {7, 2}, from_g1_to_g2(rloc(g2, 1, 100)), sender};
  all[25] = {update, true, false, 0x00062a0000000003, {7, 2}, from_g1_to_g2(rloc(g2, 1, 100)), sender};
  all[26] = {client_log, false,
             true,       0x00062a0000000004,
             {7, 2},     {record(vm, 5, {understands(rloc(c, 255, 0), 3), understands(rloc(c2, 255, 0), 1)})},
             sender};
  all[27] = {update, false, false, 0x00062a0000000005, {0, 1}, {record(vm, 5, {rloc(g1, 255, 0), rloc(g2, 1, 100)})},
             {}};
  return all;
}

}  // namespace ilnp::lisp::vectors
