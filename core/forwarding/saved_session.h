// SPDX-License-Identifier: Apache-2.0
// One session as bytes: in the state file of a daemon, and for another machine that goes on with it. Read as carefully
// as anything from a wire.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/time.h"
#include "core/ilnp/correspondent.h"
#include "core/ilnp/tuning.h"

namespace ilnp {

/// Times in what somebody wrote. Another machine's clock is another one: its times are moved, so that what was a
/// second before it wrote is a second before that moment here.
class SavedTimes {
 public:
  /// The reader stands where the moment of writing is. `age`: of what another machine wrote; nothing: the clock is
  /// ours, and what was written later than now fails.
  SavedTimes(ByteReader& in, TimePoint now, std::optional<Duration> age);

  /// Of something that was before the writing.
  TimePoint past(ByteReader& in) const { return read(in, written_); }
  TimePoint any(ByteReader& in) const { return read(in, never); }
  TimePoint written() const { return written_ + shift_; }

 private:
  TimePoint read(ByteReader& in, TimePoint latest) const;

  TimePoint written_{};  ///< by the writer's clock
  Duration shift_{};
};
void write_time(ByteWriter& w, TimePoint time);

/// Nonces are secret.
struct SavedSession {
  PeerState state{};
  ChecksumMode checksum{};
  bool checksum_known = false, pinned = false, ephemeral = false;
  NodeId local;
  Address identity;
  Nonce nonce_sent, nonce_received;
  TimePoint last_sent{}, last_delivered{}, last_received{};
  std::string name;
  RemoteLocators remote;
  std::unique_ptr<LuMemory> lu_memory;  ///< nullptr: it obeyed no update yet
};

/// Whether it has anything that is worth keeping.
bool is_saved(const Correspondent& c);
void write_session(ByteWriter& w, const Correspondent& c, bool ephemeral);

/// What a file of sessions begins with.
struct SavedHeader {
  Locator identity_prefix;
  std::uint32_t variation = 0;  ///< of our Locator Updates
  std::uint32_t sessions = 0;
};
void write_header(ByteWriter& w, TimePoint now, const SavedHeader& header);

/// Reads one file, session by session.
class SavedSessions {
 public:
  SavedSessions(Bytes saved, TimePoint now, std::optional<Duration> age, const Tuning& tuning);
  /// False: damaged, or of another version; there is nothing more to read.
  bool ok() const { return in_.ok(); }
  const SavedHeader& header() const { return header_; }
  /// Nothing: that was the last one, or the rest is damaged. What is of no use is left out.
  std::optional<SavedSession> next();
  /// What follows the sessions.
  ByteReader& rest() { return in_; }
  const SavedTimes& times() const { return times_; }

 private:
  std::optional<SavedSession> read();

  ByteReader in_;
  SavedHeader header_;
  SavedTimes times_;
  std::uint32_t left_ = 0;
  const Tuning& tuning_;
};

}  // namespace ilnp
