// SPDX-License-Identifier: Apache-2.0
// A running counter session: sends on the tick, tallies and logs what arrives, ends in order.
// It ends in three ways: `ending` (asked to, or the other side said so) sends the total and waits for the other side's,
// at most 3 s; a stream error or an early close is death; so is silence for settings.dead_after.
#pragma once

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "examples/roam/counter/sockets.h"
#include "examples/roam/counter/tally.h"

namespace ilnp::counter {

class Log {
 public:
  explicit Log(const std::string& path) : file_{path, std::ios::binary} { file_.write("ROAMCNT1", 8); }
  bool good() const { return file_.good(); }
  void add(const Record& record, std::int64_t now);
  void flush() { file_.flush(); }

 private:
  std::ofstream file_;
};

class Session {
 public:
  /// `signals` is a signalfd: anything read from it asks the session to end.
  Session(const Settings& settings, Descriptor socket, int signals, Log& log);
  /// Returns when the session is over; every 200 ms a summary goes to standard output.
  void run();
  nlohmann::json summary() const;
  /// The summary, and the numbers of records that never came.
  nlohmann::json last_summary() const;
  bool died() const { return !died_.empty(); }

 private:
  void wait();
  void on_time(std::int64_t now);
  void make_records(std::int64_t now);
  void say_goodbye(std::int64_t now);
  void queue(const Record& record);
  void flush();
  void receive();
  void on_input();
  void on_record(const std::optional<Record>& record, std::int64_t now);
  void on_end_of_stream();
  void die(const std::string& reason);
  bool blocked() const { return !output_.empty(); }

  const Settings& settings_;
  Descriptor socket_;
  int signals_;
  Log& log_;
  Tally tally_;
  std::array<std::uint8_t, 16384> block_{};
  ByteVector input_;   // less than a record, between reads
  ByteVector output_;  // the rest of a record that a full stream did not take
  std::uint64_t sequence_ = 0, send_errors_ = 0;
  std::int64_t start_ = 0, next_tick_ = 0, next_report_ = 0, next_gathering_ = 0, heard_ = 0;
  std::int64_t end_sent_ = 0, end_heard_ = 0, next_goodbye_ = 0;
  bool ending_ = false, input_closed_ = false, finished_ = false;
  std::string died_;
};

}  // namespace ilnp::counter
