// SPDX-License-Identifier: Apache-2.0
#include "io/netlink/rtnetlink.h"

#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace ilnp {
namespace {

constexpr int max_dump_repetitions = 5;
constexpr std::size_t datagram_size = 65536;

/// An error message holds an errno value, the request's header and, with extended acknowledgements,
/// attributes with words (linux/netlink.h).
NetlinkAnswer read_answer(const nlmsghdr& message) {
  NetlinkAnswer answer;
  if (nlmsg_datalen(&message) < static_cast<int>(sizeof(nlmsgerr))) return {EPROTO, {}};
  nlmsgerr body{};
  std::memcpy(&body, nlmsg_data(&message), sizeof body);
  answer.error = -body.error;
  if ((message.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return answer;
  // The request follows whole unless the answer is capped; the attributes come after it.
  std::size_t skip = sizeof(nlmsgerr);
  if ((message.nlmsg_flags & NLM_F_CAPPED) == 0) skip += NLMSG_ALIGN(body.msg.nlmsg_len - sizeof(nlmsghdr));
  const auto available = static_cast<std::size_t>(nlmsg_datalen(&message));
  if (skip >= available) return answer;
  const auto* first = reinterpret_cast<const nlattr*>(static_cast<const char*>(nlmsg_data(&message)) + skip);
  const nlattr* words = nla_find(first, static_cast<int>(available - skip), NLMSGERR_ATTR_MSG);
  if (words != nullptr) {
    const auto* text = static_cast<const char*>(nla_data(words));
    answer.detail.assign(text, strnlen(text, static_cast<std::size_t>(nla_len(words))));
  }
  return answer;
}

/// One datagram; negative errno on failure.
ssize_t receive(int fd, std::vector<std::uint8_t>& buffer) {
  ssize_t octets = 0;
  do {
    octets = ::recv(fd, buffer.data(), buffer.size(), 0);
  } while (octets < 0 && errno == EINTR);
  return octets < 0 ? -errno : octets;
}

}  // namespace

NetlinkMessage::NetlinkMessage(int type, int flags) : message_{nlmsg_alloc_simple(type, flags)} { assert(message_); }

NetlinkMessage& NetlinkMessage::raw(Bytes value, int alignment) {
  [[maybe_unused]] const int result =
      nlmsg_append(message_.get(), const_cast<std::uint8_t*>(value.data()), value.size(), alignment);
  assert(result == 0);
  return *this;
}

NetlinkMessage& NetlinkMessage::attribute(int type, Bytes value) {
  [[maybe_unused]] const int result = nla_put(message_.get(), type, static_cast<int>(value.size()), value.data());
  assert(result == 0);
  return *this;
}

NetlinkMessage& NetlinkMessage::begin(int type) {
  open_.push_back(nla_nest_start(message_.get(), type));
  assert(open_.back() != nullptr);
  return *this;
}

NetlinkMessage& NetlinkMessage::end() {
  nla_nest_end(message_.get(), open_.back());
  open_.pop_back();
  return *this;
}

bool NetlinkAnswer::is(std::initializer_list<int> errors) const {
  return std::find(errors.begin(), errors.end(), error) != errors.end();
}

std::string NetlinkAnswer::text() const {
  const std::string words = std::strerror(error);
  return detail.empty() ? words : words + " (" + detail + ")";
}

bool for_each_message(Bytes datagram, const std::function<void(const nlmsghdr&)>& visit) {
  int left = static_cast<int>(datagram.size());
  auto* message = reinterpret_cast<nlmsghdr*>(const_cast<std::uint8_t*>(datagram.data()));
  for (; nlmsg_ok(message, left) != 0; message = nlmsg_next(message, &left)) visit(*message);
  return left <= 0;
}

Result<RouteSocket> RouteSocket::open() {
  RouteSocket out{nl_socket_alloc()};
  if (!out.socket_) return error("cannot allocate a netlink socket");
  if (const int failure = nl_connect(out.socket_.get(), NETLINK_ROUTE); failure < 0)
    return error(std::string{"cannot open a netlink socket: "} + nl_geterror(failure));
  const int on = 1;
  ::setsockopt(out.fd(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);  // words beside error numbers; optional
  const timeval limit{5, 0};
  ::setsockopt(out.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return out;
}

Result<void> RouteSocket::join(std::initializer_list<int> groups) {
  for (const int group : groups)
    if (const int failure = nl_socket_add_membership(socket_.get(), group); failure < 0)
      return error("cannot join netlink group " + std::to_string(group) + ": " + nl_geterror(failure));
  return ok();
}

void RouteSocket::set_receive_buffer(int octets) {
  if (::setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets) < 0)
    ::setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
}

NetlinkAnswer RouteSocket::transact(const NetlinkMessage& request) {
  if (nl_send_auto(socket_.get(), request.get()) < 0) return {errno != 0 ? errno : EIO, "sending failed"};
  const std::uint32_t sequence = nlmsg_hdr(request.get())->nlmsg_seq;
  std::vector<std::uint8_t> buffer(datagram_size);
  for (int datagrams = 0; datagrams < 64; ++datagrams) {
    const ssize_t octets = receive(fd(), buffer);
    if (octets < 0) return {static_cast<int>(-octets), "no acknowledgement"};
    std::optional<NetlinkAnswer> answer;
    for_each_message({buffer.data(), static_cast<std::size_t>(octets)}, [&](const nlmsghdr& message) {
      if (message.nlmsg_seq == sequence && message.nlmsg_type == NLMSG_ERROR) answer = read_answer(message);
    });
    if (answer) return *answer;
  }
  return {ETIMEDOUT, "no acknowledgement"};
}

RouteSocket::DumpEnd RouteSocket::dump_once(int type, int family, const std::function<void(const nlmsghdr&)>& visit,
                                            NetlinkAnswer& answer) {
  // Every dump request may begin with the largest of the family headers; each starts with the family octet.
  std::array<std::uint8_t, sizeof(ifinfomsg)> header{};
  header[0] = static_cast<std::uint8_t>(family);
  NetlinkMessage request{type, NLM_F_REQUEST | NLM_F_DUMP};
  request.raw(header, NLMSG_ALIGNTO);
  if (nl_send_auto(socket_.get(), request.get()) < 0) {
    answer = {errno != 0 ? errno : EIO, "sending failed"};
    return DumpEnd::failed;
  }
  const std::uint32_t sequence = nlmsg_hdr(request.get())->nlmsg_seq;
  std::vector<std::uint8_t> buffer(datagram_size);
  bool done = false, interrupted = false;
  while (!done) {
    const ssize_t octets = receive(fd(), buffer);
    if (octets < 0) {
      answer = {static_cast<int>(-octets), "dump not finished"};
      return DumpEnd::failed;
    }
    for_each_message({buffer.data(), static_cast<std::size_t>(octets)}, [&](const nlmsghdr& message) {
      if (message.nlmsg_seq != sequence || done) return;
      if ((message.nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
      if (message.nlmsg_type == NLMSG_ERROR) {
        answer = read_answer(message);
        done = true;
      } else if (message.nlmsg_type == NLMSG_DONE) {
        done = true;
      } else {
        visit(message);
      }
    });
  }
  if (answer.error != 0) return DumpEnd::failed;
  return interrupted ? DumpEnd::interrupted : DumpEnd::complete;
}

Result<void> RouteSocket::dump(int type, int family, const std::function<void(const nlmsghdr&)>& visit,
                               const std::function<void()>& restarted) {
  for (int i = 0; i < max_dump_repetitions; ++i) {
    if (i > 0 && restarted) restarted();
    NetlinkAnswer answer;
    switch (dump_once(type, family, visit, answer)) {
      case DumpEnd::complete:
        return ok();
      case DumpEnd::failed:
        return error("netlink dump " + std::to_string(type) + ": " + answer.text());
      case DumpEnd::interrupted:
        break;
    }
  }
  return ok();  // always changing: what was seen last stands, and events correct it
}

}  // namespace ilnp
