// SPDX-License-Identifier: Apache-2.0
// Solicit-Map-Requests (RFC 9301 section 6.1): "ask again". A hint without authentication, so it is said three times,
// 3 s apart, until the client's packets or questions show that it knows; and never more than one in 3 s to one RLOC.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/base/bounded_map.h"
#include "core/base/crypto.h"
#include "core/base/time.h"
#include "core/lisp/messages.h"

namespace ilnp::lisp {

struct SmrTuning {
  int copies = 3;
  Duration apart = seconds{3};
  std::size_t most_rlocs = 100'000;  ///< whose last one is remembered
};

struct SmrSend {
  IpAddress to;
  MapRequest message;
};

class SmrSender {
 public:
  SmrSender(SmrTuning tuning, Random& random) : tuning_{tuning}, random_{random}, last_{tuning.most_rlocs} {}

  struct Solicitation {
    IpAddress to;
    EidPrefix changed;
    std::optional<EidPrefix> clients_own;  ///< what it takes for its own is what it looks for; `changed` where unknown
    std::vector<IpAddress> own_rlocs;      ///< ours, at most one of a family
  };
  /// Not before `from`.
  void solicit(const Solicitation& solicitation, TimePoint from);
  /// All that wait about that EID-prefix may leave now: the mapping system knows.
  void release(TimePoint now, const EidPrefix& changed);
  /// It has learnt: its packets come to where they should, or it asked.
  void heard(const EidPrefix& changed, const IpAddress& rloc);

  void on_time(TimePoint now, std::vector<SmrSend>& out);
  TimePoint next_deadline() const { return due_.empty() ? never : due_.begin()->first; }
  std::size_t outstanding() const { return tasks_.size(); }
  /// Somebody is still to be told about it.
  bool is_soliciting(const EidPrefix& changed) const;

 private:
  using Key = std::pair<EidPrefix, IpAddress>;
  struct Task {
    Solicitation what;
    int sent = 0;
    TimePoint due{};
  };
  using Tasks = std::map<Key, Task>;
  void set_due(const Key& key, Task& task, TimePoint due);
  void end(Tasks::iterator task);
  MapRequest message_of(const Solicitation& what);

  SmrTuning tuning_;
  Random& random_;
  Tasks tasks_;
  std::set<std::pair<TimePoint, Key>> due_;
  BoundedMap<IpAddress, TimePoint> last_;
};

}  // namespace ilnp::lisp
