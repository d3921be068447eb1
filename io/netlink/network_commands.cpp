// SPDX-License-Identifier: Apache-2.0
#include "io/netlink/network_commands.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/ipv6/neighbour_discovery.h"
#include "io/netlink/rtnetlink.h"

namespace ilnp {
namespace {

constexpr int ifa_proto = 11;  // IFA_PROTO, Linux 5.18
constexpr int request = NLM_F_REQUEST;

std::string interface_text(unsigned ifindex) {
  char name[IF_NAMESIZE];
  return if_indextoname(ifindex, name) != nullptr ? std::string{name} : "interface " + std::to_string(ifindex);
}

unsigned char family_of(const lisp::IpAddress& address) { return address.is_ipv4() ? AF_INET : AF_INET6; }

std::string prefix_text(const lisp::IpAddress& prefix, std::uint8_t length) {
  return to_string(prefix) + "/" + std::to_string(length);
}

ifaddrmsg address_header(unsigned ifindex, const lisp::IpAddress& address, std::uint8_t prefix_length) {
  ifaddrmsg header{};
  header.ifa_family = family_of(address);
  header.ifa_prefixlen = prefix_length;
  header.ifa_index = ifindex;
  return header;
}

ifinfomsg link_header(unsigned ifindex) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = static_cast<int>(ifindex);
  return header;
}

void fill_route(NetlinkMessage& message, const RouteSpec& route) {
  rtmsg header{};
  header.rtm_family = family_of(route.prefix);
  header.rtm_dst_len = route.prefix_length;
  header.rtm_table = static_cast<unsigned char>(route.table < 256 ? route.table : RT_TABLE_UNSPEC);
  header.rtm_protocol = route.protocol;
  // Without a router the IPv4 kernel wants to hear that the destination is on the link.
  header.rtm_scope = route.prefix.is_ipv4() && !route.gateway ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  message.header(header).u32(RTA_TABLE, route.table).u32(RTA_OIF, route.ifindex);
  if (route.prefix_length != 0) message.address(RTA_DST, route.prefix);
  if (route.gateway) message.address(RTA_GATEWAY, *route.gateway);
  if (route.metric != 0) message.u32(RTA_PRIORITY, route.metric);
  if (route.source) message.address(RTA_PREFSRC, *route.source);
  if (route.mtu != 0) message.begin(RTA_METRICS).u32(RTAX_MTU, route.mtu).end();
}

std::string route_text(const RouteSpec& route) {
  std::string text = "route " + prefix_text(route.prefix, route.prefix_length);
  if (route.gateway) text += " via " + to_string(*route.gateway);
  text += " dev " + interface_text(route.ifindex);
  if (route.table != main_table) text += " table " + std::to_string(route.table);
  return text;
}

void fill_rule(NetlinkMessage& message, const RuleSpec& rule) {
  fib_rule_hdr header{};
  header.family = AF_INET6;
  header.src_len = rule.from_length;
  header.table = static_cast<__u8>(rule.table < 256 ? rule.table : RT_TABLE_UNSPEC);
  header.action = FR_ACT_TO_TBL;
  if (rule.find_source) header.flags = FIB_RULE_FIND_SADDR;
  message.header(header).u32(FRA_TABLE, rule.table).u32(FRA_PRIORITY, rule.priority).u8(FRA_PROTOCOL, our_protocol);
  if (rule.from_length != 0) message.address(FRA_SRC, rule.from);
  if (rule.no_default_route) message.u32(FRA_SUPPRESS_PREFIXLEN, 0);
  if (rule.upper_protocol != 0) message.u8(FRA_IP_PROTO, rule.upper_protocol);
  if (rule.destination_port != 0)
    message.structure(FRA_DPORT_RANGE, fib_rule_port_range{rule.destination_port, rule.destination_port});
}

std::string rule_text(const RuleSpec& rule) {
  return "rule from " + prefix_text(rule.from, rule.from_length) + " table " + std::to_string(rule.table);
}

/// A dumped message, made into the request that deletes what it described.
NetlinkMessage deletion_of(const nlmsghdr& message, int type) {
  NetlinkMessage out{type, request};
  out.raw({static_cast<const std::uint8_t*>(nlmsg_data(&message)), static_cast<std::size_t>(nlmsg_datalen(&message))},
          NLMSG_ALIGNTO);
  return out;
}

template <class Header>
bool is_ours(const nlmsghdr& message, int attribute) {
  if (nlmsg_datalen(&message) < static_cast<int>(sizeof(Header))) return false;
  const nlattr* protocol = nlmsg_find_attr(const_cast<nlmsghdr*>(&message), sizeof(Header), attribute);
  return protocol != nullptr && nla_len(protocol) >= 1 && nla_get_u8(protocol) == our_protocol;
}

bool is_route_of(const nlmsghdr& message, std::uint8_t protocol) {
  if (message.nlmsg_type != RTM_NEWROUTE || nlmsg_datalen(&message) < static_cast<int>(sizeof(rtmsg))) return false;
  return static_cast<const rtmsg*>(nlmsg_data(&message))->rtm_protocol == protocol;
}

std::uint32_t attribute_of(const nlmsghdr& message, int type) {
  const nlattr* found = nlmsg_find_attr(const_cast<nlmsghdr*>(&message), sizeof(rtmsg), type);
  return found == nullptr || nla_len(found) < 4 ? 0 : nla_get_u32(found);
}

lisp::IpPrefix prefix_of(const nlmsghdr& message) {
  const auto* route = static_cast<const rtmsg*>(nlmsg_data(&message));
  lisp::IpPrefix out{route->rtm_family == AF_INET ? lisp::IpAddress::v4(0) : lisp::IpAddress{}, route->rtm_dst_len};
  const nlattr* prefix = nlmsg_find_attr(const_cast<nlmsghdr*>(&message), sizeof(rtmsg), RTA_DST);
  const std::size_t octets = lisp::address_octets(out.family());
  if (prefix != nullptr && static_cast<std::size_t>(nla_len(prefix)) == octets)
    out.address = lisp::IpAddress::load({static_cast<const std::uint8_t*>(nla_data(prefix)), octets});
  return out;
}

NetworkCommands::FoundRoute found_route(const nlmsghdr& message) {
  return {attribute_of(message, RTA_OIF), attribute_of(message, RTA_TABLE), prefix_of(message)};
}

}  // namespace

