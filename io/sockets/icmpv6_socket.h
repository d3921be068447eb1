// SPDX-License-Identifier: Apache-2.0
// A raw socket that hears some types of ICMPv6 message, beside what the kernel does with them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/ipv6/address.h"
#include "io/loop/descriptor.h"

namespace ilnp {

struct ReceivedIcmpv6 {
  unsigned ifindex = 0;
  Address source, destination;
  std::uint8_t hop_limit = 0;
  Bytes message;  ///< lives until the next one is received
};

class Icmpv6Socket {
 public:
  /// `name` is for errors: "echo socket".
  static Result<Icmpv6Socket> open(const std::string& name, std::initializer_list<std::uint8_t> types);

  int fd() const { return descriptor_.get(); }
  std::uint64_t failed() const { return failed_; }  ///< neither received nor absent

  /// Gives what waits to `take`, a batch at most. True: more may be waiting.
  template <class Take>
  bool receive(Take take) {
    for (int i = 0; i < batch; ++i) {
      const Receipt receipt = receive_one();
      if (receipt.none_left) return false;
      if (receipt.received) take(*receipt.received);
    }
    return true;
  }

 private:
  static constexpr int batch = 32;
  static constexpr std::size_t largest_message = 9216;  ///< octets; a longer one is cut and then fails its own lengths

  struct Receipt {
    bool none_left = false;
    std::optional<ReceivedIcmpv6> received{};
  };

  explicit Icmpv6Socket(Descriptor descriptor) : descriptor_{std::move(descriptor)} {}
  Receipt receive_one();

  Descriptor descriptor_;
  ByteVector buffer_ = ByteVector(largest_message);
  std::uint64_t failed_ = 0;
};

}  // namespace ilnp
