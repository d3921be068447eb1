// SPDX-License-Identifier: Apache-2.0
// One entry of the Identifier-Locator Communication Cache: what we know about one peer (RFC 6741 section 5).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/ilnp/lu_receiver.h"
#include "core/ilnp/lu_sender.h"
#include "core/ilnp/nonce.h"
#include "core/ilnp/remote_locators.h"
#include "core/ilnp/served_ports.h"
#include "core/ipv6/packet.h"

namespace ilnp {

enum class PeerState : std::uint8_t {
  /// A name gave NID and locators; nothing was sent. First packet -> tentative_out; lifetime of the answer -> freed.
  resolved,
  /// Our first packet is out, the peer's nonce is unknown. Reply with nonce -> established; Parameter Problem with our
  /// nonce, plain reply, silence -> fallback; unused for tentative_ttl -> freed.
  tentative_out,
  /// A stranger's packet with nonce came. Proof that it receives -> established; tentative_ttl -> freed.
  tentative_in,
  /// Both nonces are known; Locator Updates are obeyed. Idle and no open socket -> closing; no locator -> unreachable.
  established,
  /// No locator may be sent to; names are asked. A locator -> established; unused for 2 * idle -> freed.
  unreachable,
  /// The peer is not an ILNP node: plain IPv6 to a pinned locator. Idle -> freed; a reply with nonce -> established.
  fallback,
  /// Idle. A packet -> established; 2 * MSL -> freed.
  closing
};

constexpr const char* name_of(PeerState s) {
  constexpr const char* names[] = {"resolved",    "tentative-out", "tentative-in", "established",
                                   "unreachable", "fallback",      "closing"};
  return names[static_cast<int>(s)];
}

/// A packet that we sent before the peer's nonce was known: replies must match one of them.
struct OpenFlow {
  std::uint8_t protocol = 0;
  std::uint16_t data = 0;        ///< TCP: octets of payload that the reply may acknowledge (RFC 7413)
  std::uint16_t local_port = 0;  ///< ICMPv6: echo identifier
  std::uint16_t remote_port = 0;
  std::uint32_t sequence = 0;  ///< TCP: our initial sequence number
};

/// A TCP connection of ours that hears nothing: the segment that it sent last.
struct StalledSegment {
  std::uint16_t local_port = 0;
  std::uint16_t remote_port = 0;
  std::uint32_t sequence = 0;
};

/// A packet that waits for a locator.
struct HeldPacket {
  ByteVector bytes;  ///< as it came from the identity side
  Offload offload;
  TimePoint until{};
};

/// A packet of the peer that waits for the proof that it is the peer's.
struct KeptPacket {
  ByteVector bytes;
  Offload offload;
  std::uint32_t interface = 0;
};

using CorrespondentId = std::uint32_t;

struct alignas(64) Correspondent {
  // What every packet looks at comes first: with many sessions each cache line is a memory access.
  static constexpr CorrespondentId no_id = 0xffffffff;
  CorrespondentId id = 0;
  CorrespondentId next_sibling = no_id;  ///< same pair of NIDs
  NodeId local_nid;
  Address identity;  ///< what our kernel calls the peer: (identity prefix or alias) + remote NID
  PeerState state = PeerState::resolved;
  ChecksumMode checksum = ChecksumMode::ipv6;
  bool checksum_known = false;
  bool delivered = false;       ///< packets of it were handed to the kernel under this identity
  bool lu_outstanding = false;  ///< lu_sender waits for an acknowledgement
  bool unproven = false;        ///< tentative beside a session of the same place: nothing is delivered yet
  std::uint8_t nonce_packets_left = 0;
  std::uint8_t silence_rounds = 0;
  std::uint8_t name_query_round = 0;
  // The pair in use; valid while both generations are current.
  Locator using_local{};
  Locator using_remote{};
  std::uint32_t own_generation = 0;
  std::uint32_t checked_generation = 0;  ///< of `remote`, bumped by Ilcc users through touch()
  std::uint32_t remote_generation = 1;
  std::uint16_t using_mtu = 0;         ///< octets, of that pair's path
  TimePoint last_sent{};               ///< a packet of our kernel
  TimePoint last_delivered{};          ///< to our kernel; Locator Updates and probes do not make a session busy
  TimePoint last_received{};           ///< anything with a valid nonce, or without one from a known locator
  TimePoint first_unanswered = never;  ///< first packet sent after last_received
  TimePoint next_silence_probe = never;
  TimePoint nonce_until{};
  TimePoint next_name_query = never;
  TimePoint heard_at_local{};  ///< last packet for our kernel to our end of the pair in use
  TimePoint heard_in_place{};  ///< last packet from using_remote that `remote` has not been told of
  std::uint64_t packets_in = 0, packets_out = 0, octets_in = 0, octets_out = 0;

  bool pinned = false;                 ///< the kernel has open sockets to it
  bool flow_check_pending = false;     ///< the kernel was asked whether it has open sockets
  bool tell_when_established = false;  ///< our locators changed while it was tentative
  bool handshake_sent = false;
  std::uint8_t bad_nonces = 0;
  std::uint8_t open_flows = 0;
  std::uint8_t local_rotation = 0;  ///< silence made us try another own locator

  std::string name;  ///< that resolved to it; empty when the peer came to us
  NodeId remote_nid() const { return identity.nid; }

  Nonce nonce_sent;      ///< ours, towards the peer
  Nonce nonce_received;  ///< the peer's, towards us
  RemoteLocators remote;

  TimePoint created{};
  TimePoint usable_until{};  ///< resolved: when the name's answer ends
  TimePoint bad_nonce_window{};
  TimePoint quarantined_until{};
  TimePoint next_flow_check{};
  TimePoint scheduled = never;  ///< earliest timer that the Ilcc holds for this entry

  std::array<OpenFlow, 4> flows{};
  std::uint32_t handshake_sequence = 0;  ///< responder: our SYN/ACK's sequence number, proof when acknowledged

  std::unique_ptr<LuSender> lu_sender;
  std::unique_ptr<LuMemory> lu_memory;
  std::unique_ptr<std::deque<HeldPacket>> held;
  std::unique_ptr<std::vector<StalledSegment>> stalled;
  std::unique_ptr<KeptPacket> kept;
  std::unique_ptr<ServedPorts> served;

  bool is_session() const {
    return state == PeerState::established || state == PeerState::unreachable || state == PeerState::closing;
  }
  /// When the applications last used it.
  TimePoint last_used() const { return std::max({last_sent, last_delivered, created}); }
  /// The locators changed: choose again.
  void touch() { ++remote_generation; }
  /// using_remote is proved, and nothing about the peer's locators changed since it was chosen.
  bool is_in_place() const { return checked_generation == remote_generation; }
  bool knows(Locator locator) const {
    return (is_in_place() && locator == using_remote) || remote.find(locator) != nullptr;
  }
  /// Before anybody reads or changes when a locator was heard from.
  void note_heard_in_place() {
    if (heard_in_place == TimePoint{}) return;
    if (RemoteLocator* l = remote.find(using_remote)) l->last_received = std::max(l->last_received, heard_in_place);
    heard_in_place = {};
  }
};

}  // namespace ilnp
