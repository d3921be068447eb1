// SPDX-License-Identifier: Apache-2.0
// wire: joins pairs of interfaces of one network namespace and adds delay, loss, reordering and a rate. A kernel with
// netem does not need it; many (containers, small virtual machines) have none.
//
// One loop: read what arrived, send what is due, sleep until the next frame is due. The sleep has nanosecond timer
// slack and the delay counts from the kernel's receive time stamp, so the error is the time to get the CPU, once.
//
// Control, one datagram per command to the Unix socket: "NAME KEY [VALUE]" (as in --pair), "counters", "quit". Every
// command is answered with "ok", "error ..." or the counters as JSON.
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "examples/roam/wire/lost_frames.h"
#include "examples/roam/wire/port.h"
#include "examples/roam/wire/settings.h"

namespace ilnp::wire {
namespace {

struct Line {
  PairSettings settings;
  Port first, second;
  Lane forth, back;
  std::uint64_t missed_first = 0, missed_second = 0;
};

nlohmann::json to_json(const LaneCounters& c, std::uint64_t missed) {
  return {{"offered", c.offered},
          {"delivered", c.delivered},
          {"octets", c.octets},
          {"lost", c.lost},
          {"overflowed", c.overflowed},
          {"reordered", c.reordered},
          {"down", c.down},
          {"memory", c.memory},
          {"unsent", c.unsent},
          {"missed", missed},
          {"latest_ms", std::chrono::duration<double, std::milli>(c.latest).count()}};
}

class Wire {
 public:
  explicit Wire(LostFrames& lost) : lost_{lost} {}

  Result<void> add(const PairSettings& settings, std::uint64_t seed) {
    Result<Port> first = Port::open(settings.first);
    if (!first) return first.error();
    Result<Port> second = Port::open(settings.second);
    if (!second) return second.error();
    lines_.push_back(Line{settings, std::move(first).value(), std::move(second).value(), Lane{settings.forth, seed},
                          Lane{settings.back, seed + 1}});
    return ok();
  }

  Result<void> listen(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return error(path + ": too long for a Unix socket");
    std::memcpy(address.sun_path, path.data(), path.size());
    control_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control_ < 0 || bind(control_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return error(path + ": " + std::strerror(errno));
    return ok();
  }

  int run(int signals) {
    std::vector<pollfd> waits{{signals, POLLIN, 0}, {control_, POLLIN, 0}};
    for (const Line& line : lines_) {
      waits.push_back({line.first.fd(), POLLIN, 0});
      waits.push_back({line.second.fd(), POLLIN, 0});
    }
    while (!quit_) {
      TimePoint next = never;
      for (Line& line : lines_) {
        next = std::min(next, carry(line.forth, line.second));
        next = std::min(next, carry(line.back, line.first));
      }
      wait_until(next, waits);
      if ((waits[0].revents & POLLIN) != 0) break;
      if ((waits[1].revents & POLLIN) != 0) on_command();
      for (std::size_t i = 0; i < lines_.size(); ++i) {
        if (waits[2 + 2 * i].revents != 0) fetch(lines_[i].first, lines_[i].forth);
        if (waits[3 + 2 * i].revents != 0) fetch(lines_[i].second, lines_[i].back);
      }
    }
    return 0;
  }

  nlohmann::json counters() {
    nlohmann::json all;
    for (Line& line : lines_) {
      line.missed_first += line.first.missed();
      line.missed_second += line.second.missed();
      all[line.settings.name] = {{"forth", to_json(line.forth.counters(), line.missed_first)},
                                 {"back", to_json(line.back.counters(), line.missed_second)}};
    }
    return all;
  }

 private:
  static void wait_until(TimePoint next, std::vector<pollfd>& waits) {
    timespec timeout{};
    if (next != never) {
      const std::int64_t left = std::max<std::int64_t>(0, (next - monotonic_now()).count());
      timeout.tv_sec = left / 1'000'000'000;
      timeout.tv_nsec = left % 1'000'000'000;
    }
    if (ppoll(waits.data(), waits.size(), next == never ? nullptr : &timeout, nullptr) < 0)
      for (pollfd& wait : waits) wait.revents = 0;
  }

  // A burst on one side must not starve the frames that are due on the other.
  void fetch(Port& from, Lane& into) {
    for (int n = 0; n < 64; ++n) {
      std::optional<Port::Frame> frame = from.receive();
      if (!frame) return;
      const auto lost = into.offer(frame->arrived, std::move(frame->bytes), frame->octets);
      if (lost) lost_.add(frame->arrived, Bytes{*lost}.last(frame->octets));
    }
  }

  static TimePoint carry(Lane& from, Port& to) {
    const TimePoint now = monotonic_now();
    for (int n = 0; n < 64; ++n) {
      const std::optional<ByteVector> frame = from.take_due(now);
      if (!frame) break;
      Port::Sent sent = to.send(*frame);
      for (int tries = 0; sent == Port::Sent::later && tries < 20; ++tries) {
        usleep(50);
        sent = to.send(*frame);
      }
      if (sent != Port::Sent::done) ++from.counters().unsent;
    }
    return from.next_deadline();
  }

  void on_command() {
    std::array<char, 256> text{};
    sockaddr_un peer{};
    socklen_t length = sizeof peer;
    const ssize_t n = recvfrom(control_, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&peer), &length);
    if (n < 0) return;
    const std::string reply = obey({text.data(), static_cast<std::size_t>(n)});
    if (length > sizeof(sa_family_t))
      sendto(control_, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&peer), length);
  }

