// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/solicitation_socket.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {
namespace {

constexpr int packet_ignore_outgoing = 23;  // PACKET_IGNORE_OUTGOING, Linux 4.20
constexpr std::uint32_t whole_packet = 0x40000;

template <class Value>
bool set_option(int socket, int level, int option, const Value& value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

/// Of a datagram socket: offsets count from the IPv6 header.
std::array<sock_filter, 11> solicitation_filter() {
  const auto protocol = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PROTOCOL);
  return {{BPF_STMT(BPF_LD | BPF_H | BPF_ABS, protocol), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 8),
           BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, next_header::icmpv6, 0, 6),
           BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 7), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 255, 0, 4),
           BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ipv6_header_length),
           BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, icmpv6::neighbour_solicitation, 0, 2),
           BPF_STMT(BPF_RET | BPF_K, whole_packet), BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 0)}};
}

}  // namespace

Result<SolicitationSocket> SolicitationSocket::open(unsigned ifindex) {
  const auto fail = [&](const char* what) {
    return error("solicitation socket on interface " + std::to_string(ifindex) + ": cannot " + what + ": " +
                 std::strerror(errno));
  };
  SolicitationSocket out;
  out.descriptor_ = Descriptor{::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!out.descriptor_.is_open()) return fail(errno == EPERM ? "open (CAP_NET_RAW is needed)" : "open");
  auto program = solicitation_filter();
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (!set_option(out.fd(), SOL_SOCKET, SO_ATTACH_FILTER, filter)) return fail("attach the filter");
  if (!set_option(out.fd(), SOL_PACKET, packet_ignore_outgoing, 1)) return fail("ignore outgoing frames");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);  // before the packet filter
  address.sll_ifindex = static_cast<int>(ifindex);
  if (::bind(out.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return fail("bind");
  packet_mreq groups{};
  groups.mr_ifindex = static_cast<int>(ifindex);
  groups.mr_type = PACKET_MR_ALLMULTI;
  if (!set_option(out.fd(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, groups)) return fail("hear all groups");
  return out;
}

SolicitationSocket::Batch SolicitationSocket::receive() {
  Batch out;
  for (int i = 0; i < batch; ++i) {
    std::array<std::uint8_t, 1500> buffer;
    sockaddr_ll from{};
    socklen_t from_size = sizeof from;
    const ssize_t octets =
        ::recvfrom(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &from_size);
    if (octets < 0 && errno == EAGAIN) return out;
    if (octets < 0) continue;
    if (from.sll_pkttype == PACKET_OTHERHOST) continue;
    const auto parsed = parse_neighbour_packet({buffer.data(), static_cast<std::size_t>(octets)});
    const auto* solicitation = parsed ? std::get_if<NeighbourSolicitation>(&parsed.value().message) : nullptr;
    if (solicitation == nullptr)
      ++malformed_;
    else
      out.solicitations.push_back({*solicitation, MacAddress::load(from.sll_addr)});
  }
  out.more = true;
  return out;
}

}  // namespace ilnp
