// SPDX-License-Identifier: Apache-2.0
// Several LISP routers in one process: their control messages, and data packets by what they know, go from address to
// address with one-way delays and losses, in virtual time. Nothing happens by itself between two events.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/lisp/xtr.h"
#include "tests/support/fakes.h"

namespace ilnp::test {

class LispWorld {
 public:
  struct Node {
    std::string name;
    std::vector<lisp::IpAddress> addresses;
    std::unique_ptr<lisp::Xtr> xtr;
    std::optional<lisp::XtrMemory> disk;           ///< as it was written last
    std::vector<lisp::SavedPresence> presences{};  ///< as they were written last: see saved_presences()
    TimePoint presences_at{};
    bool presences_changed = false;  ///< since then
    Duration wall_ahead{};           ///< its clock against that of the world
    std::vector<std::pair<TimePoint, lisp::XtrEvent>> events;
    std::map<lisp::Eid, bool> delivers;  ///< mobile EIDs
  };
  struct Sent {
    TimePoint at{};
    std::string from;
    lisp::ControlToSend datagram;
  };
  /// A packet that came to a node with its EID.
  struct Delivered {
    TimePoint sent{}, at{};
    std::string node;
    bool relayed = false;
  };

  Node& add(std::string name, lisp::XtrSettings settings, std::optional<lisp::XtrMemory> memory = std::nullopt) {
    Node& node = nodes_[name];
    node.name = std::move(name);
    node.addresses = settings.underlay.rlocs;
    node.xtr = std::make_unique<lisp::Xtr>(std::move(settings), std::move(memory), random, hmac);
    return node;
  }
  Node& operator[](const std::string& name) { return nodes_.at(name); }
  /// As after kill -9.
  void remove(const std::string& name) { nodes_.erase(name); }
  /// kill -9, and a start after that. `remembers`: with what was on the disk.
  Node& restart(const std::string& name, bool remembers) {
    Node& old = nodes_.at(name);
    lisp::XtrSettings settings = old.xtr->settings();
    std::optional<lisp::XtrMemory> memory = remembers ? old.disk : std::nullopt;
    std::vector<lisp::SavedPresence> presences = saved_presences(name);
    if (!remembers) presences.clear();
    for (lisp::SavedPresence& one : presences) one.relay_left -= std::min(one.relay_left, now - old.presences_at);
    const Duration wall_ahead = old.wall_ahead;
    nodes_.erase(name);
    Node& node = add(name, std::move(settings), memory);
    node.disk = std::move(memory);
    node.wall_ahead = wall_ahead;
    act(name,
        [&](lisp::Xtr& xtr, lisp::Instant at, lisp::XtrActions& actions) { xtr.restore(at, presences, actions); });
    return node;
  }

  /// What is on the disk. Written when it is asked for: ten thousand EIDs change ten thousand times.
  const std::vector<lisp::SavedPresence>& saved_presences(const std::string& name) {
    Node& node = nodes_.at(name);
    if (std::exchange(node.presences_changed, false)) {
      node.presences = node.xtr->saved_presences(now);
      node.presences_at = now;
    }
    return node.presences;
  }

  /// Both ways.
  void set_delay(const std::string& a, const std::string& b, Duration one_way) {
    delays_[{a, b}] = delays_[{b, a}] = one_way;
  }
  Duration delay(const std::string& a, const std::string& b) const {
    const auto found = delays_.find({a, b});
    return found == delays_.end() ? default_delay : found->second;
  }

  /// f(xtr, at, actions): something happens at a node.
  template <class F>
  void act(const std::string& name, F&& f) {
    Node& node = nodes_.at(name);
    lisp::XtrActions actions;
    f(*node.xtr, instant(node), actions);
    follow(node, actions);
  }
  void arrive(const std::string& name, const lisp::EidPrefix& eid) {
    act(name, [&](lisp::Xtr& xtr, lisp::Instant at, lisp::XtrActions& actions) {
      xtr.arrived(at, xtr.own_record(eid), actions);
    });
  }
  /// A datagram from wherever it says.
  void inject(const lisp::IpAddress& from, const lisp::IpAddress& to, ByteVector message) {
    queue_.insert({now, [this, from, to, message = std::move(message)] { deliver(from, to, message); }});
  }
  /// A packet from a node of that router's site.
  void send(const std::string& name, const lisp::Eid& source, const lisp::Eid& destination) {
    send_from(nodes_.at(name), source, destination, now);
  }

  void run(Duration length) { run_until(now + length); }
  void run_until(TimePoint end) {
    for (;;) {
      Node* next = nullptr;
      TimePoint due = queue_.empty() ? never : std::max(now, queue_.begin()->first);
      for (auto& [name, node] : nodes_) {
        const TimePoint deadline = std::max(now, node.xtr->next_deadline());
        if (deadline >= due) continue;
        due = deadline;
        next = &node;
      }
      if (due > end) break;
      count_turns(due);
      now = due;
      if (next != nullptr) {
        act(next->name, [](lisp::Xtr& xtr, lisp::Instant at, lisp::XtrActions& actions) { xtr.on_time(at, actions); });
      } else {
        const auto first = queue_.extract(queue_.begin());
        first.mapped()();
      }
    }
    if (end > now) turns_ = 0;
    now = end;
  }

