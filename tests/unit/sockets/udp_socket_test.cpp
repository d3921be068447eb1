// SPDX-License-Identifier: Apache-2.0
// On the loopback interface.
#include "io/sockets/udp_socket.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "tests/support/fakes.h"

using namespace ilnp;
using lisp::Family;
using lisp::IpAddress;

namespace {

class UdpSocketTest : public ::testing::TestWithParam<Family> {
 protected:
  static IpAddress loopback() {
    return GetParam() == Family::ipv4 ? IpAddress::v4(0x7f00'0001) : IpAddress{Address{{0}, {1}}};
  }
  static UdpSocket open(UdpSocket::Options options = {}) { return UdpSocket::open(GetParam(), 0, options).value(); }
  /// Waits, because a train may come in pieces.
  static std::vector<std::pair<ReceivedDatagram, ByteVector>> receive(UdpSocket& socket, std::size_t octets) {
    std::vector<std::pair<ReceivedDatagram, ByteVector>> out;
    std::size_t got = 0;
    while (got < octets) {
      pollfd wait{socket.fd(), POLLIN, 0};
      if (::poll(&wait, 1, 10'000) != 1) break;
      for (const ReceivedDatagram& datagram : socket.receive().datagrams) {
        out.push_back({datagram, {datagram.payload.begin(), datagram.payload.end()}});
        got += datagram.payload.size();
      }
    }
    return out;
  }
};

TEST_P(UdpSocketTest, BothEndsOfADatagramAndItsHeader) {
  UdpSocket a = open(), b = open();
  EXPECT_NE(a.port(), 0);
  const ByteVector text{1, 2, 3, 4, 5};
  ASSERT_TRUE(a.send({.destination = loopback(), .port = b.port(), .hop_limit = 17, .traffic_class = 0xb9}, text));
  const auto got = receive(b, 5);
  ASSERT_EQ(got.size(), 1u);
  const ReceivedDatagram& datagram = got[0].first;
  EXPECT_EQ(got[0].second, text);
  EXPECT_EQ(datagram.source, loopback());
  EXPECT_EQ(datagram.destination, loopback());
  EXPECT_EQ(datagram.source_port, a.port());
  EXPECT_EQ(datagram.hop_limit, 17);
  EXPECT_EQ(datagram.traffic_class, 0xb9);
  EXPECT_EQ(datagram.segment, 5u);
}

TEST_P(UdpSocketTest, AnswersFromTheAddressThatWasAsked) {
  if (GetParam() == Family::ipv6) {
    // The loopback interface has one IPv6 address only: it is the answer's, said or not.
    UdpSocket a = open(), b = open();
    ASSERT_TRUE(a.send({.destination = loopback(), .port = b.port(), .source = loopback()}, ByteVector{1}));
    EXPECT_EQ(receive(b, 1).at(0).first.source, loopback());
    return;
  }
  UdpSocket a = open(), b = open();
  const IpAddress other = IpAddress::v4(0x7f00'0009);
  ASSERT_TRUE(a.send({.destination = other, .port = b.port()}, ByteVector{1}));
  const auto question = receive(b, 1).at(0).first;
  EXPECT_EQ(question.destination, other);
  ASSERT_TRUE(b.send({.destination = question.source, .port = question.source_port, .source = question.destination},
                     ByteVector{2}));
  EXPECT_EQ(receive(a, 1).at(0).first.source, other);
}

TEST_P(UdpSocketTest, TrainsStayTogether) {
  UdpSocket a = open(), b = open({.trains = true});
  const ByteVector octets = test::FakeRandom{1}.octets(30'000);
  ASSERT_TRUE(a.send({.destination = loopback(), .port = b.port(), .segment = 1400}, octets));
  ByteVector whole;
  for (const auto& [datagram, payload] : receive(b, octets.size())) {
    EXPECT_EQ(datagram.segment, std::min<std::size_t>(1400, payload.size()));
    whole.insert(whole.end(), payload.begin(), payload.end());
  }
  EXPECT_EQ(whole, octets);
}

TEST_P(UdpSocketTest, TrainsComeApartForOthers) {
  UdpSocket a = open(), b = open();
  const ByteVector octets = test::FakeRandom{1}.octets(4000);
  ASSERT_TRUE(a.send({.destination = loopback(), .port = b.port(), .segment = 1400}, octets));
  const auto got = receive(b, octets.size());
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0].second.size(), 1400u);
  EXPECT_EQ(got[2].second.size(), 1200u);
}

TEST_P(UdpSocketTest, OfATrainThatIsRefusedEachDatagramCounts) {
  UdpSocket a = open(), b = open();
  constexpr std::size_t too_many = 1000;  // more than any kernel takes at once
  EXPECT_FALSE(a.send({.destination = loopback(), .port = b.port(), .segment = 10}, ByteVector(too_many * 10 - 3)));
  EXPECT_EQ(a.counters().sent, 1u) << "the one that was to be told a size";
  EXPECT_EQ(a.counters().send_failed, too_many - 1);
  EXPECT_EQ(receive(b, 10).size(), 1u);
}

TEST_P(UdpSocketTest, WhatNobodyListensToIsAnError) {
  UdpSocket a = open();
  std::uint16_t closed = 0;
  {
    const UdpSocket b = open();
    closed = b.port();
  }
  ASSERT_TRUE(a.send({.destination = loopback(), .port = closed}, ByteVector{1}));
  std::vector<DatagramError> errors;
  for (int i = 0; i < 100 && errors.empty(); ++i) {
    pollfd wait{a.fd(), 0, 0};
    ::poll(&wait, 1, 100);
    errors = a.receive_errors();
  }
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].reason, ECONNREFUSED);
  EXPECT_EQ(errors[0].destination, loopback());
  EXPECT_EQ(errors[0].port, closed);
  UdpSocket b = open();
  EXPECT_TRUE(a.send({.destination = loopback(), .port = b.port()}, ByteVector{1})) << "others are still heard";
  EXPECT_EQ(receive(b, 1).size(), 1u);
}

TEST_P(UdpSocketTest, TooLargeIsCountedNotCut) {
  UdpSocket a = open(), b = open();
  EXPECT_FALSE(a.send({.destination = loopback(), .port = b.port()}, ByteVector(65'530)));
  EXPECT_EQ(a.counters().send_too_big, 1u);
  EXPECT_TRUE(b.receive().datagrams.empty());
}

TEST_P(UdpSocketTest, TakenPortIsAnErrorUnlessShared) {
  const UdpSocket a = UdpSocket::open(GetParam(), 0, {.share_port = true}).value();
  EXPECT_TRUE(UdpSocket::open(GetParam(), a.port(), {.share_port = true}));
  const auto refused = UdpSocket::open(GetParam(), a.port(), {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("cannot bind"), std::string::npos) << refused.error().message;
}

INSTANTIATE_TEST_SUITE_P(Families, UdpSocketTest, ::testing::Values(Family::ipv4, Family::ipv6),
                         [](const auto& family) { return family.param == Family::ipv4 ? "Ipv4" : "Ipv6"; });

}  // namespace
