// SPDX-License-Identifier: Apache-2.0
// A mapping of ours changed: everybody who may keep the old one hears of it, each in the way that it understands.
// Change-Priority goes at once. A Solicit-Map-Request goes when the Map-Server has the new mapping, or after 300 ms: a
// client that asked before would get the old answer, and would not listen again for three seconds. Subscribers hear
// from the Map-Server. Who does not acknowledge a Change-Priority gets a Solicit-Map-Request, for ten minutes from
// then.
#pragma once

#include <cstdint>
#include <vector>

#include "core/lisp/change_sender.h"
#include "core/lisp/client_log.h"
#include "core/lisp/smr_sender.h"

namespace ilnp::lisp {

struct SignallingTuning {
  Duration smr_after_at_most = milliseconds{300};
  Duration smr_only_for = seconds{600};
  std::size_t most_smr_only = 100'000;  ///< peers
};

struct SignallingActions {
  std::vector<ChangeSend> raw_changes;  ///< once, in the encoding of type 5; nobody acknowledges them
  std::vector<SmrSend> smrs;
};

class ChangeSignalling {
 public:
  /// `log` and `changes` outlive it.
  ChangeSignalling(SignallingTuning tuning, const ClientLog& log, ChangeSender& changes, SmrTuning smr, Random& random)
      : tuning_{tuning}, log_{log}, changes_{changes}, smr_{smr, random}, smr_only_{tuning.most_smr_only} {}

  /// Where clients may ask back; at most one of a family.
  void set_own_rlocs(std::vector<IpAddress> rlocs) { own_rlocs_ = std::move(rlocs); }

  /// To the clients of the log, the most recent first, but for those who have it now. `key`: for Change-Priority.
  void announce(TimePoint now, const MappingRecord& record, KeyName key);
  /// To one of them, who was told and goes on as before.
  void remind(TimePoint now, const MappingRecord& record, KeyName key, const Client& client);
  /// Somebody does not know yet, as far as we know.
  bool is_telling(const EidPrefix& eid) const { return changes_.is_updating(eid) || smr_.is_soliciting(eid); }
  /// The Map-Server has it.
  void confirmed(TimePoint now, const EidPrefix& eid) { smr_.release(now, eid); }
  void heard(const EidPrefix& eid, const IpAddress& rloc) { smr_.heard(eid, rloc); }
  /// These were not acknowledged (ChangeSender).
  void on_given_up(TimePoint now, const std::vector<ChangeSend>& given_up);

  void on_time(TimePoint now, SignallingActions& actions);
  TimePoint next_deadline() const { return raw_.empty() ? smr_.next_deadline() : TimePoint{}; }

 private:
  void tell(TimePoint now, const Client& client, const ChangePriority& update);
  void solicit(const Client& client, const EidPrefix& eid, TimePoint from);
  bool is_smr_only(TimePoint now, const IpAddress& rloc) const;

  SignallingTuning tuning_;
  const ClientLog& log_;
  ChangeSender& changes_;
  SmrSender smr_;
  BoundedMap<IpAddress, TimePoint> smr_only_;  ///< until
  std::vector<IpAddress> own_rlocs_;
  std::vector<ChangeSend> raw_;
};

}  // namespace ilnp::lisp
