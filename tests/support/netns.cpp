// SPDX-License-Identifier: Apache-2.0
#include "tests/support/netns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "io/loop/loop.h"
#include "io/sockets/child_process.h"

namespace ilnp::test {
namespace {

constexpr const char* current_namespace = "/proc/thread-self/ns/net";

void require(bool good, const std::string& what) {
  if (!good) throw std::system_error{errno, std::generic_category(), what};
}

Descriptor open_current() {
  Descriptor out{::open(current_namespace, O_RDONLY | O_CLOEXEC)};
  require(out.is_open(), "open network namespace");
  return out;
}

}  // namespace

TestNamespace::Visit::Visit(int target) : home_{open_current()} {
  require(::setns(target, CLONE_NEWNET) == 0, "setns");
}
TestNamespace::Visit::~Visit() {
  if (::setns(home_.get(), CLONE_NEWNET) != 0) std::abort();
}

TestNamespace::TestNamespace() {
  const Descriptor home = open_current();
  require(::unshare(CLONE_NEWNET) == 0, "make a network namespace (are you root?)");
  descriptor_ = open_current();
  require(::setns(home.get(), CLONE_NEWNET) == 0, "setns");
  sysctl("net/ipv6/conf/default/accept_dad", "0");
  sysctl("net/ipv6/conf/all/accept_dad", "0");
  shell("ip link set lo up");
}

std::string TestNamespace::path() const {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(descriptor_.get());
}

std::string TestNamespace::shell(const std::string& command) const {
  auto done = inside([&] { return run_program({"/bin/sh", "-ec", command}, "", seconds{30}); });
  if (!done) throw std::runtime_error{command + ": " + done.error().message};
  if (done.value().exit_status != 0) throw std::runtime_error{command + ": " + done.value().errors};
  if (command.find(" addr add ") != std::string::npos) await_addresses();
  return done.value().output;
}

void TestNamespace::await_addresses() const {
  const TimePoint end = monotonic_now() + seconds{10};
  for (;;) {
    std::istringstream addresses{shell("ip -6 -o addr show up | awk '{ sub(\"/.*\", \"\", $4); print $4 }'")};
    const std::string routes = shell("ip -6 route show table local");
    bool all = true;
    for (std::string address; addresses >> address;)
      all = all && routes.find("local " + address + " ") != std::string::npos;
    if (all) return;
    if (monotonic_now() > end) throw std::runtime_error{"addresses stay unusable: " + routes};
    ::poll(nullptr, 0, 2);
  }
}

bool TestNamespace::succeeds(const std::string& command) const {
  const auto done = inside([&] { return run_program({"/bin/sh", "-ec", command}, "", seconds{30}); });
  return done && done.value().exit_status == 0;
}

void TestNamespace::sysctl(const std::string& path, const std::string& value) const {
  inside([&] {
    std::ofstream file{"/proc/sys/" + path};
    file << value << std::flush;
    if (!file) throw std::runtime_error{"cannot set " + path};
  });
}

unsigned TestNamespace::ifindex(const std::string& name) const {
  return inside([&] {
    const unsigned index = if_nametoindex(name.c_str());
    if (index == 0) throw std::runtime_error{"no interface " + name};
    return index;
  });
}

MacAddress TestNamespace::mac(const std::string& name) const {
  return inside([&] {
    const Descriptor socket{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    require(::ioctl(socket.get(), SIOCGIFHWADDR, &request) == 0, "hardware address of " + name);
    return MacAddress::load(reinterpret_cast<const std::uint8_t*>(request.ifr_hwaddr.sa_data));
  });
}

std::uint64_t TestNamespace::counter(const std::string& name) const {
  return inside([&]() -> std::uint64_t {
    const auto colon = name.find(':');
    if (colon == std::string::npos) {
      std::ifstream file{"/proc/thread-self/net/snmp6"};
      std::string key;
      for (std::uint64_t value = 0; file >> key >> value;)
        if (key == name) return value;
    } else {
      // Two lines for each protocol: names, then values.
      std::ifstream file{"/proc/thread-self/net/snmp"};
      for (std::string names, values; std::getline(file, names) && std::getline(file, values);) {
        if (names.rfind(name.substr(0, colon + 1), 0) != 0) continue;
        std::istringstream keys{names}, numbers{values};
        for (std::string key, number; keys >> key && numbers >> number;)
          if (key == name.substr(colon + 1)) return std::stoull(number);
      }
    }
    throw std::runtime_error{"no counter " + name};
  });
}

void connect(const TestNamespace& a, const std::string& name_a, const TestNamespace& b, const std::string& name_b) {
  a.shell("ip link add " + name_a + " type veth peer name " + name_b + " netns " + b.path());
  a.shell("ip link set " + name_a + " up");
  b.shell("ip link set " + name_b + " up");
  // The kernel notes the carrier some time later, and until then drops what is sent.
  for (const auto& [where, name] : {std::pair{&a, name_a}, std::pair{&b, name_b}}) await_carrier(*where, name);
}

void await_carrier(const TestNamespace& where, const std::string& name) {
  const TimePoint end = monotonic_now() + seconds{10};
  for (;;) {
    const std::string shown = where.shell("ip -o link show " + name);
    if (shown.find("state UP") != std::string::npos && shown.find("qdisc noop ") == std::string::npos) return;
    if (monotonic_now() > end) throw std::runtime_error{"no carrier: " + shown};
    ::poll(nullptr, 0, 2);
  }
}

bool readable(int descriptor, Duration limit) {
  const TimePoint end = monotonic_now() + limit;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - monotonic_now()).count();
    pollfd wait{descriptor, POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::max<long>(left, 0)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

FrameTap::FrameTap(const TestNamespace& where, const std::string& interface) {
  const unsigned ifindex = where.ifindex(interface);
  where.inside([&] { descriptor_ = Descriptor{::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)}; });
  require(descriptor_.is_open(), "packet socket");
  const int size = 32 << 20, on = 1;
  ::setsockopt(descriptor_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  ::setsockopt(descriptor_.get(), SOL_PACKET, 23, &on, sizeof on);  // PACKET_IGNORE_OUTGOING
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_IPV6);
  address.sll_ifindex = static_cast<int>(ifindex);
  require(::bind(descriptor_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
}

std::optional<ByteVector> FrameTap::next() {
  ByteVector frame(70'000);
  const ssize_t octets = ::recv(descriptor_.get(), frame.data(), frame.size(), MSG_DONTWAIT);
  if (octets < 54) return std::nullopt;
  frame.resize(static_cast<std::size_t>(octets));
  return frame;
}

std::optional<ByteVector> FrameTap::await(const std::function<bool(Bytes)>& wanted, Duration limit) {
  const TimePoint end = monotonic_now() + limit;
  for (;;) {
    if (auto frame = next()) {
      if (wanted(*frame)) return frame;
      continue;
    }
    if (!readable(descriptor_.get(), end - monotonic_now())) return std::nullopt;
  }
}

std::vector<ByteVector> FrameTap::drain() {
  std::vector<ByteVector> out;
  while (auto frame = next()) out.push_back(std::move(*frame));
  return out;
}

int in_child(const std::function<int()>& function) {
  const pid_t child = ::fork();
  require(child >= 0, "fork");
  if (child == 0) ::_exit(function());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace ilnp::test
