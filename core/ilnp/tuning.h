// SPDX-License-Identifier: Apache-2.0
// Every number that is our choice, in one place. What RFCs fix lives beside the codec that needs it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/time.h"
#include "core/ilnp/checksum_mode.h"
#include "core/ipv6/address.h"

namespace ilnp {

using namespace std::chrono_literals;

/// Which packets carry the Nonce option beyond those that RFC 6744 obliges.
enum class NoncePolicy : std::uint8_t { adaptive, always };

/// What to do about a peer whose names say ILNP but who does not answer as an ILNP node.
enum class FallbackPolicy : std::uint8_t { automatic, refuse };

struct Tuning {
  // Nonces (RFC 6744)
  std::size_t nonce_length = 12;  ///< octets, 4 or 12
  NoncePolicy nonce_policy = NoncePolicy::adaptive;
  bool echo_nonce = false;            ///< responder repeats the initiator's nonce (prototypes)
  int nonce_initial_packets = 4;      ///< with nonce after ESTABLISHED, each direction
  Duration nonce_after_change = 3s;   ///< with nonce after a locator change (>= 3 RTT)
  Duration nonce_after_silence = 3s;  ///< nothing heard for this long: the peer may have lost its state
  int bad_nonces_per_second = 8;      ///< per session, then quarantine
  Duration quarantine = 1s;

  ChecksumMode checksum_mode = ChecksumMode::ipv6;
  bool checksum_auto_detect = true;  ///< learn the peer's mode from its first packet

  /// The site's border router rewrites our Locators (RFC 6748): fc00::/7 are Locators too, here and in updates.
  bool accept_unique_local = false;
  bool may_locate(Locator l) const { return is_global_unicast(l) || (accept_unique_local && is_unique_local(l)); }

  // Sessions (RFC 6741 section 5)
  Duration resolved_minimum = 30s;  ///< a resolved name stays usable at least this long (TTL 0 too)
  Duration tentative_ttl = 10s;
  Duration idle = 300s;
  Duration closing = 240s;    ///< 2 * MSL
  Duration flow_check = 60s;  ///< how often idle entries are checked for open sockets
  std::size_t max_entries = 200'000;
  std::size_t max_tentative = 4096;
  std::size_t max_tentative_per_site = 256;  ///< per /48 of the source
  std::size_t max_siblings = 8;              ///< entries for one pair of NIDs

  // Fallback (RFC 6744 section 4)
  FallbackPolicy fallback = FallbackPolicy::automatic;
  Duration try_timeout = 3s;
  Duration not_ilnp_cache = 600s;

  // Locator Updates (RFC 6743)
  Duration lu_jitter = 100ms;  ///< only for fan-out above lu_jitter_fanout
  std::size_t lu_jitter_fanout = 64;
  Duration lu_first_timeout = 200ms;  ///< doubles up to lu_timeout_cap
  Duration lu_timeout_cap = 4s;
  Duration lu_min_interval = 500ms;  ///< per peer; an urgent change waits lu_urgent_interval only
  Duration lu_urgent_interval = 50ms;
  int lu_ask_names_after = 3;  ///< unanswered transmissions before DNS is asked for the peer
  seconds lu_lifetime = 600s;
  std::size_t lu_max_sent_locators = 8;
  std::size_t lu_max_accepted_locators = 100;
  double lu_rate = 10, lu_burst = 20;  ///< accepted from one peer, per second
  double lu_node_rate = 1000, lu_node_burst = 2000;
  Duration lu_digest_memory = 60s;

  // Reachability of a peer's new locator
  Duration probe_spacing = 250ms;  ///< doubles: 250, 500, 1000 ms
  int probe_tries = 4;
  int unverified_packets = 3;
  std::size_t unverified_credit = 4096;   ///< octets, plus three times what came from there
  std::size_t max_unverified = 4;         ///< candidates per peer
  std::size_t max_withdrawn = 8;          ///< locators per peer that are accepted from, but not sent to any more
  std::size_t max_remote_locators = 128;  ///< of any kind, per peer
  Duration candidate_lifetime = 10s;
  Duration failed_retry = 30s;
  Duration silence_probe = 3s;  ///< transmitting without hearing anything: probe
  Duration silence_probe_cap = 30s;
  Duration name_query_interval = 1s;  ///< doubles up to name_query_cap while a peer is unreachable
  Duration name_query_cap = 30s;
  double name_query_rate = 200, name_query_burst = 200;  ///< look-ups for sessions, node-wide per second
  double probe_rate = 200, probe_burst = 200;            ///< probes to strangers, node-wide per second

  // Handoff
  Duration soft_overlap_min = 2s;     ///< keep sending from the old locator until acknowledged, at most
  Duration soft_overlap_max = 30s;    ///< accept packets at or from a withdrawn locator
  Duration own_locator_memory = 60s;  ///< ICMPv6 errors may still quote it
  Duration path_mtu_memory = 600s;    ///< RFC 8201 section 4: then the path may have grown
  Duration stall = 100ms;             ///< unanswered for this long: TCP segments may be retransmissions
  std::size_t max_stalled = 64;       ///< connections remembered per peer
  Duration hold_time = 2s;
  std::size_t hold_packets = 2048;      ///< per peer: a stream of 1 kHz waits for as long as any packet does
  std::size_t hold_octets = 16u << 20;  ///< node-wide
};

/// Identifier of our reachability probes (ICMPv6 Echo): "IL".
inline constexpr std::uint16_t probe_identifier = 0x494c;
inline constexpr std::size_t probe_payload = 8;

}  // namespace ilnp