struct NetworkCommands::State {
  explicit State(RouteSocket opened) : socket{std::move(opened)} {}

  /// Errors in `accepted` are what was wanted anyway.
  Result<void> run(const NetlinkMessage& message, const std::string& what, std::initializer_list<int> accepted = {}) {
    const NetlinkAnswer answer = socket.transact(message);
    if (answer.error == 0 || answer.is(accepted)) return ok();
    return error("cannot " + what + ": " + answer.text());
  }

  /// Deletes everything in a dump that `wanted` picks; how many were deleted.
  Result<std::size_t> delete_all(int dump_type, int delete_type, const std::string& what,
                                 const std::function<bool(const nlmsghdr&)>& wanted, int family = AF_INET6) {
    std::vector<NetlinkMessage> deletions;
    const auto dumped = socket.dump(
        dump_type, family,
        [&](const nlmsghdr& message) {
          if (wanted(message)) deletions.push_back(deletion_of(message, delete_type));
        },
        [&] { deletions.clear(); });
    if (!dumped) return dumped.error();
    std::size_t deleted = 0;
    for (const NetlinkMessage& deletion : deletions) {
      const NetlinkAnswer answer = socket.transact(deletion);
      if (answer.is({ESRCH, ENOENT, EADDRNOTAVAIL, ENODEV})) continue;
      if (answer.error != 0) return error("cannot delete a " + what + " of ours: " + answer.text());
      ++deleted;
    }
    return deleted;
  }

  RouteSocket socket;
};

NetworkCommands::NetworkCommands(std::unique_ptr<State> state) : state_{std::move(state)} {}
NetworkCommands::NetworkCommands(NetworkCommands&&) noexcept = default;
NetworkCommands& NetworkCommands::operator=(NetworkCommands&&) noexcept = default;
NetworkCommands::~NetworkCommands() = default;