  std::string obey(const std::string& command) {
    std::istringstream words{command};
    std::string name, key, value;
    words >> name >> key >> value;
    if (name == "counters") return counters().dump();
    if (name == "quit") {
      quit_ = true;
      return "ok";
    }
    for (Line& line : lines_) {
      if (line.settings.name != name) continue;
      if (const Result<void> done = apply(line.settings, key, value); !done) return "error " + done.error().message;
      line.forth.shape() = line.settings.forth;
      line.back.shape() = line.settings.back;
      return "ok";
    }
    return "error no pair is named '" + name + "'";
  }

  LostFrames& lost_;
  std::deque<Line> lines_;
  int control_ = -1;
  bool quit_ = false;
};

int fail(const std::string& message) {
  std::cerr << "wire: " << message << '\n';
  return 1;
}

int run(int argc, char** argv) {
  CLI::App app{"Joins pairs of interfaces and adds delay, loss, reordering and a rate"};
  std::vector<std::string> pairs;
  std::string control, lost_path;
  std::uint64_t seed = 1;
  app.add_option("--pair", pairs,
                 "FIRST,SECOND[,name=NAME][,delay=10ms][,loss=1%][,reorder=1%][,hold=5ms][,rate=100mbit][,queue=4M]; "
                 "a key may end in -forth or -back")
      ->required()
      ->delimiter('\0');
  app.add_option("--control", control, "Unix datagram socket to make");
  app.add_option("--seed", seed, "of loss and reordering");
  app.add_option("--lost", lost_path, "a capture of what loss took");
  CLI11_PARSE(app, argc, argv);

  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  const int signals = signalfd(-1, &ends, SFD_CLOEXEC);
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  setpriority(PRIO_PROCESS, 0, -15);  // best effort: a late wire is a wrong wire

  LostFrames lost{lost_path};
  if (!lost.good()) return fail(lost_path + ": cannot be written");
  Wire wire{lost};
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Result<PairSettings> settings = parse_pair(pairs[i]);
    if (!settings) return fail(settings.error().message);
    if (const Result<void> added = wire.add(settings.value(), seed + 2 * i); !added) return fail(added.error().message);
  }
  if (!control.empty())
    if (const Result<void> listening = wire.listen(control); !listening) return fail(listening.error().message);
  std::cerr << "wire: ready" << std::endl;
  const int status = wire.run(signals);
  std::cout << wire.counters().dump(2) << std::endl;
  if (!control.empty()) unlink(control.c_str());
  return status;
}

}  // namespace
}  // namespace ilnp::wire

int main(int argc, char** argv) { return ilnp::wire::run(argc, argv); }
