// SPDX-License-Identifier: Apache-2.0
// Optimistic duplicate address detection (RFC 4862 section 5.4, RFC 4429) for addresses that the kernel was told not to
// probe itself. The address is used at once; one probe is sent, and for one second an objection (a Neighbour
// Advertisement for it, or somebody else's probe for it) makes it a duplicate. Probes of our own that a switch sends
// back are known by their nonce (RFC 7527). Pure: no I/O, time is an argument.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/time.h"
#include "core/ipv6/address.h"
#include "core/ipv6/mac_address.h"
#include "core/ipv6/neighbour_discovery.h"

namespace ilnp {

class DuplicateAddressDetector {
 public:
  static constexpr Duration wait = seconds{1};                      ///< RETRANS_TIMER, RFC 4861 section 10
  static constexpr Duration first_announcement = milliseconds{20};  ///< after the start; then at 4, 16 ... times that
  static constexpr std::size_t max_pending = 256;

  /// Send this IPv6 packet to that Ethernet group on the interface.
  struct SendProbe {
    unsigned ifindex = 0;
    MacAddress destination;
    ByteVector packet;
  };
  /// Somebody else on the link has the address: stop using it there.
  struct Duplicate {
    unsigned ifindex = 0;
    Address address;
    std::optional<MacAddress> other;  ///< when the objection named it
  };
  /// Nobody objected for `wait`.
  struct Unique {
    unsigned ifindex = 0;
    Address address;
  };
  /// Say again who has the address: a kernel that is busy answers for a new one late, and a router that asked before
  /// would ask again in a second only.
  struct Announce {
    unsigned ifindex = 0;
    Address address;
  };
  using Action = std::variant<SendProbe, Duplicate, Unique, Announce>;
  using Actions = std::vector<Action>;

  explicit DuplicateAddressDetector(Random& random) : random_{random} {}

  /// Probes the address; a probe already under way for it starts again. `own_mac` is the interface's. With max_pending
  /// probes under way nothing is done (no action: the address counts as unprobed).
  Actions start(TimePoint now, unsigned ifindex, const Address& address, const MacAddress& own_mac);
  /// Forgets a probe (address or link is gone).
  void stop(unsigned ifindex, const Address& address);
  void stop(unsigned ifindex);
  Actions on_message(TimePoint now, unsigned ifindex, const NeighbourMessage& message);
  Actions on_time(TimePoint now);
  TimePoint next_deadline() const;
  std::size_t pending() const { return probes_.size(); }
  /// A probe for it is under way.
  bool is_pending(unsigned ifindex, const Address& address) const;

 private:
  struct Probe {
    unsigned ifindex;
    Address address;
    MacAddress own_mac;
    DadNonce nonce;
    TimePoint deadline;
    TimePoint announcement;  ///< the next one
    Duration since_start;    ///< when that is
  };
  Random& random_;
  std::vector<Probe> probes_;
};

}  // namespace ilnp
