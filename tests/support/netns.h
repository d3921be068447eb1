// SPDX-License-Identifier: Apache-2.0
// Network namespaces for tests of the adapters. They have no name: the kernel takes them away with the last descriptor,
// so neither a failed nor an interrupted test leaves one behind. The test's only thread enters and leaves them; sockets
// opened inside stay inside. Failures of the world are exceptions, which GoogleTest reports. Needs root.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/time.h"
#include "core/ipv6/mac_address.h"
#include "io/loop/descriptor.h"

namespace ilnp::test {

class TestNamespace {
 public:
  TestNamespace();  ///< with lo up, and without duplicate address detection by the kernel

  template <class Function>
  auto inside(Function&& function) const {
    const Visit visit{descriptor_.get()};
    return function();
  }
  /// Standard output of a shell command that must succeed. One that adds addresses returns when they are usable.
  std::string shell(const std::string& command) const;
  /// The kernel makes a new address usable (local route, solicited-node group) some time after it said yes.
  void await_addresses() const;
  /// The command's success.
  bool succeeds(const std::string& command) const;
  void sysctl(const std::string& path, const std::string& value) const;  ///< "net/ipv6/conf/all/forwarding"
  unsigned ifindex(const std::string& name) const;
  MacAddress mac(const std::string& name) const;
  /// "Udp6InCsumErrors" and its like, from /proc/net/snmp6 and /proc/net/snmp ("Tcp:InCsumErrors").
  std::uint64_t counter(const std::string& name) const;
  /// For `ip link set ... netns`.
  std::string path() const;

 private:
  class Visit {
   public:
    explicit Visit(int target);
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    Descriptor home_;
  };
  Descriptor descriptor_;
};

/// A veth pair between two namespaces, both ends up and ready to send.
void connect(const TestNamespace& a, const std::string& name_a, const TestNamespace& b, const std::string& name_b);

/// Waits until the interface has its carrier and sends.
void await_carrier(const TestNamespace& where, const std::string& name);

/// Waits for readability; false after the limit.
bool readable(int descriptor, Duration limit);

/// Waits until `value()` is `wanted`, since the kernel does some of its work when it comes to it; the last value.
template <class Value>
auto await_value(const Value& value, decltype(value()) wanted) {
  auto found = value();
  for (int tries = 0; found != wanted && tries < 4000; ++tries) {
    readable(-1, milliseconds{5});
    found = value();
  }
  return found;
}

/// Frames that arrive on an interface: IPv6, from the Ethernet header on.
class FrameTap {
 public:
  FrameTap(const TestNamespace& where, const std::string& interface);
  /// The next frame that `wanted` likes within the limit; others are dropped.
  std::optional<ByteVector> await(const std::function<bool(Bytes frame)>& wanted, Duration limit = seconds{10});
  /// What is here now.
  std::vector<ByteVector> drain();

 private:
  std::optional<ByteVector> next();
  Descriptor descriptor_;
};

/// Runs a function in a forked child; its exit status. For tests that give up privileges.
int in_child(const std::function<int()>& function);

}  // namespace ilnp::test
