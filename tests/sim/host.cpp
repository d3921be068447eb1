// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/host.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/ilnp/text.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp::sim {

namespace {
std::uint32_t interface_of(const Site& site) { return static_cast<std::uint32_t>(site.locator.bits >> 16 & 0xffff); }
}  // namespace

Host::Host(World& in_world, std::string its_name, Directory& names, Tuning tuning, NodeId nid)
    : Node{in_world, std::move(its_name)},
      names_{names},
      tuning_{tuning},
      nid_{nid == NodeId{} ? NodeId{in_world.random().u64() & 0xfcff'ffff'ffff'ffff} : nid},
      random_{in_world.random().u64()},
      kernel_{in_world, *this, [this](ByteVector packet) { from_kernel(std::move(packet)); }} {
  make_forwarder();
}

void Host::make_forwarder() {
  forwarder_ = std::make_unique<HostForwarder>(tuning_, identity_prefix, random_, hasher_);
  forwarder_->add_own_nid(nid_);
  forwarder_->use_ephemeral_nids(!made_.empty());
}

void Host::use_ephemeral_nids(std::size_t ready) {
  provision(ready);
  forwarder_->use_ephemeral_nids(true);
}

void Host::provision(std::size_t ready) {
  while (forwarder_->nids().ready().size() < ready) {
    const NodeId nid{random_.u64() & 0xfcff'ffff'ffff'ffff};
    if (!forwarder_->nids().provision(nid)) return;
    made_.insert(nid);
  }
}

// --- Locators

void Host::attach(Site& site, std::uint16_t preference) {
  join(site);
  preferences_.emplace_back(&site, preference);
  world().note(*this, "up " + site.name);
  OwnLocator own;
  own.locator = site.locator;
  own.interface = interface_of(site);
  own.preference = preference;
  own.mtu = site.link_mtu;
  forwarder_->locator_up(world().now(), own, actions_);
  perform();
  publish();
}

void Host::detach(Site& site) {
  leave(site);
  std::erase_if(preferences_, [&](const auto& p) { return p.first == &site; });
  world().note(*this, "down " + site.name);
  forwarder_->locator_down(world().now(), site.locator, interface_of(site), actions_);
  perform();
  publish();
}

void Host::move_hard(Site& to, Duration gap) {
  for (Site* old : std::vector<Site*>{sites()})
    if (old != &to || gap > Duration{}) detach(*old);
  if (gap == Duration{})
    attach(to);
  else
    world().after(gap, [this, &to] { attach(to); });
}

void Host::move_soft(Site& to, Duration overlap) {
  const std::vector<Site*> before = sites();
  attach(to);
  world().after(overlap, [this, before, &to] {
    for (Site* old : before)
      if (old != &to && attached(*old) && attached(to)) detach(*old);
  });
}

Site* Host::best_site() const {
  Site* best = nullptr;
  std::uint16_t lowest = 0xffff;
  for (const auto& [site, preference] : preferences_) {
    if (preference > lowest) continue;
    lowest = preference;
    best = site;
  }
  return best;
}

/// After the change is settled for the publication delay; a newer change replaces it.
void Host::publish() {
  if (!publishes) return;
  const std::uint64_t mine = ++publication_;
  world().after(names_.publication_delay, [this, mine] {
    if (mine != publication_ || sites().empty() || !names_.reachable) return;
    Directory::Entry entry{nid_, {}};
    for (const auto& [site, preference] : preferences_)
      entry.locators.push_back({site->locator, preference, seconds{0}});
    names_.publish(name(), entry);
  });
}

// --- Names and sessions

void Host::resolve(const std::string& peer, std::function<void(std::optional<Address>)> then) {
  resolve(peer, forwarder_->default_local(), std::move(then));
}

void Host::resolve(const std::string& peer, NodeId local, std::function<void(std::optional<Address>)> then) {
  world().after(names_.lookup_delay / 2, [this, peer, local, then = std::move(then)] {
    if (sites().empty() || !names_.reachable) return;
    world().after(names_.lookup_delay / 2, [this, peer, local, then, entry = names_.find(peer)] {
      std::optional<Address> identity;
      if (entry) identity = forwarder_->resolved(world().now(), peer, local, entry->nid, entry->locators, actions_);
      perform();
      then(identity);
    });
  });
}

std::optional<Address> Host::resolved(const std::string& peer) {
  std::optional<Address> answer;
  resolve(peer, [&answer](std::optional<Address> identity) { answer = identity; });
  world().advance(names_.lookup_delay);
  return answer;
}

void Host::query(const NameQuery& query) {
  const std::string peer = query.name.empty() ? names_.name_of(query.identity.nid) : query.name;
  if (!peer.empty() && names_.find(peer)) {
    resolve(peer, query.local, [](const std::optional<Address>&) {});
    return;
  }
  world().after(names_.lookup_delay, [this, identity = query.identity] {
    if (sites().empty() || !names_.reachable) return;
    forwarder_->not_resolved(world().now(), identity, actions_);
    perform();
  });
}

UdpSender& Host::send_every(Duration interval, Host& peer, std::uint16_t port, std::size_t size) {
  const auto remote = resolved(peer.name());
  EXPECT_TRUE(remote) << name() << " cannot resolve " << peer.name();
  peer.kernel().listen_udp(port);
  return kernel_.send_every(interval, unbound(), remote.value_or(Address{}), port, size);
}

TcpStream& Host::connect(Host& peer, std::uint16_t port) {
  const auto remote = resolved(peer.name());
  EXPECT_TRUE(remote) << name() << " cannot resolve " << peer.name();
  return kernel_.connect(unbound(), remote.value_or(Address{}), port);
}

void Host::restart(bool keeps_state) {
  const ByteVector saved = forwarder_->save(world().now());
  for (std::size_t i = 0; i < earlier_drops_.size(); ++i)
    earlier_drops_[i] += forwarder_->drops(static_cast<DropReason>(i));
  make_forwarder();
  world().note(*this, keeps_state ? "restarts with its state" : "restarts without state");
  if (keeps_state) {
    EXPECT_TRUE(forwarder_->restore(world().now(), saved, actions_));
  }
  if (!made_.empty()) use_ephemeral_nids();
  for (const auto& [site, preference] : preferences_) {
    OwnLocator own;
    own.locator = site->locator;
    own.interface = interface_of(*site);
    own.preference = preference;
    own.mtu = site->link_mtu;
    forwarder_->locator_up(world().now(), own, actions_);
  }
  perform();
}

// --- Packets

void Host::from_kernel(ByteVector bytes) {
  if (Address::load(bytes.data() + 8).locator != identity_prefix) {  // plain IPv6 from one of our I-LVs
    const Locator source = Address::load(bytes.data() + 8).locator;
    const bool there = std::any_of(sites().begin(), sites().end(), [&](const Site* s) { return s->locator == source; });
    if (there) world().transmit(*this, std::move(bytes));
    return;
  }
  ByteVector buffer(packet_headroom + bytes.size());
  std::copy(bytes.begin(), bytes.end(), buffer.begin() + packet_headroom);
  Packet packet{buffer, packet_headroom, bytes.size()};
  const Verdict verdict = forwarder_->outbound(world().now(), packet, actions_);
  if (verdict.disposition == Disposition::to_wire) {
    const Bytes out = std::as_const(packet).bytes();
    world().transmit(*this, ByteVector(out.begin(), out.end()));
  }
  perform();
}

void Host::receive(ByteVector bytes, Site& from) {
  const TimePoint now = world().now();
  Packet packet{bytes, 0, bytes.size()};
  const Verdict verdict = forwarder_->inbound(now, packet, interface_of(from), actions_);
  if (verdict.disposition == Disposition::dropped && verdict.reason != DropReason::none)
    world().note(*this, std::string{"drops: "} + name_of(verdict.reason));
  if (verdict.disposition == Disposition::held) world().note(*this, "keeps it until the sender is proven");
  const bool for_kernel =
      verdict.disposition == Disposition::to_kernel && Address::load(packet.data() + 24).nid == nid_;
  if (verdict.disposition == Disposition::to_identity || for_kernel) {
    const Bytes in = std::as_const(packet).bytes();
    ByteVector copy(in.begin(), in.end());
    // The shim has the I-LV's echo requests without nonce answered by the kernel like any other plain IPv6.
    perform();
    kernel_.input(std::move(copy));
  }
  perform();
}

void Host::perform() {
  if (actions_.empty()) return;
  Actions todo;
  std::swap(todo, actions_);
  const TimePoint now = world().now();
  for (const HostEvent& event : todo.events) {
    events_.emplace_back(now, event);
    world().note(*this, std::string{name_of(event.kind)} + " " + to_text(event.locator) + " " + event.reason);
  }
  for (OutPacket& packet : todo.to_wire) world().transmit(*this, std::move(packet.bytes));
  for (OutPacket& packet : todo.to_identity)
    world().at(now, [this, bytes = std::move(packet.bytes)] { kernel_.input(bytes); });
  for (const NameQuery& q : todo.name_queries) query(q);
  for (const CorrespondentId id : todo.flow_checks) {
    if (!answers_flow_checks) continue;
    const Correspondent* c = forwarder_->ilcc().at(id);
    if (c != nullptr) forwarder_->set_pinned(now, id, kernel_.has_sockets_with(c->identity));
  }
}

// --- Time and inspection

void Host::on_time() {
  if (forwarder_->next_deadline() <= world().now()) {
    forwarder_->on_time(world().now(), actions_);
    perform();
  }
  if (kernel_.next_deadline() <= world().now()) kernel_.on_time();
}

TimePoint Host::next_deadline() const { return std::min(forwarder_->next_deadline(), kernel_.next_deadline()); }

Correspondent* Host::session(const Host& peer) {
  Correspondent* found = nullptr;
  forwarder_->ilcc().for_each([&](Correspondent& c) {
    if (c.remote_nid() != peer.nid() || !c.is_session()) return;
    EXPECT_EQ(found, nullptr) << name() << " has more than one session with " << peer.name();
    found = &c;
  });
  return found;
}

Locator Host::target(const Correspondent& c) {
  const RemoteLocator* best = c.remote.best(0, c.state == PeerState::tentative_out);
  return best == nullptr ? Locator{} : best->locator;
}

Correspondent* Host::entry(NodeId peer) { return forwarder_->ilcc().find_pair(nid_, peer); }

std::uint64_t Host::drops(DropReason reason) const {
  return earlier_drops_[static_cast<std::size_t>(reason)] + forwarder_->drops(reason);
}

int Host::count(EventKind kind) const {
  return static_cast<int>(
      std::count_if(events_.begin(), events_.end(), [&](const auto& e) { return e.second.kind == kind; }));
}

std::string Host::summary() {
  std::string text = name() + ":";
  for (Site* site : sites()) text += " at " + site->name + " " + to_text(site->locator);
  forwarder_->ilcc().for_each([&](Correspondent& c) {
    text += "\n  " + to_string(c.identity) + " " + name_of(c.state) + " uses " + to_text(c.using_local) + " > " +
            to_text(c.using_remote);
    if (c.lu_sender != nullptr && c.lu_sender->unacknowledged())
      text += " LU unacknowledged after " + std::to_string(c.lu_sender->transmissions());
    for (const RemoteLocator& l : c.remote.all())
      text += "\n    " + to_text(l.locator) + " " + std::to_string(l.preference) + " " + name_of(l.validity) + " " +
              name_of(l.reach) + " " + name_of(l.source) + (l.receive_only ? " receive-only" : "");
  });
  for (std::size_t i = 1; i < static_cast<std::size_t>(DropReason::count); ++i)
    if (const auto n = drops(static_cast<DropReason>(i)); n != 0)
      text += "\n  " + std::string{name_of(static_cast<DropReason>(i))} + " " + std::to_string(n);
  return text + "\n";
}

// --- A node without ILNP

PlainNode::PlainNode(World& in_world, std::string its_name, Site& site, NodeId nid, OptionReply reply)
    : Node{in_world, std::move(its_name)},
      nid_{nid},
      reply_{reply},
      kernel_{in_world, *this, [this](ByteVector packet) { world().transmit(*this, std::move(packet)); }} {
  join(site);
  kernel_.route_mtu = site.link_mtu;
}

void PlainNode::receive(ByteVector bytes, Site&) {
  const WalkOutcome outcome = walk_headers(bytes);
  if (!outcome.ok) return;
  if (!outcome.walk.has_nonce()) {
    kernel_.input(std::move(bytes));
    return;
  }
  switch (reply_) {
    case OptionReply::silence:
      return;
    case OptionReply::plain_reply: {  // strips what it does not know, and answers as always
      Packet packet{bytes, 0, bytes.size()};
      strip_nonce(packet, outcome.walk);
      const Bytes in = std::as_const(packet).bytes();
      kernel_.input(ByteVector(in.begin(), in.end()));
      return;
    }
    case OptionReply::parameter_problem: {
      ++parameter_problems;
      const ByteVector error =
          build_error(icmpv6::parameter_problem, icmpv6::unrecognised_option, outcome.walk.nonce_option, bytes);
      world().transmit(*this,
                       build_packet({outcome.walk.destination}, outcome.walk.source, next_header::icmpv6, error));
      return;
    }
  }
}

}  // namespace ilnp::sim
