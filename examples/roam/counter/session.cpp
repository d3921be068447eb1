// SPDX-License-Identifier: Apache-2.0
#include "examples/roam/counter/session.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>

namespace ilnp::counter {
namespace {

constexpr std::int64_t millisecond = 1'000'000, second = 1'000'000'000;
constexpr std::int64_t report_every = 200 * millisecond;
constexpr std::int64_t goodbye_every = 50 * millisecond;  // datagrams get lost
constexpr std::int64_t goodbye_within = 3 * second;
constexpr std::int64_t stragglers_within = 700 * millisecond;
constexpr std::size_t most_named = 100'000;  // numbers of missing records

std::int64_t nanoseconds(double seconds) { return static_cast<std::int64_t>(seconds * 1e9); }

}  // namespace

void Log::add(const Record& record, std::int64_t now) {
  const std::uint64_t row[3] = {record.sequence, static_cast<std::uint64_t>(record.sent),
                                static_cast<std::uint64_t>(now)};
  file_.write(reinterpret_cast<const char*>(row), sizeof row);
}

Session::Session(const Settings& settings, Descriptor socket, int signals, Log& log)
    : settings_{settings}, socket_{std::move(socket)}, signals_{signals}, log_{log} {
  const int on = 1, room = 4 << 20;
  if (settings_.stream()) {
    setsockopt(socket_.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  } else {
    setsockopt(socket_.fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  }
}

void Session::run() {
  start_ = next_tick_ = heard_ = monotonic_now();
  next_report_ = start_ + report_every;
  while (!finished_) {
    on_time(monotonic_now());
    if (!finished_) wait();
  }
  log_.flush();
}

void Session::wait() {
  pollfd waits[2] = {{signals_, POLLIN, 0}, {socket_.fd, 0, 0}};
  const bool gathers = settings_.gather > 0 && !ending_;
  if (!input_closed_ && !gathers) waits[1].events |= POLLIN;
  if (blocked()) waits[1].events |= POLLOUT;
  std::int64_t next = next_report_;
  if (ending_)
    next = std::min(next, next_goodbye_);
  else if (!blocked())
    next = std::min(next, next_tick_);
  if (gathers) next = std::min(next, next_gathering_);
  const std::int64_t left = std::max<std::int64_t>(0, next - monotonic_now());
  const timespec timeout{left / second, left % second};
  if (ppoll(waits, 2, &timeout, nullptr) < 0) return;
  if ((waits[0].revents & POLLIN) != 0) {
    signalfd_siginfo which{};
    if (read(signals_, &which, sizeof which) > 0) ending_ = true;
  }
  if ((waits[1].revents & POLLOUT) != 0) flush();
  if (gathers) {
    if (monotonic_now() < next_gathering_) return;
    next_gathering_ = monotonic_now() + nanoseconds(settings_.gather);
    receive();
  } else if ((waits[1].revents & ~POLLOUT) != 0 && !input_closed_) {
    receive();
  }
}

void Session::on_time(std::int64_t now) {
  if (now - start_ > nanoseconds(settings_.seconds)) ending_ = true;
  if (now - heard_ > nanoseconds(settings_.dead_after) && end_heard_ == 0)
    return die("nothing heard for " + std::to_string(static_cast<int>(settings_.dead_after)) + " s");
  if (now >= next_report_) {
    next_report_ = now + report_every;
    log_.flush();
    std::cout << summary().dump() << std::endl;
  }
  if (ending_)
    say_goodbye(now);
  else
    make_records(now);
}

// Late ticks are caught up: the stream is a promise of so many records per second.
void Session::make_records(std::int64_t now) {
  for (int n = 0; now >= next_tick_ && !blocked() && !finished_ && n < 1000; ++n) {
    queue({Kind::data, sequence_++, monotonic_now()});
    next_tick_ += second / settings_.rate;
  }
}

void Session::say_goodbye(std::int64_t now) {
  if (now < next_goodbye_) return;
  next_goodbye_ = now + goodbye_every;
  if (!settings_.stream() || (end_sent_ == 0 && !blocked())) {
    queue({Kind::end, sequence_, now});
    if (end_sent_ == 0) end_sent_ = now;
  }
  if (settings_.stream() && end_sent_ != 0 && !blocked()) shutdown(socket_.fd, SHUT_WR);
  const bool heard_all = settings_.stream() ? input_closed_ : end_heard_ != 0 && now - end_heard_ > stragglers_within;
  if (heard_all && end_sent_ != 0 && !blocked()) finished_ = true;
  if (end_sent_ != 0 && now - end_sent_ > goodbye_within) finished_ = true;
}

void Session::queue(const Record& record) {
  append(output_, record);
  flush();
}

void Session::flush() {
  const ssize_t n = send(socket_.fd, output_.data(), output_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (!settings_.stream()) {
    // A datagram that the local stack refuses is a lost datagram: its number is used up.
    if (n < 0) ++send_errors_;
    output_.clear();
  } else if (n >= 0) {
    output_.erase(output_.begin(), output_.begin() + n);
  } else if (errno != EAGAIN && errno != EINTR) {
    die(std::strerror(errno));
  }
}

void Session::receive() {
  for (int n = 0; n < 256 && !finished_ && !input_closed_; ++n) {
    const ssize_t got = recv(socket_.fd, block_.data(), block_.size(), MSG_DONTWAIT);
    const int why = errno;
    if (got > 0) input_.insert(input_.end(), block_.begin(), block_.begin() + got);
    if (got < 0) {
      // An ICMP error is news for a datagram socket, the end for a stream.
      if (settings_.stream() && why != EAGAIN && why != EINTR) die(std::strerror(why));
      return;
    }
    if (got == 0 && settings_.stream()) return on_end_of_stream();
    on_input();
  }
}

void Session::on_input() {
  const std::int64_t now = monotonic_now();
  Bytes rest{input_};
  if (settings_.stream()) {
    for (; rest.size() >= record_octets; rest = rest.subspan(record_octets))
      on_record(parse(rest.first(record_octets)), now);
  } else {
    on_record(parse(rest), now);
    rest = {};
  }
  input_ = ByteVector(rest.begin(), rest.end());
}

void Session::on_record(const std::optional<Record>& record, std::int64_t now) {
  if (!record) return tally_.count_corrupt();
  heard_ = now;
  if (record->kind == Kind::data) {
    tally_.add(*record, now);
    log_.add(*record, now);
  } else if (record->kind == Kind::end) {
    tally_.set_total(record->sequence);
    if (end_heard_ == 0) end_heard_ = now;
    ending_ = true;
  }
}

void Session::on_end_of_stream() {
  if (end_heard_ == 0) return die("closed by the other side");
  input_closed_ = true;
  next_goodbye_ = 0;
}

void Session::die(const std::string& reason) {
  died_ = reason;
  finished_ = true;
}

nlohmann::json Session::summary() const {
  return {{"protocol", settings_.protocol},
          {"side", settings_.serve ? "server" : "client"},
          {"sent", sequence_},
          {"send_errors", send_errors_},
          {"received", tally_.received()},
          {"lost", tally_.lost()},
          {"out_of_order", tally_.out_of_order()},
          {"duplicates", tally_.duplicates()},
          {"corrupt", tally_.corrupt()},
          {"jumps", tally_.jumps()},
          {"longest_gap_ms", static_cast<double>(tally_.longest_gap()) / 1e6},
          {"last_arrival", tally_.last_arrival()},
          {"at", monotonic_now()},
          {"total_known", tally_.total_known()},
          {"died", died_}};
}

nlohmann::json Session::last_summary() const {
  nlohmann::json last = summary();
  last["final"] = true;
  last["missing"] = tally_.missing(most_named);
  return last;
}

}  // namespace ilnp::counter
