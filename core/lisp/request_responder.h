// SPDX-License-Identifier: Apache-2.0
// The ETR answers Map-Requests for what it registered (RFC 9301 section 8.2), and for a minute after it lost an
// EID-prefix with where that is now: the mapping system may still send the question here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/time.h"
#include "core/lisp/messages.h"
#include "core/lisp/prefix_table.h"
#include "core/lisp/reply_limit.h"

namespace ilnp::lisp {

enum class RequestReason : std::uint8_t {
  answered,
  answered_away,  ///< with where it is now
  not_ours,
  no_way_back,  ///< no ITR-RLOC of a family that we have, or no reply wanted
  too_many,
  not_for_us,  ///< an SMR or a probe: others handle those
  count
};

struct ResponderActions {
  struct Reply {
    IpAddress to;
    std::uint16_t port = control_port;
    MapReply message;
  };
  struct Asked {  ///< and is answered: for the log of clients, which must not be filled faster than that
    EidPrefix owned;
    IpAddress rloc;
    std::optional<EidPrefix> clients_own;
  };
  std::vector<Reply> replies;
  std::vector<Asked> asked;
};

class RequestResponder {
 public:
  explicit RequestResponder(std::uint64_t seed) : own_{seed}, away_{seed} {}

  /// Families in which we have an RLOC.
  void set_families(bool ipv4, bool ipv6) { has_ipv4_ = ipv4, has_ipv6_ = ipv6; }
  /// Ours, as it is registered.
  void set(const MappingRecord& record);
  /// Not ours any more.
  void erase(const EidPrefix& eid);
  /// Ours no more, but there; forgotten at `until`.
  void set_away(const MappingRecord& record, TimePoint until);

  /// What is ours and contains it.
  const MappingRecord* find(const EidPrefix& eid) const;

  /// `from`, `port`: of the packet, inner ones where it came encapsulated.
  /// False: it is about nothing of ours.
  bool on_request(TimePoint now, const IpAddress& from, std::uint16_t port, const MapRequest& request,
                  ResponderActions& actions);
  std::uint64_t counter(RequestReason reason) const { return counters_[static_cast<std::size_t>(reason)]; }

 private:
  struct Away {
    MappingRecord record;
    TimePoint until{};
  };
  std::optional<IpAddress> way_back(const IpAddress& from, const MapRequest& request) const;
  RequestReason answer(TimePoint now, const EidPrefix& asked, MapReply& reply, EidPrefix& owned);
  void count(RequestReason reason) { ++counters_[static_cast<std::size_t>(reason)]; }

  PrefixTable<MappingRecord> own_;
  PrefixTable<Away> away_;
  ReplyLimit limit_;
  bool has_ipv4_ = true, has_ipv6_ = true;
  std::array<std::uint64_t, static_cast<std::size_t>(RequestReason::count)> counters_{};
};

}  // namespace ilnp::lisp
