// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/wire_filter.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <algorithm>
#include <cassert>

#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "io/sockets/wire_port.h"

namespace ilnp {
namespace {

constexpr std::uint32_t ip = ethernet_header_length;
constexpr std::uint32_t destination = ip + 24;
constexpr std::uint32_t whole_frame = 0x40000;
constexpr std::size_t few = 4;  ///< Node Identifiers that are tried one by one

std::uint32_t upper(const NodeId& nid) { return static_cast<std::uint32_t>(nid.bits >> 32); }
std::uint32_t lower(const NodeId& nid) { return static_cast<std::uint32_t>(nid.bits); }

class FilterWriter {
 public:
  void load_octet(std::uint32_t offset) { put(BPF_LD | BPF_B | BPF_ABS, offset); }
  void load_half(std::uint32_t offset) { put(BPF_LD | BPF_H | BPF_ABS, offset); }
  void load_word(std::uint32_t offset) { put(BPF_LD | BPF_W | BPF_ABS, offset); }
  void load_metadata(int what) { load_word(static_cast<std::uint32_t>(SKF_AD_OFF + what)); }
  void mask(std::uint32_t bits) { put(BPF_ALU | BPF_AND | BPF_K, bits); }

  void refuse_unless(std::uint32_t value) {
    to_refuse_.push_back({program_.size(), &sock_filter::jf});
    put(BPF_JMP | BPF_JEQ | BPF_K, value);
  }
  void refuse_if(std::uint32_t value) {
    to_refuse_.push_back({program_.size(), &sock_filter::jt});
    put(BPF_JMP | BPF_JEQ | BPF_K, value);
  }
  /// Skips the next n instructions unless the accumulator compares so.
  void skip_unless_equal(std::uint32_t value, std::uint8_t n) { put(BPF_JMP | BPF_JEQ | BPF_K, value, 0, n); }
  void skip_unless_at_least(std::uint32_t value, std::uint8_t n) { put(BPF_JMP | BPF_JGE | BPF_K, value, 0, n); }
  void refuse_unless_above(std::uint32_t value) {
    to_refuse_.push_back({program_.size(), &sock_filter::jf});
    put(BPF_JMP | BPF_JGT | BPF_K, value);
  }

  /// The refusals so far lead here; what they did not refuse goes on behind it. The search may be longer than a
  /// conditional jump reaches (255 instructions), so it has returns of its own.
  void end_refusals() {
    put(BPF_JMP | BPF_JA, 1);
    for (const Jump& jump : to_refuse_) {
      const std::size_t distance = program_.size() - jump.from - 1;
      assert(distance <= 255);
      program_[jump.from].*jump.branch = static_cast<__u8>(distance);
    }
    put(BPF_RET | BPF_K, 0);
  }

  /// Accepts one of `nids`, which are sorted: by halves of their upper words, then one by one.
  void search(std::span<const NodeId> nids) {
    const auto is_below = [](const NodeId& nid, std::uint32_t word) { return upper(nid) < word; };
    const std::uint32_t middle = nids.empty() ? 0 : upper(nids[nids.size() / 2]);
    const auto below =
        static_cast<std::size_t>(std::lower_bound(nids.begin(), nids.end(), middle, is_below) - nids.begin());
    if (nids.size() <= few || below == 0) return try_each(nids);
    load_word(destination + 8);
    put(BPF_JMP | BPF_JGE | BPF_K, middle, 0, 1);
    const std::size_t to_upper_half = program_.size();
    put(BPF_JMP | BPF_JA, 0);
    search(nids.first(below));
    program_[to_upper_half].k = static_cast<std::uint32_t>(program_.size() - to_upper_half - 1);
    search(nids.subspan(below));
  }
  std::vector<sock_filter> finish() { return std::move(program_); }

 private:
  struct Jump {
    std::size_t from;
    __u8 sock_filter::*branch;
  };
  void put(int code, std::uint32_t k, std::uint8_t jt = 0, std::uint8_t jf = 0) {
    program_.push_back({static_cast<__u16>(code), jt, jf, k});
  }
  void try_each(std::span<const NodeId> nids) {
    for (const NodeId& nid : nids) {
      load_word(destination + 8);
      skip_unless_equal(upper(nid), 3);
      load_word(destination + 12);
      skip_unless_equal(lower(nid), 1);
      put(BPF_RET | BPF_K, whole_frame);
    }
    put(BPF_RET | BPF_K, 0);
  }

  std::vector<sock_filter> program_;
  std::vector<Jump> to_refuse_;
};

}  // namespace

std::vector<sock_filter> wire_filter(std::span<const NodeId> nids) {
  assert(nids.size() <= max_own_nids);
  FilterWriter filter;
  filter.load_metadata(SKF_AD_PKTTYPE);
  filter.refuse_unless(PACKET_HOST);
  filter.load_metadata(SKF_AD_VLAN_TAG);
  filter.mask(0xfff);
  filter.refuse_unless(0);
  filter.load_half(12);
  filter.refuse_unless(ETH_P_IPV6);
  filter.load_octet(ip);
  filter.mask(0xf0);
  filter.refuse_unless(0x60);
  filter.load_half(destination);
  filter.mask(0xffc0);
  filter.refuse_if(0xfe80);
  filter.load_octet(ip + 6);
  filter.skip_unless_equal(next_header::icmpv6, 3);
  filter.load_octet(ip + ipv6_header_length);
  filter.skip_unless_at_least(icmpv6::router_solicitation, 1);
  filter.refuse_unless_above(icmpv6::redirect);
  filter.end_refusals();
  std::vector<NodeId> sorted{nids.begin(), nids.end()};
  std::sort(sorted.begin(), sorted.end());
  filter.search(sorted);
  return filter.finish();
}

}  // namespace ilnp
