// SPDX-License-Identifier: Apache-2.0
// Strangers cost next to nothing: a connection from an address that is no peer's is closed as it is accepted, there are
// two connections per peer at most (one may be on its way out), and hands have to be shaken in time.
#include "io/group/group_link.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>

#include "io/group/group_receiver.h"
#include "io/group/group_sender.h"

namespace ilnp {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Failure = boost::system::error_code;

namespace {

constexpr int silent_heartbeats = 5;
constexpr std::size_t connections_per_peer = 2;
constexpr int backlog = 128;                          ///< strangers are turned away faster than they come
constexpr Duration accept_pause = milliseconds{100};  ///< where the kernel has no descriptor left

}  // namespace

std::vector<CounterName> group_counter_names() {
  return {{"connects", "connections made to other gateways of the group"},
          {"parts_sent", "parts sent, counted for each gateway"},
          {"parts_received", "parts received"},
          {"octets_sent", "octets sent"},
          {"octets_received", "octets received"},
          {"too_large", "parts not sent: larger than 64 MiB"},
          {"unknown_parts", "parts skipped: the other gateway is of a newer version"},
          {"bad_frames", "connections dropped: what came is nothing that a gateway says"},
          {"own_identity", "connections dropped: somebody else with our xTR-ID"},
          {"silent", "connections dropped: nothing came for five heartbeats"},
          {"refused_address", "connections refused: from an address that is no peer's"},
          {"refused_full", "connections refused: two for each peer are there"},
          {"refused_certificate", "connections refused: no certificate, or not of our CA, or for another address"},
          {"handshake_failed", "connections refused: no TLS 1.3, or no hello within 5 s"}};
}

struct GroupLink::State {
  struct Known {
    GroupMember member;
    std::string address;          ///< that it came from last
    GroupReceiver* by = nullptr;  ///< nullptr: dead
  };

  State(Loop& loop_, GroupSettings settings_, GroupMember own_, GroupCallbacks callbacks_, TlsContext incoming_,
        TlsContext outgoing)
      : loop{loop_},
        settings{std::move(settings_)},
        own{std::move(own_)},
        callbacks{std::move(callbacks_)},
        incoming{std::move(incoming_)},
        acceptor{loop.context()},
        accept_again{loop, [this] { accept(); }},
        from_receivers{[this](GroupReceiver& from, GroupFrame frame) { on_frame(from, std::move(frame)); },
                       [this](GroupReceiver& from, GroupCounter reason, const std::string& why) {
                         refuse(reason, from.peer(), why);
                       },
                       [this](GroupReceiver& from) { on_end(from); }} {
    for (const Endpoint& peer : settings.peers)
      senders.push_back(std::make_unique<GroupSender>(loop, settings, own, peer, outgoing, parts, random, counters));
  }

  ~State() {
    for (const auto& receiver : receivers) receiver->close();
    Failure ignored;
    acceptor.close(ignored);
  }

  Result<void> listen();
  void accept();
  void take(tcp::socket socket);
  bool is_peer(const std::string& address) const;
  void refuse(GroupCounter reason, const std::string& whose, const std::string& why);
  void on_frame(GroupReceiver& from, GroupFrame frame);
  void on_hello(GroupReceiver& from, GroupMember member);
  void on_end(GroupReceiver& from);
  void let_go(const GroupReceiver& receiver);
  Known* known_by(const GroupReceiver& receiver);
  Known& row_of(const GroupMember& member, const std::string& address);

  Loop& loop;
  const GroupSettings settings;
  const GroupMember own;
  const GroupCallbacks callbacks;
  GroupCounters counters;
  SecretParts parts;
  OpensslRandom random;
  TlsContext incoming;
  tcp::acceptor acceptor;
  DeadlineTimer accept_again;
  const GroupReceiver::Callbacks from_receivers;
  std::vector<std::unique_ptr<GroupSender>> senders;
  std::vector<std::shared_ptr<GroupReceiver>> receivers;  ///< also held by their pending operations
  std::vector<Known> members;
  std::string last_refusal;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);  ///< gone with us: pending accepts see it
};

Result<void> GroupLink::State::listen() {
  const tcp::endpoint at{asio::ip::make_address(settings.listen.address), settings.listen.port};
  Failure failure;
  acceptor.open(at.protocol(), failure);
  if (!failure) acceptor.set_option(tcp::acceptor::reuse_address{true}, failure);
  if (!failure) acceptor.bind(at, failure);
  if (!failure) acceptor.listen(backlog, failure);
  if (failure) return error("group: listen at " + to_string(settings.listen) + ": " + failure.message());
  accept();
  return ok();
}

void GroupLink::State::accept() {
  acceptor.async_accept([this, watch = std::weak_ptr<bool>{alive}](const Failure& failure, tcp::socket socket) {
    if (watch.expired()) return;
    if (failure) return accept_again.set(loop.now() + accept_pause);
    take(std::move(socket));
    accept();
  });
}

