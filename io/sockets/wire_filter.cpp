// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/wire_filter.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "io/sockets/wire_port.h"

namespace ilnp {
namespace {

constexpr std::uint32_t ip = ethernet_header_length;
constexpr std::uint32_t source = ip + 8, destination = ip + 24;
constexpr std::uint32_t whole_frame = 0x40000;
constexpr std::size_t few = 4;  ///< destinations that are tried one by one

/// A destination that is searched for: the words of its lower half, then, when the whole address counts, of its upper.
struct Key {
  std::array<std::uint32_t, 4> words{};
  std::size_t count = 0;
  auto operator<=>(const Key&) const = default;
};
constexpr std::array<std::uint32_t, 4> key_offsets{destination + 8, destination + 12, destination, destination + 4};

constexpr std::uint32_t upper(std::uint64_t bits) { return static_cast<std::uint32_t>(bits >> 32); }
constexpr std::uint32_t lower(std::uint64_t bits) { return static_cast<std::uint32_t>(bits); }
Key key_of(NodeId nid) { return {{upper(nid.bits), lower(nid.bits)}, 2}; }
Key key_of(const Address& a) {
  return {{upper(a.nid.bits), lower(a.nid.bits), upper(a.locator.bits), lower(a.locator.bits)}, 4};
}

template <class Value>
std::vector<Key> keys_of(std::span<const Value> values) {
  std::vector<Key> keys;
  for (const Value& value : values) keys.push_back(key_of(value));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

class FilterWriter {
 public:
  void load_octet(std::uint32_t offset) { put(BPF_LD | BPF_B | BPF_ABS, offset); }
  void load_half(std::uint32_t offset) { put(BPF_LD | BPF_H | BPF_ABS, offset); }
  void load_word(std::uint32_t offset) { put(BPF_LD | BPF_W | BPF_ABS, offset); }
  void load_length() { put(BPF_LD | BPF_W | BPF_LEN, 0); }
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
  void skip_unless_above(std::uint32_t value, std::uint8_t n) { put(BPF_JMP | BPF_JGT | BPF_K, value, 0, n); }
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

  void refuse_destination_in(const Prefix& prefix) {
    const Address& a = prefix.address;
    const std::array words{upper(a.locator.bits), lower(a.locator.bits), upper(a.nid.bits), lower(a.nid.bits)};
    const auto whole = static_cast<std::size_t>(prefix.length / 32),
               rest = static_cast<std::size_t>(prefix.length % 32);
    std::size_t left = 2 * whole + (rest != 0 ? 3 : 0);  // instructions, before the refusal
    for (std::uint32_t i = 0; i < whole; ++i, left -= 2) {
      load_word(destination + 4 * i);
      skip_unless_equal(words[i], static_cast<std::uint8_t>(left - 1));
    }
    if (rest != 0) {
      load_word(destination + static_cast<std::uint32_t>(4 * whole));
      mask(~(~std::uint32_t{0} >> rest));
      skip_unless_equal(words[whole], 1);
    }
    put(BPF_RET | BPF_K, 0);
  }

  /// Returns `found` for one of `keys`, which are sorted, and `other` for anything else. The kernel keeps a filter in
  /// memory of the socket that net.core.optmem_max limits, and a load from the frame takes fifteen times the room of a
  /// load from the scratch memory: the words are there from now on.
  void search_destination(std::span<const Key> keys, std::uint32_t found, std::uint32_t other) {
    for (std::uint32_t i = 0; i < key_offsets.size(); ++i) {
      load_word(key_offsets[i]);
      put(BPF_ST, i);
    }
    search(keys, found, other);
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
  void load_kept(std::uint32_t i) { put(BPF_LD | BPF_MEM, i); }
  /// By halves of their first words, then one by one.
  void search(std::span<const Key> keys, std::uint32_t found, std::uint32_t other) {
    const auto is_below = [](const Key& key, std::uint32_t word) { return key.words[0] < word; };
    const std::uint32_t middle = keys.empty() ? 0 : keys[keys.size() / 2].words[0];
    const auto below =
        static_cast<std::size_t>(std::lower_bound(keys.begin(), keys.end(), middle, is_below) - keys.begin());
    if (keys.size() <= few || below == 0) return try_each(keys, found, other);
    load_kept(0);
    put(BPF_JMP | BPF_JGE | BPF_K, middle, 0, 1);
    const std::size_t to_upper_half = program_.size();
    put(BPF_JMP | BPF_JA, 0);
    search(keys.first(below), found, other);
    program_[to_upper_half].k = static_cast<std::uint32_t>(program_.size() - to_upper_half - 1);
    search(keys.subspan(below), found, other);
  }
  void try_each(std::span<const Key> keys, std::uint32_t found, std::uint32_t other) {
    for (const Key& key : keys) {
      for (std::uint32_t i = 0; i < key.count; ++i) {
        load_kept(i);
        skip_unless_equal(key.words[i], static_cast<std::uint8_t>(2 * (key.count - i) - 1));
      }
      put(BPF_RET | BPF_K, found);
    }
    put(BPF_RET | BPF_K, other);
  }

  std::vector<sock_filter> program_;
  std::vector<Jump> to_refuse_;
};

/// Frames to this host without a VLAN tag (VLAN 0 is none) that hold IPv6. A load beyond the frame refuses it.
void refuse_other_frames(FilterWriter& filter) {
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
}

void refuse_link_local(FilterWriter& filter, std::uint32_t address) {
  filter.load_half(address);
  filter.mask(0xffc0);
  filter.refuse_if(0xfe80);
}

void refuse_neighbour_discovery(FilterWriter& filter) {
  filter.load_octet(ip + 6);
  filter.skip_unless_equal(next_header::icmpv6, 5);
  filter.load_length();
  filter.skip_unless_above(ip + ipv6_header_length, 3);  // without a type it is not neighbour discovery
  filter.load_octet(ip + ipv6_header_length);
  filter.skip_unless_at_least(icmpv6::router_solicitation, 1);
  filter.refuse_unless_above(icmpv6::redirect);
}

}  // namespace

std::vector<sock_filter> wire_filter(std::span<const NodeId> nids) {
  assert(nids.size() <= max_own_nids);
  FilterWriter filter;
  refuse_other_frames(filter);
  refuse_link_local(filter, destination);
  refuse_neighbour_discovery(filter);
  filter.end_refusals();
  filter.search_destination(keys_of(nids), whole_frame, 0);
  return filter.finish();
}

std::vector<sock_filter> router_wire_filter(std::span<const Address> own, std::span<const Prefix> kernels) {
  assert(own.size() <= max_own_addresses && kernels.size() <= max_kernel_prefixes);
  FilterWriter filter;
  refuse_other_frames(filter);
  refuse_link_local(filter, source);
  refuse_link_local(filter, destination);
  filter.load_octet(destination);
  filter.refuse_if(0xff);
  refuse_neighbour_discovery(filter);
  filter.end_refusals();
  for (const Prefix& prefix : kernels) filter.refuse_destination_in(prefix);
  filter.search_destination(keys_of(own), 0, whole_frame);
  return filter.finish();
}

}  // namespace ilnp
