// SPDX-License-Identifier: Apache-2.0
// The messages of the LISP control plane as values (RFC 9301, RFC 9437, and Change-Priority). Reading and writing them
// is in map_request.h, map_reply.h, registration.h, encapsulated_control.h and change_priority.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/lisp/ip_address.h"
#include "core/lisp/mapping.h"

namespace ilnp::lisp {

inline constexpr std::uint16_t data_port = 4341, control_port = 4342;

/// RFC 9301 section 5.2.
struct MapRequest {
  struct Record {
    EidPrefix eid;
    bool subscribes = false;  ///< N: Map-Notify me of every change (RFC 9437)
    bool operator==(const Record&) const = default;
  };
  bool wants_authoritative = false;  ///< A
  bool is_probe = false;             ///< P: to an RLOC directly: are you there?
  bool is_smr = false;               ///< S: ask again, our mapping changed
  bool from_proxy = false;           ///< p: a PITR asks
  bool is_smr_invoked = false;       ///< s: because of such a one
  bool is_local_xtr = false;         ///< L: other xTRs of the site are hidden behind this one
  bool wants_no_reply = false;       ///< D
  std::uint64_t nonce = 0;
  std::optional<Eid> source;         ///< the end that sent the packet; none in probes and refreshes
  std::vector<IpAddress> itr_rlocs;  ///< where the reply may go; empty: nowhere (a subscription ends)
  std::vector<Record> records;
  std::optional<MappingRecord> own_mapping{};  ///< M: of the sender; never believed without asking
  std::optional<XtrIdentity> sender{};         ///< I
  bool operator==(const MapRequest&) const = default;
};

/// RFC 9301 section 5.4.
struct MapReply {
  bool is_probe = false;           ///< P
  bool echoes_nonces = false;      ///< E
  bool has_security_data = false;  ///< S: LISP-SEC data follows (RFC 9303); it is not read
  std::uint64_t nonce = 0;         ///< of the Map-Request
  std::vector<MappingRecord> records;
  bool operator==(const MapReply&) const = default;
};

/// How a message is authenticated; the authentication data itself never leaves authentication.h.
struct KeyName {
  std::uint8_t key = 0;
  std::uint8_t algorithm = 2;  ///< RFC 9301 section 12.5: 1 HMAC-SHA-1-96, 2 HMAC-SHA-256-128, 3 the same with HKDF
  bool operator==(const KeyName&) const = default;
};

/// RFC 9301 section 5.6.
struct MapRegister {
  bool wants_proxy_reply = false;  ///< P: the Map-Server answers for us
  bool supports_security = false;  ///< S: LISP-SEC
  bool is_ttl_timeout = false;     ///< T: the records' TTL ends the registration
  bool merges = false;             ///< a: with what other xTRs registered, instead of replacing it
  bool wants_notify = false;       ///< M
  std::uint64_t nonce = 0;         ///< never lower than any that was sent with the key
  KeyName key;
  std::vector<MappingRecord> records;
  std::optional<XtrIdentity> sender{};  ///< I
  bool operator==(const MapRegister&) const = default;
};

/// Map-Notify (RFC 9301 section 5.7), and Map-Notify-Ack, which repeats it.
struct MapNotify {
  bool is_ack = false;
  std::uint64_t nonce = 0;
  KeyName key;
  std::vector<MappingRecord> records;
  std::optional<XtrIdentity> sender{};
  bool operator==(const MapNotify&) const = default;
};

/// A Map-Request on its way to a Map-Resolver or an ETR inside another packet (RFC 9301 section 5.8).
struct EncapsulatedControl {
  IpAddress source;       ///< inner: an RLOC of the one who asks
  IpAddress destination;  ///< inner: the EID asked for
  std::uint16_t source_port = control_port;
  Bytes message;  ///< Map-Request; points into what was read
};

/// Change-Priority (Raad 2015, chapter 4): an authenticated word that a VM is elsewhere now.
struct ChangePriority {
  enum class Kind : std::uint8_t {
    transfer,    ///< new xTR -> old xTR: it is behind me now
    update,      ///< old xTR -> client xTR: use these locators
    arrive,      ///< hypervisor -> new xTR: it runs behind you now
    client_log,  ///< old xTR -> new xTR: who asked for it
  };
  Kind kind = Kind::arrive;
  bool is_ack = false;
  bool wants_ack = false;
  std::uint64_t nonce = 0;
  KeyName key;
  std::vector<MappingRecord> records;
  XtrIdentity sender;
  bool operator==(const ChangePriority&) const = default;
};

}  // namespace ilnp::lisp
