// SPDX-License-Identifier: Apache-2.0
#include "io/netlink/message_parser.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "io/netlink/network_commands.h"

namespace ilnp {
namespace {

using Outcome = Result<std::vector<NetworkEvent>, MessageError>;

constexpr unsigned iff_lower_up = 1 << 16;        // linux/if.h, which collides with net/if.h
constexpr int ifla_event = 44, notify_peers = 4;  // IFLA_EVENT, IFLA_EVENT_NOTIFY_PEERS
constexpr int ifa_proto = 11;                     // IFA_PROTO, Linux 5.18
constexpr int prefix_address = 1, prefix_lifetimes = 2;
// IF_PREFIX_ONLINK and IF_PREFIX_AUTOCONF, or, in newer kernels, the L and A bits as the router sent them.
constexpr std::uint8_t prefix_on_link = 0x01 | 0x80, prefix_autonomous = 0x02 | 0x40;
constexpr std::size_t max_next_hops = 64;

/// The attributes behind a header of a known size, each at most once.
class Attributes {
 public:
  /// Precondition: the message is at least as long as its header.
  Attributes(const nlmsghdr& message, std::size_t header) {
    good_ =
        nlmsg_parse(const_cast<nlmsghdr*>(&message), static_cast<int>(header), table_.data(), largest, nullptr) == 0;
  }
  Attributes(const nlattr* first, std::size_t octets) {
    good_ = nla_parse(table_.data(), largest, const_cast<nlattr*>(first), static_cast<int>(octets), nullptr) == 0;
  }

  bool good() const { return good_; }
  Bytes bytes(int type) const {
    const nlattr* attribute = table_[static_cast<std::size_t>(type)];
    if (attribute == nullptr) return {};
    return {static_cast<const std::uint8_t*>(nla_data(attribute)), static_cast<std::size_t>(nla_len(attribute))};
  }
  /// Empty when absent or too short.
  template <class Value>
  std::optional<Value> value(int type) const {
    const Bytes octets = bytes(type);
    if (octets.size() < sizeof(Value)) return std::nullopt;
    Value out;
    std::memcpy(&out, octets.data(), sizeof out);
    return out;
  }
  std::optional<Address> address(int type) const {
    const Bytes octets = bytes(type);
    if (octets.size() != 16) return std::nullopt;
    return Address::load(octets.data());
  }
  std::optional<MacAddress> mac(int type) const {
    const Bytes octets = bytes(type);
    if (octets.size() != 6) return std::nullopt;
    return MacAddress::load(octets.data());
  }
  std::string text(int type) const {
    const Bytes octets = bytes(type);
    const auto* characters = reinterpret_cast<const char*>(octets.data());
    return octets.empty() ? std::string{} : std::string{characters, strnlen(characters, octets.size())};
  }