  lisp::Instant instant(const Node& node) const {
    const auto wall = std::chrono::duration_cast<microseconds>(now.time_since_epoch() + node.wall_ahead).count();
    return {now, began_at + static_cast<std::uint64_t>(wall)};
  }
  /// Messages of a type (first four bits) from one node since the log was cleared.
  std::vector<Sent> sent(const std::string& from, int type) const {
    std::vector<Sent> found;
    for (const Sent& one : log)
      if (one.from == from && one.datagram.message[0] >> 4 == type) found.push_back(one);
    return found;
  }
  std::size_t events_of(const std::string& name, lisp::XtrEvent::Kind kind) const {
    std::size_t count = 0;
    for (const auto& [at, event] : nodes_.at(name).events) count += event.kind == kind ? 1 : 0;
    return count;
  }

  static constexpr std::uint64_t began_at = 1'780'000'000'000'000;  ///< 2026
  TimePoint now{seconds{1000}};
  Duration default_delay = milliseconds{1};
  /// True: it is lost.
  std::function<bool(const Sent&)> loses = [](const Sent&) { return false; };
  std::vector<Sent> log;
  std::vector<Delivered> delivered;
  std::size_t undelivered = 0;
  FakeRandom random{42};
  FakeHmac hmac;

 private:
  static constexpr int most_turns_at_once = 100'000;

  void count_turns(TimePoint due) {
    turns_ = due == now ? turns_ + 1 : 0;
    if (turns_ > most_turns_at_once) throw std::runtime_error{"time stands still"};
  }

  Node* find(const lisp::IpAddress& address) {
    for (auto& [name, node] : nodes_)
      for (const lisp::IpAddress& own : node.addresses)
        if (own == address) return &node;
    return nullptr;
  }
  static lisp::IpAddress source_for(const Node& node, const lisp::IpAddress& to) {
    for (const lisp::IpAddress& own : node.addresses)
      if (own.family() == to.family()) return own;
    return {};
  }

  void follow(Node& node, lisp::XtrActions& actions) {
    if (actions.memory_changed) node.disk = node.xtr->memory();
    node.presences_changed |= actions.presences_changed;
    for (lisp::XtrEvent& event : actions.events) node.events.emplace_back(now, std::move(event));
    for (const auto& [eid, here] : actions.deliveries) node.delivers[eid] = here;
    for (lisp::ControlToSend& datagram : actions.datagrams) {
      log.push_back({now, node.name, datagram});
      const Node* to = find(datagram.to);
      if (to == nullptr || loses(log.back())) continue;
      const lisp::IpAddress from = datagram.from.value_or(source_for(node, datagram.to));
      queue_.insert(
          {now + delay(node.name, to->name), [this, from, datagram] { deliver(from, datagram.to, datagram.message); }});
    }
    for (const lisp::WaitingPacket& packet : actions.packets)
      send_from(node, packet.source, packet.destination, TimePoint{Duration{load_u64(packet.octets.data())}});
  }

  void deliver(const lisp::IpAddress& from, const lisp::IpAddress& to, const ByteVector& message) {
    Node* node = find(to);
    if (node == nullptr) return;
    act(node->name, [&](lisp::Xtr& xtr, lisp::Instant at, lisp::XtrActions& actions) {
      xtr.on_control(at, {from, to, lisp::control_port, message}, actions);
    });
  }

  void send_from(Node& node, const lisp::Eid& source, const lisp::Eid& destination, TimePoint sent_at) {
    ByteVector octets(100);
    store_u64(octets.data(), static_cast<std::uint64_t>(sent_at.time_since_epoch().count()));
    lisp::XtrActions actions;
    const auto verdict = node.xtr->route(now, source, destination, {}, Packet{octets, 0, octets.size()}, actions);
    follow(node, actions);
    if (verdict.kind == lisp::ItrVerdict::Kind::encapsulate)
      tunnel(node, verdict.rloc, source, destination, sent_at, false);
    else if (verdict.kind != lisp::ItrVerdict::Kind::waiting)
      ++undelivered;
  }

  void tunnel(const Node& from, const lisp::IpAddress& rloc, const lisp::Eid& source, const lisp::Eid& destination,
              TimePoint sent_at, bool relayed) {
    const Node* to = find(rloc);
    if (to == nullptr) {
      ++undelivered;
      return;
    }
    const lisp::IpAddress outer = source_for(from, rloc);
    queue_.insert({now + delay(from.name, to->name), [=, this] {
                     Node* at = find(rloc);
                     if (at != nullptr) decapsulate(*at, outer, source, destination, sent_at, relayed);
                   }});
  }

  void decapsulate(Node& node, const lisp::IpAddress& outer, const lisp::Eid& source, const lisp::Eid& destination,
                   TimePoint sent_at, bool relayed) {
    const lisp::EidPlace place = node.xtr->place_of(now, destination);
    lisp::XtrActions actions;
    if (!relayed) node.xtr->on_data(instant(node), destination, outer, actions);
    if (place.kind == lisp::EidPlace::Kind::site) delivered.push_back({sent_at, now, node.name, relayed});
    if (place.kind == lisp::EidPlace::Kind::remote || relayed) undelivered += place.kind != lisp::EidPlace::Kind::site;
    if (place.kind == lisp::EidPlace::Kind::away && !relayed) {
      for (const lisp::RlocRecord& rloc : place.elsewhere->rlocs)
        if (rloc.priority != lisp::never_use && rloc.is_reachable)
          return tunnel(node, rloc.address, source, destination, sent_at, true), follow(node, actions);
    }
    follow(node, actions);
  }

  std::map<std::string, Node> nodes_;
  std::map<std::pair<std::string, std::string>, Duration> delays_;
  std::multimap<TimePoint, std::function<void()>> queue_;
  int turns_ = 0;
};

}  // namespace ilnp::test
