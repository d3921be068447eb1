// SPDX-License-Identifier: Apache-2.0
#include "dns/src/publish_plan.h"

#include <algorithm>
#include <optional>
#include <set>

#include "core/ilnp/text.h"

namespace ilnp {
namespace {

/// A record in words: the type alone, or with its data.
struct RecordWords {
  std::uint16_t type{};
  std::optional<ByteVector> rdata;
};

class Planner {
 public:
  explicit Planner(const PublishSettings& settings) : settings_{settings} {
    ttls_ = settings.fixed ? TtlPolicy::fixed() : TtlPolicy::mobile();
    if (settings.ttl)
      ttls_ = {seconds{*settings.ttl}, seconds{*settings.ttl}, seconds{*settings.ttl}, seconds{*settings.ttl}};
  }

  Result<PublishPlan> plan() {
    const auto name = DnsName::from_text(settings_.name);
    if (!name) return error("'" + settings_.name + "' is not a domain name");
    plan_.name = *name;
    prerequisites();
    removals();
    replacements();
    for (const std::string& words : settings_.add) add(words);
    if (settings_.mirror) mirror();
    if (plan_.update.updates.empty() && problems_.empty()) problem("nothing to do: give --add, --replace or --remove");
    if (!problems_.empty()) return error(problems_);
    return std::move(plan_);
  }

 private:
  void problem(const std::string& text) { problems_ += (problems_.empty() ? "" : "\n") + text; }

  std::optional<RecordWords> read(const std::string& words, bool type_alone_will_do) {
    const auto space = words.find_first_of(" \t");
    std::string type = words.substr(0, space);
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const std::string data = space == std::string::npos ? "" : words.substr(words.find_first_not_of(" \t", space));
    RecordWords record;
    if (type == "NID") record.type = dns::type_nid;
    if (type == "L64") record.type = dns::type_l64;
    if (type == "LP") record.type = dns::type_lp;
    if (type == "AAAA") record.type = dns::type_aaaa;
    if (record.type == 0) {
      problem("'" + words + "': the type must be NID, L64, LP or AAAA");
      return std::nullopt;
    }
    if (data.empty() && type_alone_will_do) return record;
    record.rdata = read_data(record.type, data);
    if (record.rdata) return record;
    problem("'" + words + "': " + expected(record.type));
    return std::nullopt;
  }

  static const char* expected(std::uint16_t type) {
    switch (type) {
      case dns::type_nid:
        return "expected NID PREFERENCE IDENTIFIER, as in NID 10 0214:4fff:fe20:ee64";
      case dns::type_l64:
        return "expected L64 PREFERENCE LOCATOR, as in L64 10 2001:0db8:0001:0002 (four groups, no ::)";
      case dns::type_lp:
        return "expected LP PREFERENCE NAME, as in LP 10 l64.example.org";
      default:
        return "expected AAAA ADDRESS";
    }
  }

  static std::optional<ByteVector> read_data(std::uint16_t type, const std::string& data) {
    const auto octets = [](const auto& value) { return value ? std::optional{encode(*value)} : std::nullopt; };
    switch (type) {
      case dns::type_nid:
        return octets(parse_nid_data(data));
      case dns::type_l64:
        return octets(parse_l64_data(data));
      case dns::type_lp:
        return octets(parse_lp_data(data));
      default:
        break;
    }
    const auto address = parse_address(data);
    if (!address) return std::nullopt;
    const auto bytes = address->octets();
    return ByteVector{bytes.begin(), bytes.end()};
  }

