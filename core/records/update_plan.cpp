// SPDX-License-Identifier: Apache-2.0
#include "core/records/update_plan.h"

#include <utility>

namespace ilnp {
namespace {

ByteVector address_octets(const Address& address) {
  const auto octets = address.octets();
  return {octets.begin(), octets.end()};
}

std::string rdata_text(std::uint16_t type, Bytes rdata) {
  const auto text = [](const auto& data) { return data ? to_text(*data) : std::string{"?"}; };
  switch (type) {
    case dns::type_nid:
      return text(decode_nid(rdata));
    case dns::type_l64:
      return text(decode_l64(rdata));
    case dns::type_l32:
      return text(decode_l32(rdata));
    case dns::type_lp:
      return text(decode_lp(rdata));
    case dns::type_aaaa:
      return rdata.size() == 16 ? to_string(Address::load(rdata.data())) : "?";
    default:
      return std::to_string(rdata.size()) + " octets";
  }
}

}  // namespace

PublishedState PublishedState::of(std::vector<NidData> nids, std::vector<L64Data> locators, bool mirror_aaaa) {
  PublishedState state{std::move(nids), std::move(locators), {}, {}};
  if (!mirror_aaaa) return state;
  for (const NidData& nid : state.nids) {
    for (const L64Data& l64 : state.locators) state.aaaa.push_back({l64.locator, nid.nid});
  }
  return state;
}

std::optional<PublishedState> PublishedState::behind_border(std::vector<NidData> nids,
                                                            const std::vector<Locator>& locators,
                                                            const std::optional<DnsName>& site_name) {
  std::vector<L64Data> global;
  std::vector<LpData> lps;
  std::uint16_t preference = 0;
  for (const Locator locator : locators) {
    preference = static_cast<std::uint16_t>(preference + 10);
    if (!is_unique_local(locator))
      global.push_back({preference, locator});
    else if (site_name && lps.empty())
      lps.push_back({preference, *site_name});
  }
  if (global.empty() && lps.empty()) return std::nullopt;
  PublishedState state = of(std::move(nids), std::move(global));
  state.lps = std::move(lps);
  return state;
}

UpdateRecord UpdateRecord::rrset_exists(DnsName owner, std::uint16_t type) {
  return {std::move(owner), type, dns::class_any, seconds{0}, {}};
}
UpdateRecord UpdateRecord::record_exists(DnsName owner, std::uint16_t type, ByteVector rdata) {
  return {std::move(owner), type, dns::class_in, seconds{0}, std::move(rdata)};
}
UpdateRecord UpdateRecord::rrset_absent(DnsName owner, std::uint16_t type) {
  return {std::move(owner), type, dns::class_none, seconds{0}, {}};
}
UpdateRecord UpdateRecord::name_exists(DnsName owner) { return rrset_exists(std::move(owner), dns::type_any); }
UpdateRecord UpdateRecord::name_absent(DnsName owner) { return rrset_absent(std::move(owner), dns::type_any); }
UpdateRecord UpdateRecord::add(DnsName owner, std::uint16_t type, seconds ttl, ByteVector rdata) {
  return {std::move(owner), type, dns::class_in, ttl, std::move(rdata)};
}
UpdateRecord UpdateRecord::delete_rrset(DnsName owner, std::uint16_t type) {
  return {std::move(owner), type, dns::class_any, seconds{0}, {}};
}
UpdateRecord UpdateRecord::delete_record(DnsName owner, std::uint16_t type, ByteVector rdata) {
  return {std::move(owner), type, dns::class_none, seconds{0}, std::move(rdata)};
}

std::string to_text(const UpdateRecord& record, bool prerequisite) {
  const std::string type = record.type == dns::type_any ? "records" : dns_type_text(record.type);
  const std::string owner = record.owner.text();
  const std::string value = record.rdata.empty() ? "" : " " + rdata_text(record.type, record.rdata);
  if (prerequisite) {
    if (record.klass == dns::class_none) return "only if " + owner + " has no " + type;
    if (record.klass == dns::class_any) return "only if " + owner + " has " + type;
    return "only if " + owner + " has exactly " + type + value;
  }
  if (record.klass == dns::class_any) return "delete every " + type + " of " + owner;
  if (record.klass == dns::class_none) return "delete " + owner + " IN " + type + value;
  return "add " + owner + " " + std::to_string(record.ttl.count()) + " IN " + type + value;
}

UpdatePlan plan_publication(const DnsName& zone, const DnsName& name, const PublishedState& wanted,
                            const std::optional<PublishedState>& previous, const TtlPolicy& ttls,
                            const NidGuard& guard) {
  UpdatePlan plan{zone, {}, {}};
  switch (guard.kind) {
    case NidGuard::Kind::exactly:
      for (const NidData& nid : guard.nids) {
        plan.prerequisites.push_back(UpdateRecord::record_exists(name, dns::type_nid, encode(nid)));
      }
      break;
    case NidGuard::Kind::absent:
      plan.prerequisites.push_back(UpdateRecord::rrset_absent(name, dns::type_nid));
      break;
    case NidGuard::Kind::present:
      plan.prerequisites.push_back(UpdateRecord::rrset_exists(name, dns::type_nid));
      break;
    case NidGuard::Kind::anything:
      break;
  }
  const bool ours = guard.kind != NidGuard::Kind::present;
  // A name that LP records point to holds nothing else.
  const bool is_site_name =
      guard.kind == NidGuard::Kind::absent && wanted.nids.empty() && wanted.aaaa.empty() && !wanted.locators.empty();
  const bool promised = is_site_name || (guard.kind == NidGuard::Kind::exactly && guard.nids == wanted.nids);
  PublishedState to_add = wanted;
  if (ours && !promised) {
    plan.updates.push_back(UpdateRecord::delete_rrset(name, dns::type_nid));
  } else {
    to_add.nids.clear();
  }
  plan.updates.push_back(UpdateRecord::delete_rrset(name, dns::type_l64));
  if (!ours) {
    to_add.lps.clear();
  } else if (!wanted.lps.empty() || (previous && !previous->lps.empty())) {
    plan.updates.push_back(UpdateRecord::delete_rrset(name, dns::type_lp));
  }
  if (!is_site_name && (!wanted.aaaa.empty() || !previous || !previous->aaaa.empty()))
    plan.updates.push_back(UpdateRecord::delete_rrset(name, dns::type_aaaa));
  add_records(plan, name, to_add, ttls);
  return plan;
}

void add_records(UpdatePlan& plan, const DnsName& name, const PublishedState& records, const TtlPolicy& ttls) {
  const auto add = [&](std::uint16_t type, seconds ttl, ByteVector rdata) {
    plan.updates.push_back(UpdateRecord::add(name, type, ttl, std::move(rdata)));
  };
  for (const NidData& nid : records.nids) add(dns::type_nid, ttls.nid, encode(nid));
  for (const L64Data& l64 : records.locators) add(dns::type_l64, ttls.l64, encode(l64));
  for (const LpData& lp : records.lps) add(dns::type_lp, ttls.lp, encode(lp));
  for (const Address& address : records.aaaa) add(dns::type_aaaa, ttls.aaaa, address_octets(address));
}

}  // namespace ilnp
