// SPDX-License-Identifier: Apache-2.0
#include "io/netlink/message_parser.h"

#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>

#include "io/netlink/network_commands.h"
#include "io/netlink/rtnetlink.h"
#include "tests/support/fakes.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::address;

const Address ilv = address("2001:db8:a1::1234:5678"), gateway = address("fe80::1");
const MacAddress mac = *parse_mac("02:00:00:00:00:01");

std::vector<NetworkEvent> events_of(const NetlinkMessage& message) {
  const auto parsed = parse_message(*nlmsg_hdr(message.get()));
  EXPECT_TRUE(parsed);
  return parsed ? parsed.value() : std::vector<NetworkEvent>{};
}

template <class Event>
Event event_of(const NetlinkMessage& message) {
  const auto events = events_of(message);
  if (events.size() != 1 || !std::holds_alternative<Event>(events[0])) {
    ADD_FAILURE() << events.size() << " events, or one of another kind";
    return {};
  }
  return std::get<Event>(events[0]);
}

NetlinkMessage link(unsigned flags, int type = RTM_NEWLINK, unsigned char family = AF_UNSPEC) {
  NetlinkMessage message{type, 0};
  message.header(ifinfomsg{family, 0, ARPHRD_ETHER, 4, flags, 0})
      .attribute(IFLA_IFNAME, test::hex("6574683000"))
      .attribute(IFLA_ADDRESS, mac.octets)
      .u32(IFLA_MTU, 1500);
  return message;
}
constexpr unsigned lower_up = 1 << 16;

TEST(LinkMessage, IsRead) {
  const auto event = event_of<LinkChanged>(link(IFF_UP | IFF_RUNNING | lower_up));
  EXPECT_EQ(event.ifindex, 4u);
  EXPECT_EQ(event.name, "eth0");
  EXPECT_EQ(event.mac, mac);
  EXPECT_EQ(event.mtu, 1500u);
  EXPECT_TRUE(event.up && event.carrier && event.is_ethernet);
  EXPECT_FALSE(event.removed || event.notify_peers || event.is_loopback);
}

TEST(LinkMessage, CarrierNeedsBothTheCableAndTheOperationalState) {
  EXPECT_FALSE(event_of<LinkChanged>(link(IFF_UP)).carrier);
  EXPECT_FALSE(event_of<LinkChanged>(link(IFF_UP | lower_up)).carrier) << "dormant";
  EXPECT_FALSE(event_of<LinkChanged>(link(IFF_UP | IFF_RUNNING)).carrier);
}

TEST(LinkMessage, TheHostsAnnouncementOfAMoveIsSeen) {
  NetlinkMessage message = link(IFF_UP);
  message.u32(44, 4);
  EXPECT_TRUE(event_of<LinkChanged>(message).notify_peers);
  NetlinkMessage other = link(IFF_UP);
  other.u32(44, 2);
  EXPECT_FALSE(event_of<LinkChanged>(other).notify_peers);
}

TEST(LinkMessage, KindIsRead) {
  NetlinkMessage message = link(IFF_UP);
  message.begin(IFLA_LINKINFO).attribute(IFLA_INFO_KIND, test::hex("7665746800")).end();
  EXPECT_EQ(event_of<LinkChanged>(message).kind, "veth");
}

TEST(LinkMessage, LeavingABridgeIsNotLeavingTheHost) {
  EXPECT_TRUE(event_of<LinkChanged>(link(0, RTM_DELLINK)).removed);
  EXPECT_TRUE(events_of(link(0, RTM_DELLINK, AF_BRIDGE)).empty());
}

NetlinkMessage address_message(std::uint32_t flags, int type = RTM_NEWADDR, unsigned char family = AF_INET6) {
  NetlinkMessage message{type, 0};
  message.header(ifaddrmsg{family, 64, static_cast<__u8>(flags), 0, 4})
      .address(IFA_ADDRESS, ilv)
      .u32(IFA_FLAGS, flags)
      .structure(IFA_CACHEINFO, ifa_cacheinfo{100, 200, 0, 0});
  return message;
}