  void prerequisites() {
    auto& out = plan_.update.prerequisites;
    for (const std::string& words : settings_.if_nid) {
      auto nid = parse_nid_data(words);
      if (!nid) {
        if (const auto bare = parse_node_id(words)) nid = NidData{10, *bare};
      }
      if (!nid) {
        problem("--if-nid '" + words + "': expected IDENTIFIER or PREFERENCE IDENTIFIER");
        continue;
      }
      promised_nids_.push_back(*nid);
      out.push_back(UpdateRecord::record_exists(plan_.name, dns::type_nid, encode(*nid)));
    }
    for (const std::string& words : settings_.expect) {
      const auto record = read(words, true);
      if (!record) continue;
      out.push_back(record->rdata ? UpdateRecord::record_exists(plan_.name, record->type, *record->rdata)
                                  : UpdateRecord::rrset_exists(plan_.name, record->type));
    }
    for (const std::string& words : settings_.expect_none) {
      const auto record = read(words, true);
      if (!record) continue;
      if (record->rdata) problem("--expect-none '" + words + "': expected a type alone");
      out.push_back(UpdateRecord::rrset_absent(plan_.name, record->type));
    }
  }

  void removals() {
    for (const std::string& words : settings_.remove) {
      const auto record = read(words, true);
      if (!record) continue;
      plan_.update.updates.push_back(record->rdata
                                         ? UpdateRecord::delete_record(plan_.name, record->type, *record->rdata)
                                         : UpdateRecord::delete_rrset(plan_.name, record->type));
    }
  }

  void replacements() {
    std::set<std::uint16_t> emptied;
    for (const std::string& words : settings_.replace) {
      const auto space = words.find_first_of(" \t");
      if (space == std::string::npos) {
        problem("--replace '" + words + "': expected a whole record; --remove empties a set");
        continue;
      }
      const auto record = read(words, false);
      if (!record || !emptied.insert(record->type).second) continue;
      plan_.update.updates.push_back(UpdateRecord::delete_rrset(plan_.name, record->type));
    }
    if (!problems_.empty()) return;
    for (const std::string& words : settings_.replace) add(words);
  }

  void add(const std::string& words) {
    const auto record = read(words, false);
    if (!record) return;
    const seconds ttl = record->type == dns::type_nid   ? ttls_.nid
                        : record->type == dns::type_lp  ? ttls_.lp
                        : record->type == dns::type_l64 ? ttls_.l64
                                                        : ttls_.aaaa;
    warn(*record, words);
    if (record->type == dns::type_nid) nids_.push_back(*decode_nid(*record->rdata));
    if (record->type == dns::type_l64) locators_.push_back(*decode_l64(*record->rdata));
    plan_.update.updates.push_back(UpdateRecord::add(plan_.name, record->type, ttl, *record->rdata));
  }

  void warn(const RecordWords& record, const std::string& words) {
    if (record.type == dns::type_l64) {
      if (const char* why = locator_objection(decode_l64(*record.rdata)->locator))
        plan_.warnings.push_back(words + ": " + why);
    }
    if (record.type == dns::type_nid) {
      if (const char* why = nid_objection(decode_nid(*record.rdata)->nid)) plan_.warnings.push_back(words + ": " + why);
    }
    if (record.type == dns::type_lp && decode_lp(*record.rdata)->target == plan_.name) {
      problem("'" + words + "': an LP must not point at its own name (RFC 6742 section 2.4)");
    }
  }

  void mirror() {
    const auto& nids = nids_.empty() ? promised_nids_ : nids_;  // after a rotation only the new ones count
    if (nids.empty() || locators_.empty()) {
      return problem("--mirror needs an L64 to add, and a NID to add or --if-nid");
    }
    const PublishedState state = PublishedState::of(nids, locators_);
    plan_.update.updates.push_back(UpdateRecord::delete_rrset(plan_.name, dns::type_aaaa));
    add_records(plan_.update, plan_.name, {{}, {}, {}, state.aaaa}, ttls_);
  }

  const PublishSettings& settings_;
  TtlPolicy ttls_;
  PublishPlan plan_;
  std::vector<NidData> nids_, promised_nids_;
  std::vector<L64Data> locators_;
  std::string problems_;
};

}  // namespace

Result<PublishPlan> plan_from(const PublishSettings& settings) { return Planner{settings}.plan(); }

}  // namespace ilnp
