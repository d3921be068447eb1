// SPDX-License-Identifier: Apache-2.0
#include "core/records/resolution.h"

#include <algorithm>
#include <set>
#include <utility>

namespace ilnp {
namespace {

/// How long a negative answer holds: the smaller of the SOA's TTL and its MINIMUM field (RFC 2308 section 5).
seconds negative_ttl(const DnsMessage& message) {
  for (const DnsRecord& record : message.records()) {
    if (record.section != DnsSection::authority || record.type != dns::type_soa || record.rdata.size() < 22) continue;
    return std::min(effective_ttl(record.ttl), effective_ttl(load_u32(record.rdata.data() + record.rdata.size() - 4)));
  }
  return seconds{0};
}

}  // namespace

const char* to_string(DnsSecurity security) {
  switch (security) {
    case DnsSecurity::insecure:
      return "insecure";
    case DnsSecurity::secure:
      return "secure";
    case DnsSecurity::bogus:
      return "bogus";
  }
  return "unknown";
}

const char* to_string(NameKind kind) {
  switch (kind) {
    case NameKind::ilnp:
      return "ilnp";
    case NameKind::ipv6_only:
      return "ipv6-only";
    case NameKind::no_data:
      return "no-data";
    case NameKind::no_such_name:
      return "no-such-name";
    case NameKind::failed:
      return "failed";
  }
  return "unknown";
}

const char* to_string(WhyNotIlnp why) {
  switch (why) {
    case WhyNotIlnp::is_ilnp:
      return "NID and locators are published";
    case WhyNotIlnp::no_nid:
      return "no usable NID record";
    case WhyNotIlnp::no_locator:
      return "NID without a usable L64, at the name or behind an LP";
    case WhyNotIlnp::bogus:
      return "DNSSEC validation failed";
    case WhyNotIlnp::lying:
      return "a malformed answer";
    case WhyNotIlnp::contradicting:
      return "answers that contradict each other";
    case WhyNotIlnp::server_failed:
      return "the name servers failed";
    case WhyNotIlnp::timed_out:
      return "the name servers did not answer in time";
  }
  return "unknown";
}

std::vector<Address> ResolvedName::ilvs() const {
  std::vector<Address> out;
  for (const NidRecord& n : nids) {
    for (const LocatorRecord& l : locators) out.push_back({l.locator, n.nid});
  }
  return out;
}

Resolution::Resolution(DnsName name, const ResolutionTuning& tuning, ResolutionCounters& counters)
    : name_{std::move(name)}, tuning_{tuning}, counters_{&counters} {}

Resolution::Asks Resolution::start(TimePoint now) {
  ++counters_->lookups;
  end_ = now + tuning_.total;
  Asks asks;
  for (const std::uint16_t type : {dns::type_nid, dns::type_l64, dns::type_lp, dns::type_aaaa}) {
    questions_.push_back({name_, type, dns::class_in});
    asks.push_back({static_cast<unsigned>(asks.size()), questions_.back()});
  }
  Outcome open;
  open.asked = open.canonical = name_;
  outcomes_.assign(asks.size(), open);
  return asks;
}

Resolution::Asks Resolution::on_answer(TimePoint now, unsigned id, const DnsAnswer& answer) {
  if (result_ || id >= outcomes_.size() || outcomes_[id].state != State::pending) return {};
  outcomes_[id] = judge(questions_[id], answer);
  Asks asks;
  if (id == lp && phase_ != Phase::not_ilnp) asks = ask_lp_targets();
  decide(now);
  if (phase_ == Phase::not_ilnp) asks.clear();  // their slots stay pending, unasked and without effect
  return asks;
}

void Resolution::on_time(TimePoint now) {
  if (result_ || !end_ || now < *end_) return;
  for (Outcome& outcome : outcomes_) {
    if (outcome.state != State::pending) continue;
    outcome.state = State::timed_out;
    if (phase_ != Phase::ilnp) ++counters_->timed_out;
  }
  decide(now);
}

std::optional<TimePoint> Resolution::next_deadline() const { return result_ ? std::nullopt : end_; }

Resolution::Outcome Resolution::judge(const DnsQuestion& question, const DnsAnswer& answer) {
  Outcome outcome;
  outcome.asked = outcome.canonical = question.name;
  if (answer.security == DnsSecurity::bogus) {
    ++counters_->bogus;
    outcome.state = State::bogus;
    outcome.security = DnsSecurity::bogus;
    return outcome;
  }
  if (answer.status != DnsAnswer::Status::answered) {
    outcome.state = answer.status == DnsAnswer::Status::timed_out ? State::timed_out : State::failed;
    return outcome;
  }
  const auto message = DnsMessage::parse(answer.message);
  if (!message || !answers(message.value(), message.value().id(), question) || message.value().is_truncated()) {
    ++counters_->malformed;
    outcome.state = State::lying;
    return outcome;
  }
  outcome = read(question, message.value());
  outcome.security = answer.security;
  return outcome;
}

Resolution::Outcome Resolution::read(const DnsQuestion& question, const DnsMessage& message) {
  Outcome outcome;
  outcome.asked = outcome.canonical = question.name;
  const unsigned rcode = message.rcode();
  if (rcode != dns::noerror && rcode != dns::nxdomain) {
    outcome.state = State::failed;
    return outcome;
  }
  outcome.ttl = seconds::max();
  if (!follow_cnames(message, outcome)) {
    ++counters_->loops;
    outcome.state = State::lying;
    return outcome;
  }
  bool found = false;
  for (const DnsRecord& record : message.records()) {
    if (record.section != DnsSection::answer || record.type != question.type || record.klass != dns::class_in) continue;
    if (message.owner(record) != outcome.canonical) continue;
    if (!take_record(message, record, outcome)) {
      ++counters_->malformed;
      outcome.state = State::lying;
      return outcome;
    }
    outcome.ttl = std::min(outcome.ttl, effective_ttl(record.ttl));
    found = true;
  }
  if (found && rcode == dns::nxdomain) {
    ++counters_->contradicting;
    outcome.state = State::lying;
    return outcome;
  }
  if (!found) outcome.ttl = std::min(outcome.ttl, negative_ttl(message));
  outcome.state = found ? State::positive : rcode == dns::nxdomain ? State::no_such_name : State::no_data;
  return outcome;
}

/// Sets the name at the end of the chain; false for a loop or more hops than anybody has a reason for.
bool Resolution::follow_cnames(const DnsMessage& message, Outcome& outcome) {
  std::map<DnsName, std::pair<DnsName, seconds>> aliases;
  for (const DnsRecord& record : message.records()) {
    if (record.section != DnsSection::answer || record.type != dns::type_cname || record.klass != dns::class_in)
      continue;
    if (aliases.size() > tuning_.most_cnames) return false;
    auto target = message.name_in(record);
    if (!target) return false;
    const auto [known, fresh] = aliases.try_emplace(message.owner(record), *target, effective_ttl(record.ttl));
    if (!fresh && known->second.first != *target) return false;  // two CNAMEs for one name
  }
  for (std::size_t hops = 0;; ++hops) {
    const auto alias = aliases.find(outcome.canonical);
    if (alias == aliases.end()) return true;
    if (hops == tuning_.most_cnames) return false;
    outcome.canonical = alias->second.first;
    outcome.ttl = std::min(outcome.ttl, alias->second.second);
  }
}

bool Resolution::take_record(const DnsMessage& message, const DnsRecord& record, Outcome& outcome) {
  const auto keep = [](auto& list, const auto& value) {
    if (value) list.push_back(*value);
    return value.has_value();
  };
  switch (record.type) {
    case dns::type_nid:
      return keep(outcome.nids, decode_nid(record.rdata));
    case dns::type_l64:
      return keep(outcome.locators, decode_l64(record.rdata));
    case dns::type_lp:
      return keep(outcome.lps, decode_lp(message, record));
    default:
      if (record.rdata.size() != 16) return false;
      outcome.addresses.push_back(Address::load(record.rdata.data()));
      return true;
  }
}

/// RFC 6742 section 2.4: an LP names the owner of L64 records and must not name its own owner.
Resolution::Asks Resolution::ask_lp_targets() {
  Outcome& found = outcomes_[lp];
  if (found.state != State::positive) return {};
  std::stable_sort(found.lps.begin(), found.lps.end());
  std::set<DnsName> seen;
  std::vector<LpData> lps;
  for (const LpData& data : found.lps) {
    if (data.target == name_ || data.target == found.canonical) {
      ++counters_->lp_to_self;
    } else if (!seen.insert(data.target).second || lps.size() == tuning_.most_lps) {
      ++counters_->lps_ignored;  // the better preference for the same target came first
    } else {
      lps.push_back(data);
    }
  }
  found.lps = lps;
  Asks asks;
  for (const LpData& data : lps) {
    asks.push_back({static_cast<unsigned>(outcomes_.size()), {data.target, dns::type_l64, dns::class_in}});
    questions_.push_back(asks.back().question);
    target_preferences_.push_back(data.preference);
    outcomes_.emplace_back();
    outcomes_.back().asked = outcomes_.back().canonical = data.target;
  }
  return asks;
}

bool Resolution::any_in(State state) const {
  for (std::size_t slot = 0; slot < outcomes_.size(); ++slot) {
    if (slot != aaaa && outcomes_[slot].state == state) return true;
  }
  return false;
}

/// The name exists for one type and not for another, or the types live at different ends of different CNAME chains.
bool Resolution::contradictory() {
  const Outcome* positive = nullptr;
  bool absent = false;
  for (const unsigned slot : {nid, l64, lp, aaaa}) {
    const Outcome& outcome = outcomes_[slot];
    absent = absent || outcome.state == State::no_such_name;
    if (outcome.state != State::positive) continue;
    if (positive != nullptr && positive->canonical != outcome.canonical) return true;
    positive = &outcome;
  }
  return absent && positive != nullptr;
}

void Resolution::decide(TimePoint now) {
  if (phase_ == Phase::ilnp || phase_ == Phase::not_ilnp) return finish();
  const State nid_state = outcomes_[nid].state;
  if (any_in(State::bogus)) return decide_as(Phase::not_ilnp, WhyNotIlnp::bogus, now);
  if (any_in(State::lying)) return decide_as(Phase::not_ilnp, WhyNotIlnp::lying, now);
  if (contradictory()) {
    ++counters_->contradicting;
    return decide_as(Phase::not_ilnp, WhyNotIlnp::contradicting, now);
  }
  if (nid_state == State::pending) return;
  if (nid_state == State::failed) return decide_as(Phase::not_ilnp, WhyNotIlnp::server_failed, now);
  if (nid_state == State::timed_out) return decide_as(Phase::not_ilnp, WhyNotIlnp::timed_out, now);
  if (nid_state != State::positive) return decide_as(Phase::not_ilnp, WhyNotIlnp::no_nid, now);
  if (outcomes_[l64].state == State::pending || outcomes_[lp].state == State::pending) {
    phase_ = Phase::locators_wanted;
    return;
  }
  if (any_in(State::pending)) {
    phase_ = Phase::chain_wanted;
    return;
  }
  ResolvedName probe;
  collect_nids(probe);
  collect_locators(probe);
  if (probe.nids.empty()) return decide_as(Phase::not_ilnp, WhyNotIlnp::no_nid, now);
  if (!probe.locators.empty()) return decide_as(Phase::ilnp, WhyNotIlnp::is_ilnp, now);
  const auto why = any_in(State::timed_out) ? WhyNotIlnp::timed_out
                   : any_in(State::failed)  ? WhyNotIlnp::server_failed
                                            : WhyNotIlnp::no_locator;
  decide_as(Phase::not_ilnp, why, now);
}

void Resolution::decide_as(Phase phase, WhyNotIlnp why, TimePoint now) {
  phase_ = phase;
  why_ = why;
  if (phase == Phase::ilnp) {
    ++counters_->ilnp;
    end_ = std::min(*end_, now + tuning_.aaaa_grace);
  }
  finish();
}

void Resolution::collect_nids(ResolvedName& out) {
  for (const NidData& data : outcomes_[nid].nids) {
    const auto same = [&](const NidRecord& r) { return r.nid == data.nid; };
    const auto known = std::find_if(out.nids.begin(), out.nids.end(), same);
    if (known != out.nids.end()) {
      known->preference = std::min(known->preference, data.preference);
    } else if (nid_objection(data.nid) == nullptr) {
      out.nids.push_back({data.nid, data.preference, outcomes_[nid].ttl});
    }
  }
  std::stable_sort(out.nids.begin(), out.nids.end(),
                   [](const NidRecord& a, const NidRecord& b) { return a.preference < b.preference; });
  if (out.nids.size() > tuning_.most_nids) out.nids.resize(tuning_.most_nids);
}

void Resolution::collect_locators(ResolvedName& out) {
  if (outcomes_[l64].state == State::positive) add_locators(out, outcomes_[l64], 0, seconds::max(), true);
  for (std::size_t i = 0; i < target_preferences_.size(); ++i) {
    const Outcome& found = outcomes_[first_target + i];
    if (found.state == State::positive) add_locators(out, found, target_preferences_[i], outcomes_[lp].ttl, false);
  }
  std::stable_sort(out.locators.begin(), out.locators.end(),
                   [](const LocatorRecord& a, const LocatorRecord& b) { return a.preference < b.preference; });
  if (out.locators.size() > tuning_.most_locators) out.locators.resize(tuning_.most_locators);
}

bool Resolution::usable(Locator locator) const {
  return is_global_unicast(locator) || (tuning_.accept_unique_local && is_unique_local(locator));
}

void Resolution::add_locators(ResolvedName& out, const Outcome& found, std::uint16_t lp_preference, seconds most_ttl,
                              bool direct) {
  for (const L64Data& data : found.locators) {
    if (!usable(data.locator)) continue;
    LocatorRecord record{data.locator, {lp_preference, data.preference}, std::min(found.ttl, most_ttl), {}};
    if (!direct) record.through = found.asked;
    const auto same = [&](const LocatorRecord& r) { return r.locator == record.locator; };
    const auto known = std::find_if(out.locators.begin(), out.locators.end(), same);
    if (known == out.locators.end()) {
      out.locators.push_back(record);
    } else if (record.preference < known->preference) {
      *known = record;
    }
  }
}

/// Once decided: waits for AAAA (an ILNP decision only briefly), then makes the result.
void Resolution::finish() {
  const Outcome& addresses = outcomes_[aaaa];
  if (result_ || addresses.state == State::pending) return;
  ResolvedName out;
  out.name = name_;
  out.why = why_;
  phase_ == Phase::ilnp ? describe_ilnp(out) : describe_plain(out);
  const auto ilvs = out.ilvs();
  for (const Address& address : addresses.addresses) {
    if (std::find(ilvs.begin(), ilvs.end(), address) == ilvs.end()) out.aaaa.push_back(address);
  }
  if (out.ttl == seconds::max()) out.ttl = seconds{0};
  count_refused();
  result_ = std::move(out);
}

void Resolution::describe_ilnp(ResolvedName& out) {
  collect_nids(out);
  collect_locators(out);
  out.kind = NameKind::ilnp;
  out.canonical = outcomes_[nid].canonical;
  out.ttl = out.nids.front().ttl;
  for (const LocatorRecord& record : out.locators) out.ttl = std::min(out.ttl, record.ttl);
  out.security = DnsSecurity::secure;
  for (std::size_t slot = 0; slot < outcomes_.size(); ++slot) {
    const bool counts = slot != aaaa && outcomes_[slot].state == State::positive;
    if (counts && outcomes_[slot].security != DnsSecurity::secure) out.security = DnsSecurity::insecure;
  }
}

void Resolution::describe_plain(ResolvedName& out) {
  const Outcome& addresses = outcomes_[aaaa];
  out.canonical = addresses.canonical;
  out.security = why_ == WhyNotIlnp::bogus ? DnsSecurity::bogus : addresses.security;
  out.ttl = addresses.ttl;
  switch (addresses.state) {
    case State::positive:
      out.kind = NameKind::ipv6_only;
      break;
    case State::no_data:
      out.kind = NameKind::no_data;
      break;
    case State::no_such_name:
      out.kind = NameKind::no_such_name;
      break;
    default:
      out.kind = NameKind::failed;
      break;
  }
}

void Resolution::count_refused() {
  for (const Outcome& outcome : outcomes_) {
    for (const NidData& data : outcome.nids) counters_->nids_refused += nid_objection(data.nid) != nullptr;
    for (const L64Data& data : outcome.locators) counters_->locators_refused += !usable(data.locator);
  }
}

}  // namespace ilnp