TEST(AddressMessage, IsRead) {
  const auto event = event_of<AddressChanged>(address_message(IFA_F_DEPRECATED | IFA_F_MANAGETEMPADDR));
  EXPECT_EQ(event.ifindex, 4u);
  EXPECT_EQ(event.address, ilv);
  EXPECT_EQ(event.prefix_length, 64);
  EXPECT_TRUE(event.deprecated);
  EXPECT_FALSE(event.tentative || event.permanent || event.temporary || event.dad_failed || event.ours ||
               event.removed);
  EXPECT_EQ(event.preferred_lifetime, 100u);
  EXPECT_EQ(event.valid_lifetime, 200u);
}

TEST(AddressMessage, AnOptimisticAddressIsUsable) {
  EXPECT_TRUE(event_of<AddressChanged>(address_message(IFA_F_TENTATIVE)).tentative);
  const auto event = event_of<AddressChanged>(address_message(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC));
  EXPECT_FALSE(event.tentative);
  EXPECT_TRUE(event.optimistic);
}

TEST(AddressMessage, OursAreMarked) {
  NetlinkMessage message = address_message(IFA_F_PERMANENT);
  message.u8(11, our_protocol);
  EXPECT_TRUE(event_of<AddressChanged>(message).ours);
}

TEST(AddressMessage, WithAPeerTheLocalAddressIsOurs) {
  NetlinkMessage message = address_message(IFA_F_PERMANENT);
  message.address(IFA_LOCAL, gateway);
  EXPECT_EQ(event_of<AddressChanged>(message).address, gateway);
}

TEST(AddressMessage, Ipv4IsNotOurConcern) { EXPECT_TRUE(events_of(address_message(0, RTM_NEWADDR, AF_INET)).empty()); }

NetlinkMessage route(rtmsg header) {
  header.rtm_family = AF_INET6;
  NetlinkMessage message{RTM_NEWROUTE, 0};
  message.header(header);
  return message;
}
rtmsg default_route(std::uint8_t protocol = RTPROT_RA) {
  rtmsg header{};
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = protocol;
  header.rtm_type = RTN_UNICAST;
  return header;
}

