// SPDX-License-Identifier: Apache-2.0
// IPv6-only nodes with an IPv4 address each, and IPv4-only clients.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/lisp/siit.h"
#include "tests/support/ipv4_packets.h"
#include "tests/support/packet_builder.h"
#include "tests/unit/lisp/eids.h"

namespace ilnp::lisp {

struct SiitWorld {
  explicit SiitWorld(SiitSettings wanted = {}) : settings{wanted} {
    settings.router = router4;
    EXPECT_TRUE(nodes.add({0, IpPrefix::host(vm4), IpPrefix::host(vm6), Family::ipv6}));
    EXPECT_TRUE(nodes.add({0, IpPrefix::host(other4), IpPrefix::host(other6), Family::ipv6}));
  }

  struct Result {
    Translation::Kind kind;
    SiitDrop reason;
    std::vector<ByteVector> packets;
    Offload offload;

    const ByteVector& only() const {
      EXPECT_EQ(packets.size(), 1u) << name_of(reason);
      return packets.at(0);
    }
    std::string dropped() const { return kind == Translation::Kind::dropped ? name_of(reason) : "not dropped"; }
  };
  Result to_ipv6(Bytes packet, Offload offload = {}) { return translate(packet, offload, &Siit::to_ipv6); }
  Result to_ipv4(Bytes packet, Offload offload = {}) { return translate(packet, offload, &Siit::to_ipv4); }

  const IpAddress client4 = ip("10.9.0.5"), vm4 = ip("10.8.0.7"), other4 = ip("10.8.0.8"), router4 = ip("192.0.0.8");
  const Address client6 = *parse_address("2001:db8:64::a09:5"), vm6 = *parse_address("2001:db8:e1d:0:200:ff:fe00:7"),
                other6 = *parse_address("2001:db8:e1d:0:200:ff:fe00:8");
  EamTable nodes{1, *parse_address("2001:db8:64::")};
  SiitSettings settings;

  test::Ipv4Builder from_client() const { return {client4, vm4}; }
  test::PacketBuilder from_vm() const { return {vm6, client6}; }

 private:
  Result translate(Bytes octets, Offload offload, Translation (Siit::*how)(std::uint32_t, Packet&)) {
    Siit siit{settings, nodes, 1};
    test::PacketBuffer buffer{octets, Siit::headroom};
    buffer.packet.offload = offload;
    Translation done = (siit.*how)(0, buffer.packet);
    if (done.kind == Translation::Kind::in_place) done.packets = {buffer.bytes()};
    return {done.kind, done.reason, std::move(done.packets), buffer.packet.offload};
  }
};

}  // namespace ilnp::lisp
