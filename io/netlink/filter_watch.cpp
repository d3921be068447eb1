// SPDX-License-Identifier: Apache-2.0
#include "io/netlink/filter_watch.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "io/netlink/rtnetlink.h"

namespace ilnp {
namespace {

constexpr int max_datagrams = 1024;  ///< per call

enum class Change : std::uint8_t { other, came, went };

/// What a message says about tables, chains and rules.
Change change_of(const nlmsghdr& message) {
  if (message.nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES) return Change::other;
  switch (message.nlmsg_type & 0xff) {
    case NFT_MSG_NEWTABLE:
    case NFT_MSG_NEWCHAIN:
    case NFT_MSG_NEWRULE:
      return Change::came;
    case NFT_MSG_DELTABLE:
    case NFT_MSG_DELCHAIN:
    case NFT_MSG_DELRULE:
      return Change::went;
    default:
      return Change::other;
  }
}

/// The first attribute of all three kinds is the table's name.
bool is_about(const nlmsghdr& message, const std::string& table) {
  constexpr std::size_t begin = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));
  const auto* octets = reinterpret_cast<const std::uint8_t*>(&message);
  const std::size_t size = table.size() + 1;
  nlattr attribute{};
  if (message.nlmsg_len < begin + NLA_HDRLEN + size) return false;
  std::memcpy(&attribute, octets + begin, sizeof attribute);
  return attribute.nla_type == NFTA_TABLE_NAME && attribute.nla_len == NLA_HDRLEN + size &&
         std::memcmp(octets + begin + NLA_HDRLEN, table.c_str(), size) == 0;
}

}  // namespace

Result<FilterWatch> FilterWatch::open(std::string table) {
  Descriptor socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER)};
  const auto failed = [] { return error(std::string{"watching the packet filter: "} + std::strerror(errno)); };
  if (!socket.is_open()) return failed();
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed();
  const int group = NFNLGRP_NFTABLES;
  if (::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) return failed();
  return FilterWatch{std::move(table), std::move(socket)};
}

bool FilterWatch::something_went() {
  bool went = false;
  for (int i = 0; i < max_datagrams; ++i) {
    const ssize_t octets = ::recv(fd(), buffer_.data(), buffer_.size(), 0);
    if (octets < 0 && errno == EINTR) continue;
    if (octets < 0 && errno != ENOBUFS) break;
    if (octets < 0) {
      went = true;  // more than the kernel keeps for us: perhaps ours
      continue;
    }
    for_each_message({buffer_.data(), static_cast<std::size_t>(octets)}, [&](const nlmsghdr& message) {
      const Change change = change_of(message);
      if (change != Change::other && is_about(message, table_)) went = change == Change::went;
    });
  }
  return went;
}

}  // namespace ilnp