Result<NetworkCommands> NetworkCommands::open() {
  auto socket = RouteSocket::open();
  if (!socket) return socket.error();
  return NetworkCommands{std::make_unique<State>(std::move(socket.value()))};
}

Result<void> NetworkCommands::add_address(const AddressSpec& spec) {
  std::uint32_t flags = 0;
  if (spec.no_dad) flags |= IFA_F_NODAD;
  if (spec.no_prefix_route) flags |= IFA_F_NOPREFIXROUTE;
  ifaddrmsg header = address_header(spec.ifindex, spec.address, spec.prefix_length);
  header.ifa_flags = static_cast<__u8>(flags & 0xff);
  ifa_cacheinfo lifetimes{};
  lifetimes.ifa_valid = infinite_lifetime;
  lifetimes.ifa_prefered = spec.deprecated ? 0 : infinite_lifetime;
  NetlinkMessage message{RTM_NEWADDR, request | NLM_F_CREATE | NLM_F_REPLACE};
  message.header(header)
      .address(IFA_LOCAL, spec.address)
      .address(IFA_ADDRESS, spec.address)
      .u32(IFA_FLAGS, flags)
      .structure(IFA_CACHEINFO, lifetimes)
      .u8(ifa_proto, our_protocol);
  return state_->run(
      message, "add address " + prefix_text(spec.address, spec.prefix_length) + " to " + interface_text(spec.ifindex));
}

Result<void> NetworkCommands::delete_address(unsigned ifindex, const lisp::IpAddress& address,
                                             std::uint8_t prefix_length) {
  NetlinkMessage message{RTM_DELADDR, request};
  message.header(address_header(ifindex, address, prefix_length))
      .address(IFA_LOCAL, address)
      .address(IFA_ADDRESS, address);
  return state_->run(message,
                     "delete address " + prefix_text(address, prefix_length) + " from " + interface_text(ifindex),
                     {EADDRNOTAVAIL, ENODEV, ENXIO});
}

Result<void> NetworkCommands::set_link_up(unsigned ifindex, bool up) {
  ifinfomsg header = link_header(ifindex);
  header.ifi_change = IFF_UP;
  header.ifi_flags = up ? IFF_UP : 0;
  NetlinkMessage message{RTM_NEWLINK, request};
  message.header(header);
  return state_->run(message, std::string{"set "} + interface_text(ifindex) + (up ? " up" : " down"));
}

Result<void> NetworkCommands::set_mtu(unsigned ifindex, std::uint32_t mtu) {
  NetlinkMessage message{RTM_NEWLINK, request};
  message.header(link_header(ifindex)).u32(IFLA_MTU, mtu);
  return state_->run(message, "set the MTU of " + interface_text(ifindex) + " to " + std::to_string(mtu));
}

Result<void> NetworkCommands::disable_link_local(unsigned ifindex) {
  NetlinkMessage message{RTM_NEWLINK, request};
  message.header(link_header(ifindex))
      .begin(IFLA_AF_SPEC)
      .begin(AF_INET6)
      .u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE)
      .end()
      .end();
  return state_->run(message, "keep " + interface_text(ifindex) + " without a link-local address");
}

Result<void> NetworkCommands::replace_route(const RouteSpec& route) {
  NetlinkMessage message{RTM_NEWROUTE, request | NLM_F_CREATE | NLM_F_REPLACE};
  fill_route(message, route);
  return state_->run(message, "set " + route_text(route));
}

Result<void> NetworkCommands::delete_route(const RouteSpec& route) {
  NetlinkMessage message{RTM_DELROUTE, request};
  fill_route(message, route);
  return state_->run(message, "delete " + route_text(route), {ESRCH, ENODEV, ENOENT});
}

