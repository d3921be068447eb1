// SPDX-License-Identifier: Apache-2.0
// Which mobile EIDs are here, and which have left a moment ago, for a process that starts anew after a crash or a
// restart: a file of mode 0600 in the state directory. It is written when that changes, before anybody hears of it, but
// not again and again where a rack arrives.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/lisp/eid_presence.h"
#include "io/loop/loop.h"

namespace ilnp {

/// As text, and back: relays end at a time of the wall clock. Nothing: it is not one of ours, or damaged.
std::string presences_to_text(const std::vector<lisp::SavedPresence>& presences, std::uint64_t unix_microseconds);
std::optional<std::vector<lisp::SavedPresence>> parse_presences(std::string_view text, std::uint64_t unix_microseconds);

class PresenceFile {
 public:
  using Collect = std::function<std::vector<lisp::SavedPresence>()>;
  using OnText = std::function<void(const std::string& text)>;
  /// `on_text`: what is written.
  PresenceFile(Loop& loop, const std::string& directory, Collect collect, OnText on_text);

  /// Of the run before. Empty: there is none, or it cannot be used; then it is logged why.
  std::vector<lisp::SavedPresence> load() const;
  /// Written at once, or when the last time is long enough ago.
  void changed();
  /// Writes what waits.
  void flush();
  /// Nobody is to start from it.
  void remove();
  bool is_failing() const { return is_failing_; }

 private:
  void write();

  Loop& loop_;
  std::string path_;
  Collect collect_;
  OnText on_text_;
  DeadlineTimer timer_;
  TimePoint next_ = {};
  bool is_waiting_ = false, is_failing_ = false;
};

}  // namespace ilnp
