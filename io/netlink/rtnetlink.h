// SPDX-License-Identifier: Apache-2.0
// One NETLINK_ROUTE socket, thin over libnl: requests that wait for the kernel's acknowledgement, and dumps.
#pragma once

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/lisp/ip_address.h"

namespace ilnp {

/// A message under construction: type and flags, then the family's header, then attributes. Running out of its 4 KiB
/// is our own mistake.
class NetlinkMessage {
 public:
  NetlinkMessage(int type, int flags);

  template <class Header>
  NetlinkMessage& header(const Header& value) {
    return raw({reinterpret_cast<const std::uint8_t*>(&value), sizeof value}, NLMSG_ALIGNTO);
  }
  NetlinkMessage& attribute(int type, Bytes value);
  NetlinkMessage& u8(int type, std::uint8_t value) { return attribute(type, {&value, 1}); }
  NetlinkMessage& u32(int type, std::uint32_t value) {
    return attribute(type, {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  NetlinkMessage& address(int type, const lisp::IpAddress& value) { return attribute(type, value.octets()); }
  template <class Value>
  NetlinkMessage& structure(int type, const Value& value) {
    return attribute(type, {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  NetlinkMessage& raw(Bytes value, int alignment);
  NetlinkMessage& begin(int type);  ///< opens a nested attribute
  NetlinkMessage& end();            ///< closes the innermost one

  nl_msg* get() const { return message_.get(); }

 private:
  struct Free {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
  };
  std::unique_ptr<nl_msg, Free> message_;
  std::vector<nlattr*> open_;
};

/// What the kernel answered: 0, or an errno value with its own words when it had some.
struct NetlinkAnswer {
  int error = 0;
  std::string detail;
  bool is(std::initializer_list<int> errors) const;
  std::string text() const;
};

class RouteSocket {
 public:
  static Result<RouteSocket> open();

  int fd() const { return nl_socket_get_fd(socket_.get()); }
  Result<void> join(std::initializer_list<int> groups);
  void set_receive_buffer(int octets);

  NetlinkAnswer transact(const NetlinkMessage& request);
  /// Visits every message of a dump of one kind (RTM_GETLINK...). Repeated when the kernel says that it changed
  /// meanwhile; `restarted` is called before each repetition.
  Result<void> dump(int type, int family, const std::function<void(const nlmsghdr&)>& visit,
                    const std::function<void()>& restarted = {});

 private:
  struct Free {
    void operator()(nl_sock* socket) const { nl_socket_free(socket); }
  };
  explicit RouteSocket(nl_sock* socket) : socket_{socket} {}
  enum class DumpEnd { complete, interrupted, failed };
  DumpEnd dump_once(int type, int family, const std::function<void(const nlmsghdr&)>& visit, NetlinkAnswer& answer);
  std::unique_ptr<nl_sock, Free> socket_;
};

/// Calls visit for every message in a received datagram; false when its lengths make no sense.
bool for_each_message(Bytes datagram, const std::function<void(const nlmsghdr&)>& visit);

}  // namespace ilnp
