// SPDX-License-Identifier: Apache-2.0
// Traffic for the data-path benchmark: one TCP stream or several, UDP datagrams (single or as super-packets), and
// round trips. Prints one JSON object. The receiver counts; the sender goes as fast as it can.
//
//   bench_traffic server PORT
//   bench_traffic tcp HOST PORT SECONDS STREAMS
//   bench_traffic udp HOST PORT SECONDS OCTETS SEGMENTS     SEGMENTS > 1: UDP_SEGMENT super-packets
//   bench_traffic rtt HOST PORT SECONDS
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t chunk = 128 * 1024;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(2);
}

int open_socket(const char* host, const char* port, int type, bool listening) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_family = AF_INET6;
  hints.ai_socktype = type;
  hints.ai_flags = listening ? AI_PASSIVE : 0;
  if (getaddrinfo(host, port, &hints, &found) != 0 || found == nullptr) die("getaddrinfo");
  const int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
  const int one = 1, buffer = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (type == SOCK_DGRAM) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
  } else {
    // The default here may be one that paces; cubic compares like with like.
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
  }
  const int outcome =
      listening ? bind(fd, found->ai_addr, found->ai_addrlen) : connect(fd, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  if (outcome != 0) die(listening ? "bind" : "connect");
  return fd;
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// TCP: reads until the end and answers with the octets counted. UDP: a datagram of one octet asks for the counts so
/// far (and is answered), 'R' at the front asks for an echo, everything else is counted.
void serve_tcp(int fd) {
  std::vector<char> buffer(chunk);
  std::uint64_t octets = 0;
  for (ssize_t n; (n = read(fd, buffer.data(), buffer.size())) > 0;) octets += static_cast<std::uint64_t>(n);
  const std::string report = std::to_string(octets) + "\n";
  if (write(fd, report.data(), report.size()) < 0) std::perror("report");
  close(fd);
}

void serve_udp(int fd) {
  constexpr unsigned batch = 64;
  std::vector<std::array<char, 2048>> buffers(batch);
  std::array<mmsghdr, batch> messages{};
  std::array<iovec, batch> vectors{};
  std::array<sockaddr_in6, batch> sources{};
  std::uint64_t packets = 0;
  for (;;) {
    for (unsigned i = 0; i < batch; ++i) {
      vectors[i] = {buffers[i].data(), buffers[i].size()};
      messages[i].msg_hdr = {&sources[i], sizeof sources[i], &vectors[i], 1, nullptr, 0, 0};
    }
    const int n = recvmmsg(fd, messages.data(), batch, MSG_WAITFORONE, nullptr);
    if (n < 0) continue;
    for (unsigned i = 0; i < static_cast<unsigned>(n); ++i) {
      const char* data = buffers[i].data();
      const auto* to = reinterpret_cast<const sockaddr*>(&sources[i]);
      if (messages[i].msg_len == 1) {
        const std::string report = std::to_string(packets);
        packets = 0;
        sendto(fd, report.data(), report.size(), 0, to, sizeof sources[i]);
      } else if (data[0] == 'R') {
        sendto(fd, data, messages[i].msg_len, 0, to, sizeof sources[i]);
      } else {
        ++packets;
      }
    }
  }
}

int server(const char* port) {
  const int tcp = open_socket(nullptr, port, SOCK_STREAM, true), udp = open_socket(nullptr, port, SOCK_DGRAM, true);
  if (listen(tcp, 16) != 0) die("listen");
  std::thread{serve_udp, udp}.detach();
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    const int fd = accept4(tcp, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) std::thread{serve_tcp, fd}.detach();
  }
}

