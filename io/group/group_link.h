// SPDX-License-Identifier: Apache-2.0
// The private channel between the gateways of one group (specification 10.2): what the others need when this gateway
// ends. Each gateway connects to each of its peers and only sends there; what it hears comes by the connections that
// they make. TLS 1.3 with certificates on both ends: each has to be signed by the group's CA and to be for the IP
// address that it comes from or is reached at.
//
// The newest content of each part is kept, and sent to every peer that is connected; a peer that is slow or away gets
// the newest when it can, and nothing of what was in between. A member is alive while something comes from it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/group/group_frames.h"
#include "io/group/group_settings.h"
#include "io/loop/loop.h"
#include "io/telemetry/counters.h"

namespace ilnp {

enum class GroupCounter : std::uint8_t {
  connects,
  parts_sent,
  parts_received,
  octets_sent,
  octets_received,
  too_large,
  unknown_parts,
  bad_frames,
  own_identity,
  silent,
  refused_address,
  refused_full,
  refused_certificate,
  handshake_failed,
  count
};
using GroupCounters = CounterArray<GroupCounter, static_cast<std::size_t>(GroupCounter::count)>;
std::vector<CounterName> group_counter_names();

struct GroupCallbacks {
  /// The content is secret: wipe it after use.
  std::function<void(const GroupMember&, GroupPart, ByteVector)> on_part;
  /// Only when it changes. A member that comes (again) sends all its parts afterwards.
  std::function<void(const GroupMember&, bool is_alive)> on_member;
};

struct GroupStatus {
  struct Peer {
    std::string address;
    bool is_connected = false;
    TimePoint since{};  ///< with is_connected
    std::string last_error;
  };
  struct Member {
    GroupMember member;
    bool is_alive = false;
  };
  std::vector<Peer> peers;      ///< to whom we send
  std::vector<Member> members;  ///< from whom we have heard
  std::string last_refusal;     ///< why a connection to us was not taken, and whose; empty: none
};

/// Callbacks are not made from inside a call, and must not destroy the link.
class GroupLink {
 public:
  /// Fails when a file cannot be used or the address not be listened at; that a peer is away is no failure.
  /// `own.name` is a group name. Certificates are read again with each connection, so they may be renewed in place.
  static Result<std::unique_ptr<GroupLink>> open(Loop& loop, GroupSettings settings, GroupMember own,
                                                 GroupCallbacks callbacks);
  ~GroupLink();
  GroupLink(const GroupLink&) = delete;
  GroupLink& operator=(const GroupLink&) = delete;

  /// The newest content of a part, from now on. More than max_group_part octets are counted and not sent.
  void put(GroupPart part, ByteVector content);

  GroupStatus status() const;
  const GroupCounters& counters() const;

 private:
  struct State;
  explicit GroupLink(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ilnp
