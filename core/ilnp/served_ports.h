// SPDX-License-Identifier: Apache-2.0
// UDP ports at which a peer speaks to us, the latest ones: a socket that is bound to no address answers under whichever
// the kernel picks, and the peer has to get the answer from the identity that it asked.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace ilnp {

class ServedPorts {
 public:
  /// A datagram came for `port`. Whether its socket answers as a client.
  bool note_received(std::uint16_t port) {
    if (Served* known = find(port)) return known->answers_as_client;
    ports_[next_++ % ports_.size()] = {port, false};
    return false;
  }
  /// A socket sends from `port` as a client. False: the peer never spoke to that port, this is no answer.
  bool note_answer(std::uint16_t port) {
    Served* known = find(port);
    if (known != nullptr) known->answers_as_client = true;
    return known != nullptr;
  }
  /// Nobody listens there as a client any more. False as above.
  bool note_closed(std::uint16_t port) {
    Served* known = find(port);
    if (known != nullptr) known->answers_as_client = false;
    return known != nullptr;
  }

 private:
  struct Served {
    std::uint16_t port = 0;  ///< 0: none yet
    bool answers_as_client = false;
  };
  Served* find(std::uint16_t port) {
    const auto known = std::find_if(ports_.begin(), ports_.end(), [&](const Served& s) { return s.port == port; });
    return known == ports_.end() ? nullptr : &*known;
  }

  std::array<Served, 16> ports_{};
  std::size_t next_ = 0;  ///< the oldest one is replaced
};

}  // namespace ilnp