int tcp(const char* host, const char* port, double length, int streams) {
  std::vector<std::uint64_t> received(static_cast<std::size_t>(streams));
  std::vector<std::thread> threads;
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < received.size(); ++i) {
    threads.emplace_back([&, i] {
      const int fd = open_socket(host, port, SOCK_STREAM, false);
      const std::vector<char> data(chunk, 'x');
      while (seconds_since(begin) < length)
        if (write(fd, data.data(), data.size()) < 0) die("write");
      shutdown(fd, SHUT_WR);
      std::array<char, 32> report{};
      if (read(fd, report.data(), report.size() - 1) > 0) received[i] = std::strtoull(report.data(), nullptr, 10);
      close(fd);
    });
  }
  for (std::thread& t : threads) t.join();
  std::uint64_t total = 0;
  for (std::uint64_t one : received) total += one;
  std::printf("{\"gbit_s\": %.4f}\n", static_cast<double>(total) * 8 / seconds_since(begin) / 1e9);
  return total == 0;
}

/// The receiver's count, asked for until it answers: the question may be lost in the flood.
std::uint64_t ask_count(int fd) {
  std::array<char, 32> report{};
  // Answers to older questions that came late.
  while (recv(fd, report.data(), report.size(), MSG_DONTWAIT) > 0) continue;
  for (int attempt = 0; attempt < 50; ++attempt) {
    if (send(fd, "?", 1, 0) < 0) continue;
    pollfd wait{fd, POLLIN, 0};
    if (poll(&wait, 1, 100) == 1 && recv(fd, report.data(), report.size() - 1, 0) > 0)
      return std::strtoull(report.data(), nullptr, 10);
  }
  return 0;
}

int udp(const char* host, const char* port, double length, int octets, int segments) {
  const int fd = open_socket(host, port, SOCK_DGRAM, false);
  ask_count(fd);  // also makes the session, so that the flood meets an established one
  if (segments > 1 && setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &octets, sizeof octets) != 0) die("UDP_SEGMENT");
  const std::vector<char> data(static_cast<std::size_t>(octets * segments), 'x');
  std::uint64_t sent = 0;
  const auto begin = Clock::now();
  while (seconds_since(begin) < length)
    if (send(fd, data.data(), data.size(), 0) > 0) sent += static_cast<std::uint64_t>(segments);
  const double took = seconds_since(begin);
  std::this_thread::sleep_for(std::chrono::milliseconds{200});  // let the receiver empty its queue
  const int off = 0;
  if (segments > 1) setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &off, sizeof off);
  const std::uint64_t received = ask_count(fd);
  std::printf("{\"sent\": %lu, \"received\": %lu, \"kpps\": %.3f}\n", sent, received,
              static_cast<double>(received) / took / 1e3);
  return received == 0;
}

int rtt(const char* host, const char* port, double length) {
  const int fd = open_socket(host, port, SOCK_DGRAM, false);
  std::array<char, 64> data{};
  data[0] = 'R';
  std::vector<double> micros;
  const auto begin = Clock::now();
  while (seconds_since(begin) < length) {
    const auto sent = Clock::now();
    if (send(fd, data.data(), data.size(), 0) < 0) die("send");
    pollfd wait{fd, POLLIN, 0};
    if (poll(&wait, 1, 1000) != 1 || recv(fd, data.data(), data.size(), 0) <= 0) continue;
    micros.push_back(seconds_since(sent) * 1e6);
    std::this_thread::sleep_for(std::chrono::microseconds{200});
  }
  if (micros.empty()) return 1;
  std::sort(micros.begin(), micros.end());
  std::printf("{\"n\": %zu, \"p50_us\": %.2f, \"p99_us\": %.2f}\n", micros.size(), micros[micros.size() / 2],
              micros[micros.size() * 99 / 100]);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "server" && argc == 3) return server(argv[2]);
  if (mode == "tcp" && argc == 6) return tcp(argv[2], argv[3], std::atof(argv[4]), std::atoi(argv[5]));
  if (mode == "udp" && argc == 7)
    return udp(argv[2], argv[3], std::atof(argv[4]), std::atoi(argv[5]), std::atoi(argv[6]));
  if (mode == "rtt" && argc == 5) return rtt(argv[2], argv[3], std::atof(argv[4]));
  std::fprintf(stderr, "usage: see the head of traffic.cpp\n");
  return 3;
}
