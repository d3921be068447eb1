// SPDX-License-Identifier: Apache-2.0
// Helpers of scaling.py: many sessions for an ilnp-host that is about to start, all of their peers, and traffic.
//
//   bench_scaling sessions COUNT FILE          the state file of COUNT established sessions
//   bench_scaling reflect INTERFACE            the peers (see reflect.h)
//   bench_scaling traffic COUNT SECONDS        round trips with COUNT peers at random; prints how many as JSON
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "io/loop/descriptor.h"
#include "io/loop/loop.h"
#include "tests/bench/core_bench/population.h"
#include "tests/bench/scaling/reflect.h"

using namespace ilnp;

namespace {

constexpr std::size_t octets = 64, batch = 32;
constexpr std::uint64_t window = 256;  ///< datagrams on their way
constexpr std::uint16_t port = 40000;

int sessions(std::size_t count, const char* file) {
  bench::Population population{count, monotonic_now()};
  const ByteVector saved = population.forwarder().save(population.now);
  ::umask(077);
  std::ofstream out{file, std::ios::binary};
  out.write(reinterpret_cast<const char*>(saved.data()), static_cast<std::streamsize>(saved.size()));
  return out.flush() ? 0 : 2;
}

sockaddr_in6 socket_address(const Address& address) {
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(port);
  const auto raw = address.octets();
  std::memcpy(&out.sin6_addr, raw.data(), raw.size());
  return out;
}

/// Sends one batch; returns how many were taken.
std::uint64_t send_batch(int fd, std::vector<sockaddr_in6>& peers, test::FakeRandom& random) {
  static std::array<char, octets> payload{};
  iovec part{payload.data(), payload.size()};
  std::array<mmsghdr, batch> messages{};
  for (mmsghdr& m : messages) {
    sockaddr_in6& peer = peers[random.below(peers.size())];
    m.msg_hdr = {&peer, sizeof peer, &part, 1, nullptr, 0, 0};
  }
  const int sent = ::sendmmsg(fd, messages.data(), batch, 0);
  return sent < 0 ? 0 : static_cast<std::uint64_t>(sent);
}

std::uint64_t receive_batch(int fd) {
  static std::array<std::array<char, octets>, window> buffers;
  std::array<iovec, window> parts{};
  std::array<mmsghdr, window> messages{};
  for (std::size_t i = 0; i < window; ++i) {
    parts[i] = {buffers[i].data(), octets};
    messages[i].msg_hdr = {nullptr, 0, &parts[i], 1, nullptr, 0, 0};
  }
  const int got = ::recvmmsg(fd, messages.data(), window, MSG_DONTWAIT, nullptr);
  return got < 0 ? 0 : static_cast<std::uint64_t>(got);
}

int traffic(std::size_t count, double length) {
  const Descriptor socket{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const sockaddr_in6 own = socket_address(bench::Population::our_identity());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
    std::perror("bind");
    return 2;
  }
  std::vector<sockaddr_in6> peers;
  for (std::size_t i = 0; i < count; ++i) peers.push_back(socket_address(bench::Population::identity(i)));
  test::FakeRandom random{7};
  std::uint64_t sent = 0, received = 0, lost = 0;
  const auto begin = monotonic_now();
  const auto end = begin + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(length));
  while (monotonic_now() < end) {
    if (sent - received - lost + batch <= window) sent += send_batch(socket.get(), peers, random);
    pollfd wait{socket.get(), POLLIN, 0};
    // Nothing for so long: what is missing will not come.
    if (sent - received - lost + batch > window && ::poll(&wait, 1, 200) == 0) lost = sent - received;
    received += receive_batch(socket.get());
  }
  std::printf("{\"sent\": %lu, \"received\": %lu, \"lost\": %lu}\n", sent, received, lost);
  return received == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "sessions" && argc == 4) return sessions(std::strtoul(argv[2], nullptr, 10), argv[3]);
  if (mode == "reflect" && argc == 3) return bench::reflect(argv[2]);
  if (mode == "traffic" && argc == 4) return traffic(std::strtoul(argv[2], nullptr, 10), std::atof(argv[3]));
  std::fprintf(stderr, "usage: see the head of bench_scaling.cpp\n");
  return 3;
}