 private:
  static constexpr int largest = 63;
  std::array<nlattr*, largest + 1> table_{};
  bool good_ = false;
};

template <class Header>
std::optional<Header> header_of(const nlmsghdr& message) {
  if (nlmsg_datalen(&message) < static_cast<int>(sizeof(Header))) return std::nullopt;
  Header header;
  std::memcpy(&header, nlmsg_data(&message), sizeof header);
  return header;
}

Outcome one(NetworkEvent event) {
  std::vector<NetworkEvent> events;
  events.push_back(std::move(event));
  return events;
}

Outcome nothing() { return std::vector<NetworkEvent>{}; }

Outcome parse_link(const nlmsghdr& message) {
  const auto header = header_of<ifinfomsg>(message);
  if (!header) return MessageError::malformed;
  // A bridge speaks of its ports with the same message types: leaving a bridge is not leaving the host.
  if (header->ifi_family != AF_UNSPEC) return nothing();
  const Attributes attributes{message, sizeof(ifinfomsg)};
  if (!attributes.good()) return MessageError::malformed;
  LinkChanged link;
  link.ifindex = static_cast<unsigned>(header->ifi_index);
  link.name = attributes.text(IFLA_IFNAME);
  link.is_ethernet = header->ifi_type == ARPHRD_ETHER;
  link.is_loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
  if (link.is_ethernet) link.mac = attributes.mac(IFLA_ADDRESS).value_or(MacAddress{});
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.carrier = (header->ifi_flags & iff_lower_up) != 0 && (header->ifi_flags & IFF_RUNNING) != 0;
  link.mtu = attributes.value<std::uint32_t>(IFLA_MTU).value_or(0);
  link.master = attributes.value<std::uint32_t>(IFLA_MASTER).value_or(0);
  link.removed = message.nlmsg_type == RTM_DELLINK;
  link.notify_peers = attributes.value<std::uint32_t>(ifla_event) == std::uint32_t{notify_peers};
  const Bytes info = attributes.bytes(IFLA_LINKINFO);
  if (!info.empty()) {
    const Attributes nested{reinterpret_cast<const nlattr*>(info.data()), info.size()};
    if (nested.good()) link.kind = nested.text(IFLA_INFO_KIND);
  }
  return one(std::move(link));
}

Outcome parse_address_message(const nlmsghdr& message) {
  const auto header = header_of<ifaddrmsg>(message);
  if (!header) return MessageError::malformed;
  if (header->ifa_family != AF_INET6) return nothing();
  const Attributes attributes{message, sizeof(ifaddrmsg)};
  if (!attributes.good()) return MessageError::malformed;
  // With a peer address, IFA_ADDRESS is the peer's and IFA_LOCAL ours.
  auto own = attributes.address(IFA_LOCAL);
  if (!own) own = attributes.address(IFA_ADDRESS);
  if (!own) return MessageError::malformed;
  const std::uint32_t flags = attributes.value<std::uint32_t>(IFA_FLAGS).value_or(header->ifa_flags);
  AddressChanged address;
  address.ifindex = header->ifa_index;
  address.address = *own;
  address.prefix_length = header->ifa_prefixlen;
  address.optimistic = (flags & IFA_F_OPTIMISTIC) != 0;
  address.tentative = (flags & IFA_F_TENTATIVE) != 0 && !address.optimistic;
  address.deprecated = (flags & IFA_F_DEPRECATED) != 0;
  address.dad_failed = (flags & IFA_F_DADFAILED) != 0;
  address.temporary = (flags & IFA_F_TEMPORARY) != 0;
  address.permanent = (flags & IFA_F_PERMANENT) != 0;
  address.ours = attributes.value<std::uint8_t>(ifa_proto) == our_protocol;
  address.valid_lifetime = address.preferred_lifetime = infinite_lifetime;
  if (const auto lifetimes = attributes.value<ifa_cacheinfo>(IFA_CACHEINFO)) {
    address.valid_lifetime = lifetimes->ifa_valid;
    address.preferred_lifetime = lifetimes->ifa_prefered;
  }
  address.removed = message.nlmsg_type == RTM_DELADDR;
  return one(address);
}

RouterPreference router_preference(std::optional<std::uint8_t> value) {
  if (value == std::uint8_t{1}) return RouterPreference::high;
  if (value == std::uint8_t{3}) return RouterPreference::low;
  return RouterPreference::medium;
}

/// One event per next hop of a multipath route.
Outcome parse_next_hops(Bytes hops, const DefaultRouteChanged& common) {
  std::vector<NetworkEvent> events;
  for (std::size_t count = 0; hops.size() >= sizeof(rtnexthop); ++count) {
    if (count == max_next_hops) break;
    rtnexthop hop{};
    std::memcpy(&hop, hops.data(), sizeof hop);
    if (hop.rtnh_len < sizeof hop || hop.rtnh_len > hops.size()) return MessageError::malformed;
    const Attributes nested{reinterpret_cast<const nlattr*>(hops.data() + sizeof hop), hop.rtnh_len - sizeof hop};
    if (!nested.good()) return MessageError::malformed;
    DefaultRouteChanged route = common;
    route.ifindex = static_cast<unsigned>(hop.rtnh_ifindex);
    route.gateway = nested.address(RTA_GATEWAY).value_or(Address{});
    events.emplace_back(route);
    hops = hops.subspan(std::min<std::size_t>(NLMSG_ALIGN(hop.rtnh_len), hops.size()));
  }
  return events;
}

Outcome parse_route(const nlmsghdr& message) {
  const auto header = header_of<rtmsg>(message);
  if (!header) return MessageError::malformed;
  if (header->rtm_family != AF_INET6 || header->rtm_dst_len > 128 || header->rtm_src_len != 0 ||
      header->rtm_type != RTN_UNICAST || (header->rtm_flags & RTM_F_CLONED) != 0 ||
      header->rtm_protocol == our_protocol)
    return nothing();
  const Attributes attributes{message, sizeof(rtmsg)};
  if (!attributes.good()) return MessageError::malformed;
  if (attributes.value<std::uint32_t>(RTA_TABLE).value_or(header->rtm_table) != main_table) return nothing();
  DefaultRouteChanged route;
  route.ifindex = attributes.value<std::uint32_t>(RTA_OIF).value_or(0);
  route.gateway = attributes.address(RTA_GATEWAY).value_or(Address{});
  route.metric = attributes.value<std::uint32_t>(RTA_PRIORITY).value_or(0);
  route.preference = router_preference(attributes.value<std::uint8_t>(RTA_PREF));
  route.protocol = header->rtm_protocol;
  route.removed = message.nlmsg_type == RTM_DELROUTE;
  if (const auto cache = attributes.value<rta_cacheinfo>(RTA_CACHEINFO); cache && cache->rta_expires != 0) {
    const long ticks = sysconf(_SC_CLK_TCK);
    route.expires = cache->rta_expires < 0 ? 0 : static_cast<std::uint32_t>(cache->rta_expires / ticks);
  }
  const Bytes hops = attributes.bytes(RTA_MULTIPATH);
  if (header->rtm_dst_len == 0) return hops.empty() ? one(route) : parse_next_hops(hops, route);
  const auto prefix = attributes.address(RTA_DST);
  if (!prefix) return MessageError::malformed;
  if (!hops.empty()) {
    const auto events = parse_next_hops(hops, route);
    if (!events || events.value().empty()) return MessageError::malformed;
    route = std::get<DefaultRouteChanged>(events.value().front());
  }
  return one(RouteChanged{route.ifindex, *prefix, header->rtm_dst_len, route.gateway, route.metric, route.removed});
}

NeighbourState neighbour_state(std::uint16_t state) {
  switch (state) {
    case NUD_INCOMPLETE:
      return NeighbourState::incomplete;
    case NUD_REACHABLE:
      return NeighbourState::reachable;
    case NUD_STALE:
      return NeighbourState::stale;
    case NUD_DELAY:
      return NeighbourState::delay;
    case NUD_PROBE:
      return NeighbourState::probe;
    case NUD_FAILED:
      return NeighbourState::failed;
    case NUD_PERMANENT:
    case NUD_NOARP:
      return NeighbourState::permanent;
    default:
      return NeighbourState::none;
  }
}

Outcome parse_neighbour(const nlmsghdr& message) {
  const auto header = header_of<ndmsg>(message);
  if (!header) return MessageError::malformed;
  if (header->ndm_family != AF_INET6 || (header->ndm_flags & NTF_PROXY) != 0) return nothing();
  const Attributes attributes{message, sizeof(ndmsg)};
  if (!attributes.good()) return MessageError::malformed;
  const auto address = attributes.address(NDA_DST);
  if (!address) return MessageError::malformed;
  NeighbourChanged neighbour;
  neighbour.ifindex = static_cast<unsigned>(header->ndm_ifindex);
  neighbour.address = *address;
  neighbour.mac = attributes.mac(NDA_LLADDR).value_or(MacAddress{});
  neighbour.state = neighbour_state(header->ndm_state);
  neighbour.is_router = (header->ndm_flags & NTF_ROUTER) != 0;
  neighbour.removed = message.nlmsg_type == RTM_DELNEIGH;
  return one(neighbour);
}

Outcome parse_prefix(const nlmsghdr& message) {
  const auto header = header_of<prefixmsg>(message);
  if (!header) return MessageError::malformed;
  if (header->prefix_family != AF_INET6 || header->prefix_len > 128) return nothing();
  const Attributes attributes{message, sizeof(prefixmsg)};
  if (!attributes.good()) return MessageError::malformed;
  const auto address = attributes.address(prefix_address);
  const auto lifetimes = attributes.value<::prefix_cacheinfo>(prefix_lifetimes);
  if (!address || !lifetimes) return MessageError::malformed;
  PrefixAdvertised event;
  event.ifindex = static_cast<unsigned>(header->prefix_ifindex);
  event.prefix.prefix = *address;
  event.prefix.length = header->prefix_len;
  event.prefix.on_link = (header->prefix_flags & prefix_on_link) != 0;
  event.prefix.autonomous = (header->prefix_flags & prefix_autonomous) != 0;
  event.prefix.preferred_lifetime = lifetimes->preferred_time;
  event.prefix.valid_lifetime = lifetimes->valid_time;
  return one(event);
}

}  // namespace

Outcome parse_message(const nlmsghdr& message) {
  switch (message.nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return parse_link(message);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return parse_address_message(message);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return parse_route(message);
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return parse_neighbour(message);
    case RTM_NEWPREFIX:
      return parse_prefix(message);
    default:
      return nothing();
  }
}

}  // namespace ilnp
