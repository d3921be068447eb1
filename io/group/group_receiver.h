// SPDX-License-Identifier: Apache-2.0
// A connection that a peer has made to us. We only listen on it. Memory for what it says is taken once hands are
// shaken.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "io/group/group_link.h"

namespace ilnp {

class GroupReceiver : public std::enable_shared_from_this<GroupReceiver> {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  /// Any of them may close the receiver. It is closed when it calls on_end, which it does once at most.
  struct Callbacks {
    std::function<void(GroupReceiver&, GroupFrame)> on_frame;
    std::function<void(GroupReceiver&, GroupCounter, const std::string& why)> on_refusal;
    std::function<void(GroupReceiver&)> on_end;
  };

  /// `silence`: how long nothing may come. The callbacks outlive the receiver, or close it.
  GroupReceiver(Loop& loop, Socket socket, TlsContext tls, Duration silence, const Callbacks& callbacks,
                GroupCounters& counters);
  ~GroupReceiver();
  GroupReceiver(const GroupReceiver&) = delete;
  GroupReceiver& operator=(const GroupReceiver&) = delete;

  void start();
  /// Nothing is called back any more.
  void close();
  const std::string& peer() const { return peer_; }

 private:
  void read();
  void on_handshake(const boost::system::error_code& failure);
  void on_octets(Bytes octets);
  void on_time();
  void refuse(GroupCounter reason, const std::string& why);
  void end();

  Loop& loop_;
  TlsContext tls_;
  boost::asio::ssl::stream<Socket> stream_;
  Duration silence_;
  const Callbacks& callbacks_;
  GroupCounters& counters_;
  std::string peer_;  ///< its address
  GroupFrames frames_;
  ByteVector input_;
  bool is_open_ = true, has_greeted_ = false;
  DeadlineTimer timer_;
};

}  // namespace ilnp
