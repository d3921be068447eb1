// SPDX-License-Identifier: Apache-2.0
// Control and data port against themselves, over loopback.
#include <gtest/gtest.h>

#include "core/ipv6/checksum.h"
#include "core/lisp/data_header.h"
#include "gateway/src/control_port.h"
#include "gateway/src/data_port.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::address;

const lisp::IpAddress v4 = *lisp::parse_ip_address("127.0.0.1"), v6 = *lisp::parse_ip_address("::1");
constexpr Duration limit = seconds{10};

class DataPortTest : public ::testing::Test {
 protected:
  void open(DataPort::Settings settings) {
    auto opened = DataPort::open(loop, settings,
                                 {.on_packet =
                                      [this](const TunnelEnd& end, MutableBytes packet) {
                                        ends.push_back(end);
                                        packets.emplace_back(packet.begin(), packet.end());
                                        if (packets.size() == awaited) loop.stop();
                                      },
                                  .on_train_end = [this] { ++trains; },
                                  .on_batch_end = [] {},
                                  .on_error = [](const DatagramError&) {}});
    ASSERT_TRUE(opened) << opened.error().message;
    port = std::move(opened.value());
  }
  void await(std::size_t count) {
    awaited = count;
    if (packets.size() < count) loop.run_for(limit);
    loop.context().restart();
    ASSERT_EQ(packets.size(), count);
  }

  Loop loop;
  std::unique_ptr<DataPort> port;
  std::vector<TunnelEnd> ends;
  std::vector<ByteVector> packets;
  std::size_t trains = 0, awaited = 0;
};

ByteVector inner(std::string_view payload) {
  return test::PacketBuilder{address("2001:db8:e::1"), address("2001:db8:e::2")}
      .udp(4000, 5000, test::text(std::string{payload}))
      .build();
}