void GroupLink::State::take(tcp::socket socket) {
  Failure failure;
  const std::string address = socket.remote_endpoint(failure).address().to_string();
  if (failure) return;
  if (!is_peer(address)) return refuse(GroupCounter::refused_address, address, "is no peer's address");
  if (receivers.size() >= connections_per_peer * settings.peers.size())
    return refuse(GroupCounter::refused_full, address, "too many connections");
  if (auto renewed = make_tls_context(settings.tls, TlsSide::server, TlsOldest::tls_1_3)) incoming = renewed.value();
  const auto receiver = std::make_shared<GroupReceiver>(
      loop, std::move(socket), incoming, silent_heartbeats * settings.heartbeat, from_receivers, counters);
  receivers.push_back(receiver);
  receiver->start();
}

bool GroupLink::State::is_peer(const std::string& address) const {
  return std::ranges::any_of(settings.peers, [&](const Endpoint& peer) { return peer.address == address; });
}

void GroupLink::State::refuse(GroupCounter reason, const std::string& whose, const std::string& why) {
  counters.add(reason);
  last_refusal = whose + ": " + why;
}

void GroupLink::State::on_frame(GroupReceiver& from, GroupFrame frame) {
  if (auto* hello = std::get_if<GroupMember>(&frame)) return on_hello(from, std::move(*hello));
  auto* part = std::get_if<GroupPartContent>(&frame);
  if (part == nullptr) return;
  counters.add(GroupCounter::parts_received);
  callbacks.on_part(known_by(from)->member, part->part, std::move(part->content));
}

void GroupLink::State::on_hello(GroupReceiver& from, GroupMember member) {
  if (member.xtr == own.xtr) {
    refuse(GroupCounter::own_identity, from.peer(), "has our xTR-ID");
    from.close();
    return let_go(from);
  }
  Known& row = row_of(member, from.peer());
  row.member = std::move(member);
  row.address = from.peer();
  GroupReceiver* const former = std::exchange(row.by, &from);
  if (former == nullptr) return callbacks.on_member(row.member, true);
  former->close();
  let_go(*former);
}

/// At most as many dead ones are remembered for an address as there are peers with it: a gateway that was made anew,
/// with another xTR-ID, is not missed for ever. Those that are alive have a connection each, and these have a bound.
GroupLink::State::Known& GroupLink::State::row_of(const GroupMember& member, const std::string& address) {
  const auto same = [&](const Known& known) { return known.member.xtr == member.xtr; };
  if (const auto found = std::find_if(members.begin(), members.end(), same); found != members.end()) return *found;
  const auto is_there = [&](const Known& known) { return known.address == address; };
  const auto is_of_peer = [&](const Endpoint& peer) { return peer.address == address; };
  if (std::ranges::count_if(members, is_there) >= std::ranges::count_if(settings.peers, is_of_peer)) {
    const auto dead = std::ranges::find_if(members, [&](const Known& k) { return is_there(k) && k.by == nullptr; });
    if (dead != members.end()) members.erase(dead);
  }
  return members.emplace_back();
}

void GroupLink::State::on_end(GroupReceiver& from) {
  const auto receiver = from.shared_from_this();
  let_go(from);
  Known* const known = known_by(from);
  if (known == nullptr) return;
  known->by = nullptr;
  callbacks.on_member(known->member, false);
}

void GroupLink::State::let_go(const GroupReceiver& receiver) {
  std::erase_if(receivers, [&](const auto& one) { return one.get() == &receiver; });
}

GroupLink::State::Known* GroupLink::State::known_by(const GroupReceiver& receiver) {
  const auto found =
      std::find_if(members.begin(), members.end(), [&](const Known& known) { return known.by == &receiver; });
  return found == members.end() ? nullptr : &*found;
}

GroupLink::GroupLink(std::unique_ptr<State> state) : state_{std::move(state)} {}
GroupLink::~GroupLink() = default;

Result<std::unique_ptr<GroupLink>> GroupLink::open(Loop& loop, GroupSettings settings, GroupMember own,
                                                   GroupCallbacks callbacks) {
  auto incoming = make_tls_context(settings.tls, TlsSide::server, TlsOldest::tls_1_3);
  if (!incoming) return incoming.error();
  auto outgoing = make_tls_context(settings.tls, TlsSide::client, TlsOldest::tls_1_3);
  if (!outgoing) return outgoing.error();
  auto state = std::make_unique<State>(loop, std::move(settings), std::move(own), std::move(callbacks),
                                       std::move(incoming.value()), std::move(outgoing.value()));
  if (auto listening = state->listen(); !listening) return listening.error();
  return std::unique_ptr<GroupLink>{new GroupLink{std::move(state)}};
}

void GroupLink::put(GroupPart part, ByteVector content) {
  if (content.size() > max_group_part) {
    wipe(content);
    return state_->counters.add(GroupCounter::too_large);
  }
  state_->parts[index_of(part)] = std::make_shared<const SecretPart>(std::move(content));
  for (const auto& sender : state_->senders) sender->mark(part);
}

GroupStatus GroupLink::status() const {
  GroupStatus out;
  for (const auto& sender : state_->senders) out.peers.push_back(sender->status());
  for (const State::Known& known : state_->members) out.members.push_back({known.member, known.by != nullptr});
  out.last_refusal = state_->last_refusal;
  return out;
}

const GroupCounters& GroupLink::counters() const { return state_->counters; }

}  // namespace ilnp
