// SPDX-License-Identifier: Apache-2.0
// From a name to what a shim can use: NID, L64, LP and AAAA are asked at once, then L64 at every LP target, and the
// answers are judged together (RFC 6742 sections 2 and 3, RFC 6740 section 3). A machine without I/O: start() and
// on_answer() say what to ask, on_time() ends what does not come.
//
// Rules. A node is ILNP only with a NID and at least one locator; else its AAAA records are all there is. Locators at
// the name itself come before those behind an LP: preference is (LP preference, L64 preference), lower first. The four
// answers must agree on the name they are about (one CNAME chain) and on whether it exists; answers that contradict
// each other or are malformed are counted and never make a name ILNP. An LP that points at its own name, an LP beyond
// the eighth, a locator that cannot be routed or a reserved NID is counted and left out. L64 records that a server puts
// into the additional section are not used: every locator was asked for by name and validated.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/time.h"
#include "core/ipv6/address.h"
#include "core/records/dns_message.h"
#include "core/records/ilnp_records.h"

namespace ilnp {

/// DNSSEC state of data: validated, in an unsigned zone (or not validated), or failing validation.
enum class DnsSecurity : std::uint8_t { insecure, secure, bogus };
const char* to_string(DnsSecurity security);

struct NidRecord {
  NodeId nid;
  std::uint16_t preference{};
  seconds ttl{};
  auto operator<=>(const NidRecord&) const = default;
};

/// Lower is better, first by LP. A locator at the name itself has lp 0.
struct LocatorPreference {
  std::uint16_t lp{};
  std::uint16_t l64{};
  auto operator<=>(const LocatorPreference&) const = default;
};

struct LocatorRecord {
  Locator locator;
  LocatorPreference preference;
  seconds ttl{};                   ///< never more than that of the LP it was found through
  std::optional<DnsName> through;  ///< the LP target, when not at the name itself
  bool operator==(const LocatorRecord&) const = default;
};

enum class NameKind : std::uint8_t {
  ilnp,       ///< nids and locators are not empty
  ipv6_only,  ///< AAAA records, no usable ILNP records
  no_data,    ///< the name exists without either
  no_such_name,
  failed  ///< servers failed, timed out, lied, or validation failed, and no AAAA came
};
const char* to_string(NameKind kind);

enum class WhyNotIlnp : std::uint8_t {
  is_ilnp,
  no_nid,
  no_locator,
  bogus,
  lying,
  contradicting,
  server_failed,
  timed_out
};
const char* to_string(WhyNotIlnp why);

/// What a look-up found. A TTL of 0 means: for this transaction only.
struct ResolvedName {
  DnsName name;       ///< as asked
  DnsName canonical;  ///< after CNAMEs
  NameKind kind = NameKind::failed;
  WhyNotIlnp why = WhyNotIlnp::server_failed;
  std::vector<NidRecord> nids;                   ///< best first
  std::vector<LocatorRecord> locators;           ///< best first
  std::vector<Address> aaaa;                     ///< those that are not one of the I-LVs
  DnsSecurity security = DnsSecurity::insecure;  ///< the weakest of what the decision rests on
  seconds ttl{};  ///< smallest TTL of the records (or of the negative answer) that the decision rests on

