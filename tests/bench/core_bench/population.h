// SPDX-License-Identifier: Apache-2.0
// A HostForwarder with many established sessions, and the packets of each.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/forwarding/host_forwarder.h"
#include "tests/support/fakes.h"

namespace ilnp::bench {

class Population {
 public:
  /// `sessions` peers that have sent and received before `now`, and have left their first packets behind.
  explicit Population(std::size_t sessions, TimePoint at = TimePoint{seconds{1000}});

  static Address our_identity();
  /// What the peers put into the packets that need it.
  static Nonce peer_nonce();
  /// What our kernel calls peer i.
  static Address identity(std::size_t i);

  HostForwarder& forwarder() { return *forwarder_; }
  std::size_t size() const { return sessions_; }
  TimePoint now;
  Actions actions;

  /// A TCP segment of our kernel to peer i, in place in `buffer`; its checksum is not finished, as from a TUN device.
  Packet outbound(std::size_t i);
  /// One of peer i.
  Packet inbound(std::size_t i);
  /// Delivers or sends and counts: false when the packet went nowhere.
  bool send(std::size_t i);
  bool receive(std::size_t i);

 private:
  Address peer(std::size_t i) const;
  Packet make(const Address& source, const Address& destination);
  void establish(std::size_t i);

  std::size_t sessions_;
  Tuning tuning_;
  test::FakeRandom random_{1};
  test::FakeHasher hasher_;
  std::unique_ptr<HostForwarder> forwarder_;
  ByteVector buffer_;
};

}  // namespace ilnp::bench
