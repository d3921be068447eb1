// SPDX-License-Identifier: Apache-2.0
// What to write into the DNS, apart from how: the prerequisite and update sections of RFC 2136 as values, made from
// the state that a node wants published. Every plan is idempotent (delete the set, add all of it), so a repeated or
// retried update changes nothing, and guarded by a prerequisite, so that two writers of one name do not overwrite each
// other: a name belongs to whoever's NIDs it holds.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/ipv6/address.h"
#include "core/records/dns_name.h"
#include "core/records/ilnp_records.h"

namespace ilnp {

/// The records of one name that we are responsible for.
struct PublishedState {
  std::vector<NidData> nids;
  std::vector<L64Data> locators;
  std::vector<LpData> lps;
  std::vector<Address> aaaa;  ///< so that IPv6-only peers reach the node: normally every locator with every NID
  bool operator==(const PublishedState&) const = default;

  /// `nids` at `locators`, with the AAAA mirror of both (RFC 6741 section 8: nodes stay reachable for plain IPv6).
  static PublishedState of(std::vector<NidData> nids, std::vector<L64Data> locators, bool mirror_aaaa = true);
  /// Of a node that has `locators`, best first. Unique-local ones are for the inside of a site with a border router;
  /// the site publishes what it makes of them, and an LP leads there (RFC 6742 section 2.4) if its name is given.
  /// nullopt: nothing of that is for the world.
  static std::optional<PublishedState> behind_border(std::vector<NidData> nids, const std::vector<Locator>& locators,
                                                     const std::optional<DnsName>& site_name);
};

/// RFC 6741 section 9.2 and RFC 6748: a mobile node's locators live 0 to 20 s, a fixed one's a minute to an hour.
struct TtlPolicy {
  seconds nid{};
  seconds l64{};
  seconds lp{3600};
  seconds aaaa{};
  bool operator==(const TtlPolicy&) const = default;

  static TtlPolicy mobile(seconds l64 = seconds{0}) { return {seconds{300}, l64, seconds{3600}, l64}; }
  static TtlPolicy fixed(seconds l64 = seconds{60}) { return {seconds{86400}, l64, seconds{3600}, l64}; }
};

/// One record of an update message as RFC 2136 sections 2.4 and 2.5 write it.
struct UpdateRecord {
  DnsName owner;
  std::uint16_t type{};
  std::uint16_t klass{dns::class_in};
  seconds ttl{};
  ByteVector rdata;
  bool operator==(const UpdateRecord&) const = default;

  static UpdateRecord rrset_exists(DnsName owner, std::uint16_t type);               ///< whatever it holds
  static UpdateRecord record_exists(DnsName owner, std::uint16_t type, ByteVector);  ///< the set is exactly these
  static UpdateRecord rrset_absent(DnsName owner, std::uint16_t type);
  static UpdateRecord name_exists(DnsName owner);
  static UpdateRecord name_absent(DnsName owner);
  static UpdateRecord add(DnsName owner, std::uint16_t type, seconds ttl, ByteVector rdata);
  static UpdateRecord delete_rrset(DnsName owner, std::uint16_t type);
  static UpdateRecord delete_record(DnsName owner, std::uint16_t type, ByteVector rdata);
};
/// For an operator: "add mob.example.org. 0 IN L64 10 2001:0db8:000b:0001", "prerequisite: no NID at ...".
std::string to_text(const UpdateRecord& record, bool prerequisite);

struct UpdatePlan {
  DnsName zone;
  std::vector<UpdateRecord> prerequisites;
  std::vector<UpdateRecord> updates;
  bool operator==(const UpdatePlan&) const = default;
};

/// The prerequisite that guards a publication: what the name's NID set must be for the update to happen.
struct NidGuard {
  enum class Kind : std::uint8_t {
    exactly,  ///< these and no others: the name is ours, the ordinary case after the first publication
    absent,   ///< none: the first publication, which writes them
    present,  ///< any: NIDs are an operator's, only locators are written (no NID, no LP)
    anything  ///< no prerequisite: the operator wants the name taken over
  } kind = Kind::exactly;
  std::vector<NidData> nids;
  bool operator==(const NidGuard&) const = default;
};

/// Replaces what `name` publishes by `wanted`. NIDs are written only when the guard does not already promise them; LPs
/// only when `wanted` or `previous` (what was last acknowledged) has some. So a key that may write L64 and AAAA alone
/// is enough for a node whose NID is there, and one for L64 at a name that LP records point to. AAAA records are left
/// alone when none are wanted and `previous` had none: the site of a node behind a border router may have published
/// some.
UpdatePlan plan_publication(const DnsName& zone, const DnsName& name, const PublishedState& wanted,
                            const std::optional<PublishedState>& previous, const TtlPolicy& ttls,
                            const NidGuard& guard);

/// Adds every record of a set to a plan (no deletion).
void add_records(UpdatePlan& plan, const DnsName& name, const PublishedState& records, const TtlPolicy& ttls);

}  // namespace ilnp