  bool is_ilnp() const { return kind == NameKind::ilnp; }
  /// NID preference first, then locator preference.
  std::vector<Address> ilvs() const;
};

/// How an exchange with the name servers ended; `message` is read only when answered.
struct DnsAnswer {
  enum class Status : std::uint8_t { answered, server_failed, timed_out } status = Status::server_failed;
  Bytes message;
  DnsSecurity security = DnsSecurity::insecure;
};

struct ResolutionTuning {
  Duration total = seconds{5};             ///< then the decision is made with what is there
  Duration aaaa_grace = milliseconds{50};  ///< how long an ILNP decision waits for the AAAA answer
  std::size_t most_lps = 8;
  std::size_t most_cnames = 8;
  std::size_t most_nids = 8;
  std::size_t most_locators = 32;
  bool accept_unique_local = false;  ///< fc00::/7 locators: only for hosts behind a border router that rewrites them
};

struct ResolutionCounters {
  std::uint64_t lookups = 0, ilnp = 0;
  std::uint64_t malformed = 0;      ///< not a whole message, wrong question, record data of the wrong length
  std::uint64_t contradicting = 0;  ///< answers that cannot all be true
  std::uint64_t loops = 0;          ///< CNAME loops and chains that are too long
  std::uint64_t lp_to_self = 0, lps_ignored = 0;
  std::uint64_t locators_refused = 0, nids_refused = 0;
  std::uint64_t bogus = 0, timed_out = 0;
};

class Resolution {
 public:
  struct Ask {
    unsigned id{};  ///< to be handed back with the answer
    DnsQuestion question;
  };
  using Asks = std::vector<Ask>;

  /// What is known so far, for callers that hold another answer back until it is decided.
  enum class Phase : std::uint8_t {
    undecided,        ///< NID not answered yet
    locators_wanted,  ///< a NID is there, the name's own locators are awaited
    chain_wanted,     ///< locators behind LP targets are awaited: one more round trip
    ilnp,             ///< decided
    not_ilnp          ///< decided
  };

  Resolution(DnsName name, const ResolutionTuning& tuning, ResolutionCounters& counters);

  Asks start(TimePoint now);
  Asks on_answer(TimePoint now, unsigned id, const DnsAnswer& answer);
  void on_time(TimePoint now);
  std::optional<TimePoint> next_deadline() const;

  Phase phase() const { return phase_; }
  /// Set once, when nothing more is awaited.
  const std::optional<ResolvedName>& result() const { return result_; }

 private:
  enum class State : std::uint8_t { pending, positive, no_data, no_such_name, failed, lying, bogus, timed_out };
  struct Outcome {
    State state = State::pending;
    DnsName asked;
    DnsName canonical;
    seconds ttl{};  ///< of the records, or how long the negative answer holds
    DnsSecurity security = DnsSecurity::insecure;
    std::vector<NidData> nids;
    std::vector<L64Data> locators;
    std::vector<LpData> lps;
    std::vector<Address> addresses;
  };
  enum Slot : unsigned { nid, l64, lp, aaaa, first_target };

  Outcome judge(const DnsQuestion& question, const DnsAnswer& answer);
  Outcome read(const DnsQuestion& question, const DnsMessage& message);
  bool follow_cnames(const DnsMessage& message, Outcome& outcome);
  bool take_record(const DnsMessage& message, const DnsRecord& record, Outcome& outcome);
  Asks ask_lp_targets();
  void decide(TimePoint now);
  void decide_as(Phase phase, WhyNotIlnp why, TimePoint now);
  bool contradictory();
  bool any_in(State state) const;
  void collect_nids(ResolvedName& out);
  void collect_locators(ResolvedName& out);
  void add_locators(ResolvedName& out, const Outcome& found, std::uint16_t lp_preference, seconds most_ttl,
                    bool direct);
  bool usable(Locator locator) const;
  void finish();
  void describe_ilnp(ResolvedName& out);
  void describe_plain(ResolvedName& out);
  void count_refused();

  DnsName name_;
  ResolutionTuning tuning_;
  ResolutionCounters* counters_;
  std::vector<Outcome> outcomes_;  ///< by Slot; LP targets follow
  std::vector<DnsQuestion> questions_;
  std::vector<std::uint16_t> target_preferences_;  ///< LP preference of each target slot
  Phase phase_ = Phase::undecided;
  WhyNotIlnp why_ = WhyNotIlnp::server_failed;
  std::optional<TimePoint> end_;
  std::optional<ResolvedName> result_;
};

}  // namespace ilnp
