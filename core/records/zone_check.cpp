// SPDX-License-Identifier: Apache-2.0
#include "core/records/zone_check.h"

#include <algorithm>
#include <map>
#include <set>

namespace ilnp {
namespace {

using Severity = ZoneFinding::Severity;
constexpr int most_cnames = 8;

class ZoneCheck {
 public:
  ZoneCheck(const DnsName& zone, const std::vector<ZoneRecord>& records, const ZoneCheckOptions& options)
      : zone_{zone}, records_{records}, options_{options} {
    for (const ZoneRecord& record : records) {
      types_[record.owner].insert(record.type);
      if (record.type == dns::type_cname) {
        if (auto target = DnsName::from_wire(record.rdata)) aliases_.emplace(record.owner, std::move(*target));
      }
      if (const auto lp = record.type == dns::type_lp ? decode_lp(record.rdata) : std::nullopt)
        targets_.insert(lp->target);
      if (const auto l64 = record.type == dns::type_l64 ? decode_l64(record.rdata) : std::nullopt) {
        locators_[record.owner].insert(l64->locator.bits);
      }
      if (const auto nid = record.type == dns::type_nid ? decode_nid(record.rdata) : std::nullopt) {
        nids_[record.owner].insert(nid->nid.bits);
      }
    }
  }

  std::vector<ZoneFinding> run() {
    for (const ZoneRecord& record : records_) {
      switch (record.type) {
        case dns::type_nid:
          check_nid(record);
          break;
        case dns::type_l64:
          check_l64(record);
          break;
        case dns::type_lp:
          check_lp(record);
          break;
        case dns::type_aaaa:
          check_aaaa(record);
          break;
        default:
          break;
      }
    }
    return std::move(findings_);
  }

 private:
  void report(Severity severity, const ZoneRecord& record, const std::string& text) {
    findings_.push_back({severity, record.where, record.owner.text() + " " + dns_type_text(record.type) + ": " + text});
  }
  bool has(const DnsName& name, std::uint16_t type) const {
    const auto found = types_.find(name);
    return found != types_.end() && found->second.contains(type);
  }
  bool first_of_its_kind(const ZoneRecord& record) { return seen_.insert({record.owner, record.type}).second; }

  void check_ttl(const ZoneRecord& record) {
    if (!options_.longest_mobile_ttl || record.ttl <= *options_.longest_mobile_ttl) return;
    report(Severity::warning, record,
           "TTL " + std::to_string(record.ttl.count()) + " is too long for a node that moves (at most " +
               std::to_string(options_.longest_mobile_ttl->count()) + " s)");
  }

  void check_nid(const ZoneRecord& record) {
    const auto data = decode_nid(record.rdata);
    if (!data) return report(Severity::error, record, "record data is not 10 octets");
    if (const char* why = nid_objection(data->nid)) report(Severity::error, record, to_text(*data) + ": " + why);
    const auto [other, fresh] = nid_owners_.emplace(data->nid.bits, record.owner);
    if (!fresh && other->second != record.owner) {
      report(Severity::warning, record,
             to_text(*data) + " is also the NID of " + other->second.text() +
                 ": sessions of the two names go to one node");
    } else if (!fresh) {
      report(Severity::warning, record, to_text(*data) + ": the same NID twice");
    }
    if (first_of_its_kind(record) && !has(record.owner, dns::type_l64) && !has(record.owner, dns::type_lp) &&
        !has(record.owner, dns::type_l32)) {
      report(Severity::error, record, "NID without L64 or LP: peers take the node for IPv6 only");
    }
  }

  void check_l64(const ZoneRecord& record) {
    const auto data = decode_l64(record.rdata);
    if (!data) return report(Severity::error, record, "record data is not 10 octets");
    if (const char* why = locator_objection(data->locator)) {
      report(is_unique_local(data->locator) ? Severity::warning : Severity::error, record, to_text(*data) + ": " + why);
    }
    if (!locator_seen_.insert({record.owner, data->locator.bits}).second) {
      report(Severity::warning, record, to_text(*data) + ": the same locator twice");
    }
    check_ttl(record);
    const bool wildcard = record.owner.text().starts_with("*.");  // serves any name below (RFC 6741 section 9.3)
    if (first_of_its_kind(record) && !wildcard && !has(record.owner, dns::type_nid) &&
        !targets_.contains(record.owner)) {
      report(Severity::warning, record, "L64 without NID, and no LP of this zone points here");
    }
  }

  void check_lp(const ZoneRecord& record) {
    const auto data = decode_lp(record.rdata);
    if (!data) return report(Severity::error, record, "record data is malformed");
    if (first_of_its_kind(record) && !has(record.owner, dns::type_nid)) {
      report(Severity::warning, record, "LP without NID: nobody uses it");
    }
    if (data->target == record.owner) {
      return report(Severity::error, record, "points at its own name (RFC 6742 section 2.4 forbids it)");
    }
    if (!data->target.is_within(zone_)) return;
    if (!owns_locators(data->target)) {
      report(Severity::error, record, data->target.text() + " has no L64: the pointer dangles");
    }
  }

  /// A mirror that names a locator the node no longer has misleads IPv6-only peers.
  void check_aaaa(const ZoneRecord& record) {
    if (record.rdata.size() != 16) return report(Severity::error, record, "record data is not 16 octets");
    const Address address = Address::load(record.rdata.data());
    const auto nids = nids_.find(record.owner);
    if (nids == nids_.end() || !nids->second.contains(address.nid.bits)) return;  // an ordinary address
    check_ttl(record);
    const auto locators = locators_.find(record.owner);
    if (locators == locators_.end() || locators->second.contains(address.locator.bits)) return;
    report(Severity::warning, record, to_string(address) + " has the node's NID, but its locator is not among the L64");
  }

  bool owns_locators(DnsName name) const {
    for (int hops = 0; hops <= most_cnames; ++hops) {
      if (has(name, dns::type_l64) || has(name, dns::type_l32) || wildcard_owns_locators(name)) return true;
      const auto alias = aliases_.find(name);
      if (alias == aliases_.end()) return false;
      name = alias->second;
      if (!name.is_within(zone_)) return true;  // not ours to know
    }
    return false;
  }

  /// RFC 4592, as far as it matters here: the closest "*" above a name that does not exist.
  bool wildcard_owns_locators(const DnsName& name) const {
    if (types_.contains(name)) return false;
    for (DnsName up = name.parent(); up.is_within(zone_); up = up.parent()) {
      const auto wildcard = DnsName::from_text("*." + (up.is_root() ? "" : up.text()));
      if (wildcard && has(*wildcard, dns::type_l64)) return true;
      if (types_.contains(up) || up.is_root()) return false;
    }
    return false;
  }

  const DnsName& zone_;
  const std::vector<ZoneRecord>& records_;
  const ZoneCheckOptions& options_;
  std::map<DnsName, std::set<std::uint16_t>> types_;
  std::map<DnsName, DnsName> aliases_;
  std::set<DnsName> targets_;
  std::map<DnsName, std::set<std::uint64_t>> locators_, nids_;
  std::map<std::uint64_t, DnsName> nid_owners_;
  std::set<std::pair<DnsName, std::uint16_t>> seen_;
  std::set<std::pair<DnsName, std::uint64_t>> locator_seen_;
  std::vector<ZoneFinding> findings_;
};

}  // namespace

std::vector<ZoneFinding> check_zone(const DnsName& zone, const std::vector<ZoneRecord>& records,
                                    const ZoneCheckOptions& options) {
  return ZoneCheck{zone, records, options}.run();
}

}  // namespace ilnp