TEST_F(DataPortTest, PacketsCrossWithTheirOuterHeaderAndInstance) {
  for (const bool real : {false, true}) {
    open({{{v6, v4}}, 2, real, true});
    for (const auto& [rloc, instance] : {std::pair{v4, 0u}, {v6, 0xff'fffeu}}) {
      ends.clear();
      packets.clear();
      ByteVector bytes = inner("one");
      port->send(rloc, {.hop_limit = 17, .traffic_class = 0xba, .source_port = 60000}, instance,
                 Packet{bytes, 0, bytes.size()});
      port->flush();
      ASSERT_NO_FATAL_FAILURE(await(1));
      EXPECT_EQ(packets[0], bytes);
      EXPECT_EQ(ends[0].source, rloc) << "from our RLOC of the family";
      EXPECT_EQ(ends[0].hop_limit, 17);
      EXPECT_EQ(ends[0].traffic_class, 0xba);
      EXPECT_EQ(ends[0].instance, instance);
    }
    EXPECT_EQ(port->counters().sent, 2u);
    EXPECT_EQ(port->counters().received, 2u);
    port.reset();
  }
}

TEST_F(DataPortTest, PacketsOfOneFlowLeaveTogetherAndInOrder) {
  open({{{v6}}, 2, false, true});
  std::vector<ByteVector> sent;
  const auto send = [&](std::size_t size, std::uint16_t source_port, std::uint8_t hop_limit) {
    sent.push_back(inner(std::string(size, static_cast<char>('a' + sent.size() % 26))));
    port->send(v6, {.hop_limit = hop_limit, .source_port = source_port}, 0, Packet{sent.back(), 0, sent.back().size()});
  };
  for (int i = 0; i < 70; ++i) send(100, 0, 64);  // more than a train takes
  for (const std::size_t size : {60u, 60u, 61u}) send(size, 0, 64);
  send(60, 0, 63);
  send(60, 1, 63);
  port->flush();
  ASSERT_NO_FATAL_FAILURE(await(sent.size()));
  for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(packets[i], sent[i]) << i;
  EXPECT_EQ(ends[sent.size() - 3].hop_limit, 64);
  EXPECT_EQ(ends[sent.size() - 2].hop_limit, 63);
  EXPECT_EQ(port->counters().sent, sent.size());
  EXPECT_EQ(port->counters().send_failed, 0u);
  // 64; 6 and the first smaller one; the second with its like; one larger; two that differ otherwise.
  EXPECT_LE(trains, 7u);
}

TEST_F(DataPortTest, ASuperPacketBecomesItsSegments) {
  open({{{v6}}, 1, false, true});
  ByteVector bytes = inner(std::string(3500, 'x'));
  store_u16(bytes.data() + 46, 0);
  Packet packet{bytes,
                0,
                bytes.size(),
                {.partial_checksum = true,
                 .segmentation = Offload::Segmentation::udp,
                 .checksum_start = 40,
                 .checksum_offset = 6,
                 .segment_size = 1200}};
  port->send(v6, {}, 0, packet);
  ASSERT_NO_FATAL_FAILURE(await(3));
  EXPECT_EQ(packets[0].size(), 48u + 1200);
  EXPECT_EQ(packets[2].size(), 48u + 1100);
  EXPECT_EQ(port->counters().sent, 3u);
}

TEST_F(DataPortTest, UnfinishedChecksumsAreFinishedAndTravelTogether) {
  open({{{v6}}, 1, false, true});
  const ByteVector right = inner("the kernel left it to the device");
  for (int i = 0; i < 3; ++i) {
    ByteVector bytes = right;
    Packet packet{bytes, 0, bytes.size(), {.partial_checksum = true, .checksum_start = 40, .checksum_offset = 6}};
    std::uint16_t pseudo =
        fold(std::uint64_t{ones_complement_sum(Bytes{bytes}.subspan(8, 32))} + bytes.size() - 40 + 17);
    store_u16(bytes.data() + 46, pseudo);
    port->send(v6, {}, 0, packet);
  }
  port->flush();
  ASSERT_NO_FATAL_FAILURE(await(3));
  for (const ByteVector& packet : packets) EXPECT_EQ(packet, right);
  EXPECT_EQ(trains, 1u);
}

TEST_F(DataPortTest, WhatIsNoLispIsCounted) {
  open({{{v6}}, 1, true, true});
  auto stranger = UdpSocket::open(lisp::Family::ipv6, 0, {});
  ASSERT_TRUE(stranger);
  DatagramToSend to;
  to.destination = v6;
  to.port = lisp::data_port;
  const ByteVector shorter(7), encrypted{0x01, 0, 0, 0, 0, 0, 0, 0, 0x60};
  ByteVector good(8 + 40);
  ASSERT_TRUE(stranger.value().send(to, shorter));
  ASSERT_TRUE(stranger.value().send(to, encrypted));
  ASSERT_TRUE(stranger.value().send(to, good));
  ASSERT_NO_FATAL_FAILURE(await(1));
  EXPECT_EQ(port->counters().malformed, 2u);
}

TEST_F(DataPortTest, WithoutAnRlocOfTheFamilyNothingLeaves) {
  open({{{v6}}, 1, true, true});
  ByteVector bytes = inner("one");
  port->send(v4, {}, 0, Packet{bytes, 0, bytes.size()});
  port->flush();
  EXPECT_EQ(port->counters().no_rloc, 1u);
  EXPECT_EQ(port->counters().sent, 0u);
}

TEST(ControlPort, AnswersLeaveFromTheAddressThatWasAsked) {
  const lisp::IpAddress second = *lisp::parse_ip_address("127.0.0.2");
  Loop loop;
  std::vector<std::pair<lisp::IpAddress, lisp::IpAddress>> heard;
  std::unique_ptr<ControlPort> port;
  auto opened = ControlPort::open(
      loop, {{v4}},
      {.on_datagram =
           [&](const lisp::ControlReceived& datagram) {
             heard.emplace_back(datagram.source, datagram.destination);
             if (heard.size() == 1)
               port->send({datagram.source, datagram.source_port, datagram.destination, ByteVector{2}});
             else
               loop.stop();
           },
       .on_batch_end = [] {}});
  ASSERT_TRUE(opened) << opened.error().message;
  port = std::move(opened.value());
  port->send({second, lisp::control_port, v4, ByteVector{1}});
  loop.run_for(limit);
  ASSERT_EQ(heard.size(), 2u);
  EXPECT_EQ(heard[0], (std::pair{v4, second}));
  EXPECT_EQ(heard[1], (std::pair{second, v4})) << "not the kernel's choice";
  port->send({v6, lisp::control_port, std::nullopt, ByteVector{1}});
  EXPECT_EQ(port->counters().send_failed, 1u) << "there is no IPv6 here";
}

}  // namespace
}  // namespace ilnp
