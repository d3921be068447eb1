// SPDX-License-Identifier: Apache-2.0
// Our connection to one peer. Only we speak on it: a hello, all parts, then each part that is marked, and a word now
// and then that says that we are alive. One frame is being written at a time; a part that is marked meanwhile is sent
// as it is then.
//
// States: no connection (timer: the next attempt); connecting and shaking hands (timer: gives up); ready (timer: the
// next word). Certificates are checked by both ends, so the peer may end a connection that was ready for a moment.
#pragma once

#include "io/crypto/crypto.h"
#include "io/group/group_link.h"

namespace ilnp {

/// One content of a part; shared by the senders that are still writing it.
struct SecretPart {
  explicit SecretPart(ByteVector octets) : content{std::move(octets)} {}
  ~SecretPart() { wipe(content); }
  SecretPart(const SecretPart&) = delete;
  SecretPart& operator=(const SecretPart&) = delete;
  ByteVector content;
};
/// The newest of each; nullptr: none yet.
using SecretParts = std::array<std::shared_ptr<const SecretPart>, group_parts>;

class GroupSender {
 public:
  /// The references stay valid as long as the sender lives.
  GroupSender(Loop& loop, const GroupSettings& settings, const GroupMember& own, const Endpoint& peer, TlsContext tls,
              const SecretParts& newest, Random& random, GroupCounters& counters);
  ~GroupSender();
  GroupSender(const GroupSender&) = delete;
  GroupSender& operator=(const GroupSender&) = delete;

  /// There is a newer content of the part.
  void mark(GroupPart part);
  GroupStatus::Peer status() const;

 private:
  struct Connection;

  void on_time();
  void connect();
  void shake_hands();
  void greet();
  void listen_for_end();
  void send_next();
  void send_part(std::size_t index);
  /// Both stay as they are until the connection is over, or has written them.
  void write(Bytes head, Bytes content = {});
  void end(const std::string& why);
  void drop();
  /// An Asio handler that does nothing after the connection has ended, and ends it on a failure.
  template <class F>
  auto then(const char* what, F f);

  Loop& loop_;
  const GroupSettings& settings_;
  const GroupMember& own_;
  const Endpoint& peer_;
  TlsContext tls_;
  const SecretParts& newest_;
  Random& random_;
  GroupCounters& counters_;
  std::shared_ptr<Connection> connection_;  ///< shared with pending operations
  std::array<bool, group_parts> marked_{};
  std::size_t next_ = 0;  ///< part that is looked at first: none waits for ever behind the others
  unsigned failures_ = 0;
  TimePoint since_{};
  std::string last_error_;
  DeadlineTimer timer_;
};

}  // namespace ilnp