Result<std::size_t> NetworkCommands::delete_routes(std::uint8_t protocol, const RouteFilter& keep) {
  std::size_t deleted = 0;
  for (const int family : {AF_INET, AF_INET6}) {
    const auto done = state_->delete_all(
        RTM_GETROUTE, RTM_DELROUTE, "route",
        [&](const nlmsghdr& message) {
          return is_route_of(message, protocol) && !(keep && keep(found_route(message)));
        },
        family);
    if (!done) return done.error();
    deleted += done.value();
  }
  return deleted;
}

Result<void> NetworkCommands::delete_default_route(unsigned ifindex, const Address& gateway, std::uint32_t metric) {
  RouteSpec route;
  route.ifindex = ifindex;
  if (!gateway.is_unspecified()) route.gateway = gateway;
  route.metric = metric;
  route.protocol = RTPROT_UNSPEC;  // matches any
  return delete_route(route);
}

Result<void> NetworkCommands::add_rule(const RuleSpec& rule) {
  NetlinkMessage message{RTM_NEWRULE, request | NLM_F_CREATE | NLM_F_EXCL};
  fill_rule(message, rule);
  return state_->run(message, "add " + rule_text(rule), {EEXIST});
}

Result<void> NetworkCommands::delete_rule(const RuleSpec& rule) {
  NetlinkMessage message{RTM_DELRULE, request};
  fill_rule(message, rule);
  return state_->run(message, "delete " + rule_text(rule), {ENOENT});
}

Result<void> NetworkCommands::resolve_neighbour(unsigned ifindex, const Address& address) {
  ndmsg header{};
  header.ndm_family = AF_INET6;
  header.ndm_ifindex = static_cast<int>(ifindex);
  header.ndm_flags = NTF_USE;
  NetlinkMessage message{RTM_NEWNEIGH, request | NLM_F_CREATE | NLM_F_REPLACE};
  message.header(header).address(NDA_DST, address);
  return state_->run(message, "resolve " + to_string(address) + " on " + interface_text(ifindex));
}

Result<void> NetworkCommands::delete_neighbour(unsigned ifindex, const Address& address) {
  ndmsg header{};
  header.ndm_family = AF_INET6;
  header.ndm_ifindex = static_cast<int>(ifindex);
  NetlinkMessage message{RTM_DELNEIGH, request};
  message.header(header).address(NDA_DST, address);
  return state_->run(message, "forget neighbour " + to_string(address) + " on " + interface_text(ifindex),
                     {ENOENT, ENODEV});
}

Result<NetworkCommands::Leftovers> NetworkCommands::remove_everything_ours(std::span<const Address> addresses) {
  Leftovers out;
  // Rules first: without them no packet looks into the tables that are emptied next.
  const auto rules = state_->delete_all(RTM_GETRULE, RTM_DELRULE, "rule", [](const nlmsghdr& message) {
    return message.nlmsg_type == RTM_NEWRULE && is_ours<fib_rule_hdr>(message, FRA_PROTOCOL);
  });
  if (!rules) return rules.error();
  const auto routes = state_->delete_all(RTM_GETROUTE, RTM_DELROUTE, "route",
                                         [](const nlmsghdr& message) { return is_route_of(message, our_protocol); });
  if (!routes) return routes.error();
  const auto removed = state_->delete_all(RTM_GETADDR, RTM_DELADDR, "address", [&](const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWADDR) return false;
    if (is_ours<ifaddrmsg>(message, ifa_proto)) return true;
    const nlattr* address = nlmsg_find_attr(const_cast<nlmsghdr*>(&message), sizeof(ifaddrmsg), IFA_ADDRESS);
    if (address == nullptr || nla_len(address) != 16) return false;
    const Address found = Address::load(static_cast<const std::uint8_t*>(nla_data(address)));
    return std::find(addresses.begin(), addresses.end(), found) != addresses.end();
  });
  if (!removed) return removed.error();
  out.rules = rules.value();
  out.routes = routes.value();
  out.addresses = removed.value();
  return out;
}

Result<unsigned> interface_index(const std::string& name) {
  const unsigned index = if_nametoindex(name.c_str());
  if (index == 0) return error("there is no interface " + name);
  return index;
}

}  // namespace ilnp
