// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/scaling/reflect.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <unordered_set>
#include <vector>

#include "core/forwarding/rewrite.h"
#include "core/ilnp/locator_update.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "io/loop/descriptor.h"
#include "io/loop/loop.h"
#include "tests/bench/core_bench/population.h"

namespace ilnp::bench {
namespace {

constexpr std::size_t ethernet = 14, largest = 2048, batch = 64;
constexpr int buffer_octets = 64 << 20;

class Reflector {
 public:
  bool open(const char* interface) {
    socket_ = Descriptor{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_IPV6))};
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_IPV6);
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
    if (!socket_.is_open() || ::bind(fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
    ::setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_octets, sizeof buffer_octets);
    ::setsockopt(fd(), SOL_SOCKET, SO_SNDBUFFORCE, &buffer_octets, sizeof buffer_octets);
    return true;
  }
  int fd() const { return socket_.get(); }

  void turn() {
    std::array<mmsghdr, batch> in{};
    std::array<iovec, batch> parts{};
    std::array<sockaddr_ll, batch> senders{};
    for (std::size_t i = 0; i < batch; ++i) {
      parts[i] = {buffers_[i].data(), largest};
      in[i].msg_hdr = {&senders[i], sizeof senders[i], &parts[i], 1, nullptr, 0, 0};
    }
    const int got = ::recvmmsg(fd(), in.data(), batch, MSG_DONTWAIT, nullptr);
    unsigned answers = 0;
    for (int i = 0; i < got; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (senders[at].sll_pkttype != PACKET_HOST) continue;
      parts[answers].iov_len = turn_round(buffers_[at], in[at].msg_len);
      if (parts[answers].iov_len == 0) continue;
      parts[answers].iov_base = buffers_[at].data();
      in[answers].msg_hdr = {nullptr, 0, &parts[answers], 1, nullptr, 0, 0};
      ++answers;
    }
    for (unsigned sent = 0; sent < answers;) {
      const int n = ::sendmmsg(fd(), in.data() + sent, answers - sent, 0);
      if (n <= 0) break;
      sent += static_cast<unsigned>(n);
    }
  }

  void report() {
    const auto s = [](TimePoint t) { return std::chrono::duration<double>(t.time_since_epoch()).count(); };
    std::printf("{\"datagrams\": %lu, \"updated\": %zu, \"first\": %.6f, \"last\": %.6f}\n", datagrams_,
                updated_.size(), s(first_), s(last_));
    std::fflush(stdout);
    datagrams_ = 0;
    updated_.clear();
  }

 private:
  using Buffer = std::array<std::uint8_t, largest>;

  /// Octets of the answer, made in place; 0: there is none.
  std::size_t turn_round(Buffer& frame, std::size_t octets) {
    if (octets < ethernet) return 0;
    std::uint8_t* packet = frame.data() + ethernet;
    const WalkOutcome walked = walk_headers({packet, octets - ethernet});
    if (!walked.ok) return 0;
    const HeaderWalk& walk = walked.walk;
    if (walk.upper_protocol == next_header::icmpv6 && packet[walk.upper_offset] == icmpv6::locator_update)
      return acknowledge(frame, walk);
    if (walk.upper_protocol != next_header::udp || walk.upper_length < 8) return 0;
    ++datagrams_;
    swap_mac_addresses(frame);
    std::swap_ranges(packet + 8, packet + 24, packet + 24);
    std::copy(packet + walk.upper_offset, packet + walk.upper_offset + walk.upper_length, packet + ipv6_header_length);
    std::swap_ranges(packet + ipv6_header_length, packet + ipv6_header_length + 2, packet + ipv6_header_length + 2);
    packet[6] = next_header::udp;
    store_u16(packet + 4, static_cast<std::uint16_t>(walk.upper_length));
    return ethernet + ipv6_header_length + walk.upper_length;
  }

  static void swap_mac_addresses(Buffer& frame) {
    std::swap_ranges(frame.begin(), frame.begin() + 6, frame.begin() + 6);
  }

  std::size_t acknowledge(Buffer& frame, const HeaderWalk& walk) {
    const std::uint8_t* message = frame.data() + ethernet + walk.upper_offset;
    auto update = parse_locator_update({message, walk.upper_length});
    if (!update || update.value().operation != LocatorUpdateOperation::advertisement) return 0;
    note_update(walk.destination.nid);
    update.value().operation = LocatorUpdateOperation::acknowledgement;
    std::array<std::uint8_t, max_nonce_header_length> header{};
    write_nonce_header(header.data(), next_header::icmpv6, nonce_);
    const ByteVector answer =
        build_packet(walk.destination, walk.source, next_header::icmpv6, encode_locator_update(update.value()),
                     Bytes{header.data(), nonce_.header_length()});
    swap_mac_addresses(frame);
    std::copy(answer.begin(), answer.end(), frame.begin() + ethernet);
    return ethernet + answer.size();
  }

  void note_update(NodeId peer) {
    if (!updated_.insert(peer.bits).second) return;
    last_ = monotonic_now();
    if (updated_.size() == 1) first_ = last_;
  }

  Descriptor socket_;
  const Nonce nonce_ = Population::peer_nonce();
  std::vector<Buffer> buffers_ = std::vector<Buffer>(batch);
  std::unordered_set<std::uint64_t> updated_;
  std::uint64_t datagrams_ = 0;
  TimePoint first_{}, last_{};
};

}  // namespace

int reflect(const char* interface) {
  Reflector reflector;
  if (!reflector.open(interface)) {
    std::perror("packet socket");
    return 2;
  }
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    std::array<pollfd, 2> wait{{{reflector.fd(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    if (::poll(wait.data(), wait.size(), -1) < 0) continue;
    if (wait[0].revents != 0) reflector.turn();
    if (wait[1].revents == 0) continue;
    char line[64];
    if (::read(STDIN_FILENO, line, sizeof line) <= 0) return 0;
    reflector.report();
  }
}

}  // namespace ilnp::bench