TEST(RouteMessage, DefaultRouteOfARouter) {
  NetlinkMessage message = route(default_route());
  message.u32(RTA_OIF, 4).address(RTA_GATEWAY, gateway).u32(RTA_PRIORITY, 1024).u8(RTA_PREF, 1);
  message.structure(RTA_CACHEINFO, rta_cacheinfo{0, 0, 180'000, 0, 0, 0, 0, 0});
  const auto event = event_of<DefaultRouteChanged>(message);
  EXPECT_EQ(event.ifindex, 4u);
  EXPECT_EQ(event.gateway, gateway);
  EXPECT_EQ(event.metric, 1024u);
  EXPECT_EQ(event.preference, RouterPreference::high);
  EXPECT_EQ(event.protocol, RTPROT_RA);
  EXPECT_EQ(event.expires, 180'000u / static_cast<std::uint32_t>(sysconf(_SC_CLK_TCK)));
  EXPECT_FALSE(event.removed);
}

/// rtnexthop (length, flags, hops, interface) with one RTA_GATEWAY attribute.
ByteVector next_hop(unsigned ifindex, const Address& via) {
  ByteVector out(sizeof(rtnexthop) + 4 + 16);
  rtnexthop hop{};
  hop.rtnh_len = static_cast<unsigned short>(out.size());
  hop.rtnh_ifindex = static_cast<int>(ifindex);
  const rtattr attribute{4 + 16, RTA_GATEWAY};
  std::memcpy(out.data(), &hop, sizeof hop);
  std::memcpy(out.data() + sizeof hop, &attribute, sizeof attribute);
  via.store(out.data() + sizeof hop + sizeof attribute);
  return out;
}

TEST(RouteMessage, EveryNextHopIsAnEvent) {
  ByteVector hops = next_hop(4, gateway), second = next_hop(5, ilv);
  hops.insert(hops.end(), second.begin(), second.end());
  NetlinkMessage message = route(default_route(RTPROT_BOOT));
  message.attribute(RTA_MULTIPATH, hops);
  const auto events = events_of(message);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(std::get<DefaultRouteChanged>(events[0]).ifindex, 4u);
  EXPECT_EQ(std::get<DefaultRouteChanged>(events[0]).gateway, gateway);
  EXPECT_EQ(std::get<DefaultRouteChanged>(events[1]).ifindex, 5u);
  EXPECT_EQ(std::get<DefaultRouteChanged>(events[1]).gateway, ilv);
}

TEST(RouteMessage, ANextHopThatLiesAboutItsLengthIsMalformed) {
  for (const std::uint16_t length : std::initializer_list<std::uint16_t>{0, 7, 29, 0xffff}) {
    ByteVector hops = next_hop(4, gateway);
    std::memcpy(hops.data(), &length, sizeof length);
    NetlinkMessage message = route(default_route());
    message.attribute(RTA_MULTIPATH, hops);
    EXPECT_FALSE(parse_message(*nlmsg_hdr(message.get()))) << length;
  }
}

TEST(RouteMessage, OtherRoutesAreRead) {
  rtmsg header = default_route();
  header.rtm_dst_len = 64;
  NetlinkMessage message = route(header);
  message.address(RTA_DST, ilv);
  const auto event = event_of<RouteChanged>(message);
  EXPECT_EQ(event.prefix, ilv);
  EXPECT_EQ(event.length, 64);
  EXPECT_EQ(event.ifindex, event_of<DefaultRouteChanged>(route(default_route())).ifindex);
  EXPECT_FALSE(event.removed);
  NetlinkMessage several = route(header);
  several.address(RTA_DST, ilv).attribute(RTA_MULTIPATH, next_hop(5, gateway));
  EXPECT_EQ(event_of<RouteChanged>(several).ifindex, 5u);
  EXPECT_EQ(event_of<RouteChanged>(several).gateway, gateway);
  EXPECT_FALSE(parse_message(*nlmsg_hdr(route(header).get()))) << "without its prefix";
  header.rtm_dst_len = 129;
  NetlinkMessage longer = route(header);
  longer.address(RTA_DST, ilv);
  EXPECT_TRUE(events_of(longer).empty());
}

TEST(RouteMessage, OnlyForeignUnicastRoutesOfTheMainTableMatter) {
  EXPECT_EQ(events_of(route(default_route())).size(), 1u);
  EXPECT_TRUE(events_of(route(default_route(our_protocol))).empty()) << "our own";
  rtmsg header = default_route();
  header.rtm_type = RTN_UNREACHABLE;
  EXPECT_TRUE(events_of(route(header)).empty()) << "unreachable";
  header = default_route();
  header.rtm_table = RT_TABLE_LOCAL;
  EXPECT_TRUE(events_of(route(header)).empty()) << "another table";
  NetlinkMessage large_table = route(default_route());
  large_table.u32(RTA_TABLE, 10'000);
  EXPECT_TRUE(events_of(large_table).empty()) << "another table by attribute";
}

NetlinkMessage neighbour(std::uint16_t state, std::uint8_t flags = 0, int type = RTM_NEWNEIGH) {
  NetlinkMessage message{type, 0};
  message.header(ndmsg{AF_INET6, 0, 0, 4, state, flags, 0}).address(NDA_DST, gateway);
  return message;
}

TEST(NeighbourMessage, IsRead) {
  NetlinkMessage message = neighbour(NUD_REACHABLE, NTF_ROUTER);
  message.attribute(NDA_LLADDR, mac.octets);
  const auto event = event_of<NeighbourChanged>(message);
  EXPECT_EQ(event.ifindex, 4u);
  EXPECT_EQ(event.address, gateway);
  EXPECT_EQ(event.mac, mac);
  EXPECT_EQ(event.state, NeighbourState::reachable);
  EXPECT_TRUE(event.is_router);
  EXPECT_TRUE(event.has_mac());
}

TEST(NeighbourMessage, FailedOrUnresolvedHasNoMac) {
  EXPECT_FALSE(event_of<NeighbourChanged>(neighbour(NUD_INCOMPLETE)).has_mac());
  NetlinkMessage failed = neighbour(NUD_FAILED);
  failed.attribute(NDA_LLADDR, mac.octets);
  EXPECT_FALSE(event_of<NeighbourChanged>(failed).has_mac());
  NetlinkMessage removed = neighbour(NUD_REACHABLE, 0, RTM_DELNEIGH);
  removed.attribute(NDA_LLADDR, mac.octets);
  EXPECT_FALSE(event_of<NeighbourChanged>(removed).has_mac());
}

TEST(NeighbourMessage, ProxyEntriesAreNoNeighbours) { EXPECT_TRUE(events_of(neighbour(0, NTF_PROXY)).empty()); }

TEST(PrefixMessage, IsReadWithTheFlagsOfOldAndNewKernels) {
  for (const unsigned char flags : std::initializer_list<unsigned char>{0x03, 0xc0}) {
    NetlinkMessage message{RTM_NEWPREFIX, 0};
    message.header(prefixmsg{AF_INET6, 0, 0, 4, 3, 64, flags, 0})
        .address(1, address("2001:db8:a1::"))
        .structure(2, prefix_cacheinfo{604800, 2592000});
    const auto event = event_of<PrefixAdvertised>(message);
    EXPECT_EQ(event.ifindex, 4u);
    EXPECT_EQ(event.prefix, (PrefixInformation{address("2001:db8:a1::"), 64, true, true, 2592000, 604800}));
  }
}

/// Copies into exactly sized memory, so that a sanitizer sees one octet too many.
Result<std::vector<NetworkEvent>, MessageError> parse_copy(const NetlinkMessage& message, std::size_t length) {
  const nlmsghdr* whole = nlmsg_hdr(message.get());
  std::vector<std::uint32_t> memory((length + 3) / 4);
  std::memcpy(memory.data(), whole, length);
  auto* header = reinterpret_cast<nlmsghdr*>(memory.data());
  header->nlmsg_len = static_cast<__u32>(length);
  return parse_message(*header);
}

TEST(Message, TruncatedHeadersAreMalformed) {
  NetlinkMessage messages[] = {link(IFF_UP), address_message(0), route(default_route()), neighbour(NUD_STALE)};
  const std::size_t headers[] = {sizeof(ifinfomsg), sizeof(ifaddrmsg), sizeof(rtmsg), sizeof(ndmsg)};
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t length = sizeof(nlmsghdr); length < sizeof(nlmsghdr) + headers[i]; ++length)
      EXPECT_FALSE(parse_copy(messages[i], length)) << i << " " << length;
}

TEST(Message, WhatTheyAreAboutMustBeThere) {
  NetlinkMessage without_address{RTM_NEWADDR, 0};
  without_address.header(ifaddrmsg{AF_INET6, 64, 0, 0, 4});
  EXPECT_FALSE(parse_message(*nlmsg_hdr(without_address.get())));
  NetlinkMessage short_address{RTM_NEWADDR, 0};
  short_address.header(ifaddrmsg{AF_INET6, 64, 0, 0, 4}).u32(IFA_ADDRESS, 1);
  EXPECT_FALSE(parse_message(*nlmsg_hdr(short_address.get())));
}

TEST(Message, RandomDamageNeverHarms) {
  test::FakeRandom random{7};
  NetlinkMessage multipath = route(default_route());
  multipath.attribute(RTA_MULTIPATH, random.octets(64));
  NetlinkMessage messages[] = {link(IFF_UP), address_message(0), std::move(multipath), neighbour(NUD_STALE)};
  for (int i = 0; i < 20'000; ++i) {
    const nlmsghdr* whole = nlmsg_hdr(messages[random.below(4)].get());
    std::vector<std::uint32_t> memory((whole->nlmsg_len + 3) / 4);
    std::memcpy(memory.data(), whole, whole->nlmsg_len);
    auto* octets = reinterpret_cast<std::uint8_t*>(memory.data());
    for (int n = 0; n < 3; ++n)
      octets[sizeof(nlmsghdr) + random.below(whole->nlmsg_len - sizeof(nlmsghdr))] =
          static_cast<std::uint8_t>(random.u64());
    const auto parsed = parse_message(*reinterpret_cast<nlmsghdr*>(memory.data()));
    EXPECT_TRUE(!parsed || parsed.value().size() <= 64);
  }
}

}  // namespace
}  // namespace ilnp
