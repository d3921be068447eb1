// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/eam.h"

#include <array>
#include <cassert>

namespace ilnp::lisp {
namespace {

constexpr std::uint64_t low_32 = 0xffff'ffff;

unsigned suffix_bits(const EamRow& row) { return 32u - row.ipv4.length; }
/// Bits of an IPv6 address behind those that a row maps; they are zero.
unsigned padding_bits(const EamRow& row) { return 128u - row.ipv6.length - suffix_bits(row); }
std::uint64_t suffix_mask(const EamRow& row) { return (std::uint64_t{1} << suffix_bits(row)) - 1; }

Address into_ipv6(const EamRow& row, const IpAddress& ipv4) {
  Address out = row.ipv6.address.ipv6();
  if (suffix_bits(row) == 0) return out;
  const std::uint64_t suffix = ipv4.ipv4() & suffix_mask(row);
  const unsigned left = padding_bits(row);  // at most 127: there is a suffix
  if (left >= 64) {
    out.locator.bits |= suffix << (left - 64);
  } else {
    out.nid.bits |= suffix << left;
    if (left != 0) out.locator.bits |= suffix >> (64 - left);
  }
  return out;
}

IpAddress into_ipv4(const EamRow& row, const Address& ipv6) {
  if (suffix_bits(row) == 0) return row.ipv4.address;
  const unsigned right = padding_bits(row);
  std::uint64_t suffix = 0;
  if (right >= 64)
    suffix = ipv6.locator.bits >> (right - 64);
  else
    suffix = ipv6.nid.bits >> right | (right != 0 ? ipv6.locator.bits << (64 - right) : 0);
  return IpAddress::v4(row.ipv4.address.ipv4() | static_cast<std::uint32_t>(suffix & suffix_mask(row)));
}

bool is_network(const IpPrefix& prefix) {
  return prefix.length <= address_bits(prefix.family()) && prefix == prefix.network();
}

}  // namespace

const char* name_of(EamProblem problem) {
  constexpr std::array names{"not_a_pair", "suffix_too_long", "overlaps", "full"};
  return names[static_cast<std::size_t>(problem)];
}

EamTable::EamTable(std::uint64_t seed, std::optional<Address> embedding, std::size_t most_rows)
    : embedding_{embedding}, most_rows_{most_rows}, rows_{seed} {
  assert(!embedding || can_embed({*embedding, 96}));
}

bool EamTable::can_embed(const IpPrefix& prefix) {
  return !prefix.address.is_ipv4() && prefix.length == 96 && is_network(prefix) &&
         prefix.address.ipv6().nid.bits >> 56 == 0;
}

bool EamTable::is_embedded(const Address& address) const {
  return embedding_ && address.locator == embedding_->locator && (address.nid.bits & ~low_32) == embedding_->nid.bits;
}

bool EamTable::overlaps(std::uint32_t instance, const IpPrefix& prefix) const {
  const EidPrefix wanted{instance, prefix};
  if (rows_.match(wanted) != nullptr || rows_.first_in(wanted) != nullptr) return true;
  if (!embedding_ || prefix.address.is_ipv4()) return false;
  return is_embedded(prefix.address.ipv6()) || prefix.contains(IpAddress{*embedding_});
}

Result<void, EamProblem> EamTable::add(const EamRow& row) {
  if (!row.ipv4.address.is_ipv4() || row.ipv6.address.is_ipv4() || !is_network(row.ipv4) || !is_network(row.ipv6))
    return EamProblem::not_a_pair;
  if (suffix_bits(row) + row.ipv6.length > 128) return EamProblem::suffix_too_long;
  if (overlaps(row.instance, row.ipv4) || overlaps(row.instance, row.ipv6)) return EamProblem::overlaps;
  if (size() >= most_rows_) return EamProblem::full;
  rows_.insert({row.instance, row.ipv4}).first->second = row;
  rows_.insert({row.instance, row.ipv6}).first->second = row;
  return ok();
}

bool EamTable::remove(const EamRow& row) {
  const auto* by_ipv4 = rows_.find({row.instance, row.ipv4});
  if (by_ipv4 == nullptr || by_ipv4->second.ipv6 != row.ipv6) return false;
  rows_.erase(*by_ipv4);
  rows_.erase(*rows_.find({row.instance, row.ipv6}));
  return true;
}

const EamRow* EamTable::row_of(std::uint32_t instance, const IpAddress& address, Family speaks) const {
  const auto* entry = rows_.match(Eid{instance, address});
  return entry != nullptr && entry->second.speaks == speaks ? &entry->second : nullptr;
}

std::optional<Address> EamTable::ipv6_of_ipv6_node(std::uint32_t instance, const IpAddress& ipv4) const {
  const EamRow* row = row_of(instance, ipv4, Family::ipv6);
  return row == nullptr ? std::nullopt : std::optional{into_ipv6(*row, ipv4)};
}

std::optional<IpAddress> EamTable::ipv4_of_ipv6_node(std::uint32_t instance, const Address& ipv6) const {
  const EamRow* row = row_of(instance, ipv6, Family::ipv6);
  return row == nullptr ? std::nullopt : std::optional{into_ipv4(*row, ipv6)};
}

std::optional<Address> EamTable::ipv6_of_ipv4_node(std::uint32_t instance, const IpAddress& ipv4) const {
  if (const EamRow* row = row_of(instance, ipv4, Family::ipv4)) return into_ipv6(*row, ipv4);
  if (!embedding_) return std::nullopt;
  return Address{embedding_->locator, {embedding_->nid.bits | ipv4.ipv4()}};
}

std::optional<IpAddress> EamTable::ipv4_of_ipv4_node(std::uint32_t instance, const Address& ipv6) const {
  if (is_embedded(ipv6)) return IpAddress::v4(static_cast<std::uint32_t>(ipv6.nid.bits & low_32));
  const EamRow* row = row_of(instance, ipv6, Family::ipv4);
  return row == nullptr ? std::nullopt : std::optional{into_ipv4(*row, ipv6)};
}

}  // namespace ilnp::lisp
