// SPDX-License-Identifier: Apache-2.0
// Whether uplinks work: carrier, neighbour and probes in, states of the rewriter's uplinks out; and how large packets
// may be on the links to other sites.
#include "core/ipv6/icmpv6.h"
#include "sbr/src/daemon.h"

namespace ilnp {
namespace {

constexpr Duration solicit_interval = seconds{1};

constexpr std::size_t smallest_echo = 48;  ///< octets: IPv6 and ICMPv6 header

ByteVector echo_request(const Address& source, const Address& destination, std::uint16_t identifier,
                        std::uint16_t sequence, std::size_t octets) {
  ByteVector message;
  ByteWriter out{message};
  out.u8(icmpv6::echo_request);
  out.zeros(3);
  out.u16(identifier);
  out.u16(sequence);
  out.zeros(octets - smallest_echo);
  return build_packet(source, destination, next_header::icmpv6, message);
}

}  // namespace

void Daemon::watch_uplinks() {
  uplinks_ = std::make_unique<UplinkWatch>(
      settings_.liveness, settings_.uplinks.size(), static_cast<std::uint16_t>(random_.u64()),
      [this](UplinkId id, std::uint16_t identifier, std::uint16_t sequence) { probe(id, identifier, sequence); },
      [this](UplinkId id, UplinkState before, UplinkState now) { on_uplink_change(id, before, now); });
  links_ = std::make_unique<LinkWatch>(
      settings_.links, static_cast<std::uint16_t>(random_.u64()),
      [this](const SiteLinkSettings& link, std::uint16_t identifier, const LinkMtu::Probe& probe) {
        send_echo_request(Side::link(link.number), link.router, identifier, probe.sequence, probe.octets);
      },
      [this](const SiteLinkSettings& link, std::size_t octets) { on_link_mtu(link, octets); });
  echo_watch_ = std::make_unique<Watch>(loop_, echoes_->fd(), [this] { return drain_echoes(); });
}

void Daemon::uplinks_changed() {
  const TimePoint now = loop_.now();
  for (std::size_t k = 0; k < settings_.uplinks.size(); ++k) {
    const auto id = static_cast<UplinkId>(k);
    const unsigned ifindex = paths_.interface_of(Side::uplink(id));
    const bool carrier = ifindex != 0 && interfaces_.find(ifindex)->carrier;
    uplinks_->on_carrier(now, id, carrier);
    if (names_->on_carrier(now, id, carrier)) next_solicit_ = {};
    if (const auto gateway = paths_.gateway(id)) next_hops_->prepare(now, {ifindex, *gateway});
  }
  solicit_routers();
  arm_timer();
}

void Daemon::links_changed() {
  const TimePoint now = loop_.now();
  for (const SiteLinkSettings& link : settings_.links) {
    const Interface* interface = interfaces_.find(paths_.interface_of(Side::link(link.number)));
    if (interface != nullptr && interface->carrier)
      links_->on_up(now, link.number, link.mtu.value_or(interface->mtu));
    else
      links_->on_down(link.number);
  }
  arm_timer();
}

void Daemon::send_echo_request(Side to, const Address& target, std::uint16_t identifier, std::uint16_t sequence,
                               std::size_t octets) {
  const Interface* interface = interfaces_.find(paths_.interface_of(to));
  if (interface == nullptr) return;
  const auto source = target.is_link_local() ? interface->link_local_address() : interface->global_address();
  if (!source) return;
  ByteVector bytes = echo_request(*source, target, identifier, sequence, octets);
  send(loop_.now(), to, Packet{bytes, 0, bytes.size()});
}

void Daemon::on_link_mtu(const SiteLinkSettings& link, std::size_t octets) {
  rewriter_->set_link_mtu(link.number, octets);
  log_event(LogLevel::info, "link_mtu", {{"site", link.name}, {"octets", octets}});
}

/// One that answers is enough.
void Daemon::probe(UplinkId id, std::uint16_t identifier, std::uint16_t sequence) {
  std::vector<Address> targets = settings_.uplinks[id].probes;
  if (const auto gateway = paths_.gateway(id); targets.empty() && gateway) targets.push_back(*gateway);
  for (const Address& target : targets)
    send_echo_request(Side::uplink(id), target, identifier, sequence, smallest_echo);
}

bool Daemon::drain_echoes() {
  const EchoSocket::Batch batch = echoes_->receive();
  const TimePoint now = loop_.now();
  for (const EchoReply& reply : batch.replies) {
    const auto side = paths_.side_of(reply.ifindex);
    if (!side) continue;
    if (side->kind == Side::Kind::link)
      links_->on_answer(now, side->number, reply.source, reply.identifier, reply.sequence);
    if (side->kind != Side::Kind::uplink) continue;
    const std::vector<Address>& targets = settings_.uplinks[side->number].probes;
    const bool asked = targets.empty() ? paths_.gateway(side->number) == reply.source
                                       : std::find(targets.begin(), targets.end(), reply.source) != targets.end();
    if (asked) uplinks_->on_answer(now, side->number, reply.identifier, reply.sequence);
  }
  arm_timer();
  return batch.more;
}

void Daemon::on_uplink_change(UplinkId id, UplinkState before, UplinkState now) {
  constexpr const char* names[] = {"up", "suspect", "down"};
  set_uplink(id);
  // Suspicion comes and goes with a lost probe.
  const bool matters = before == UplinkState::down || now == UplinkState::down;
  log_event(!matters                   ? LogLevel::debug
            : now == UplinkState::down ? LogLevel::warning
                                       : LogLevel::info,
            "uplink_changed",
            {{"uplink", settings_.uplinks[id].name},
             {"before", names[static_cast<int>(before)]},
             {"state", names[static_cast<int>(now)]}});
  if (matters) names_changed();
}

void Daemon::on_router_advertisement(unsigned ifindex, const RouterAdvertisement& message) {
  const auto side = paths_.side_of(ifindex);
  if (!side || side->kind != Side::Kind::uplink) return;
  const bool renamed = names_->on_advertisement(loop_.now(), side->number, message);
  if (renamed) {
    set_uplink(side->number);
    names_changed();
  }
  arm_timer();
}

/// What the rewriter knows of an uplink, by each of its numbers. Former names are as bad as those of a former home.
void Daemon::set_uplink(UplinkId id) {
  const UplinkSettings& settings = settings_.uplinks[id];
  for (const LearntNames::Names& names : names_->of(id)) {
    Uplink& uplink = rewriter_->uplinks()[names.number];
    uplink.configured = names.exist;
    uplink.state = (*uplinks_)[id].state();
    uplink.preference = static_cast<std::uint16_t>(settings.preference + (names.are_former ? former_preference : 0));
    uplink.weight = settings.weight;
  }
}

/// The names of the nodes inside, or which of them are better.
void Daemon::names_changed() {
  const TimePoint now = loop_.now();
  rewriter_->names_changed(now);
  publisher_.names_changed(now, rewriter_->map(), rewriter_->uplinks());
  arm_timer();
}

/// Uplinks whose gateway or prefix is to be learnt and is not known.
void Daemon::solicit_routers() {
  const TimePoint now = loop_.now();
  if (now < next_solicit_) return;
  next_solicit_ = now + solicit_interval;
  for (const auto& [ifindex, side] : paths_.sides()) {
    if (side.kind != Side::Kind::uplink) continue;
    if (paths_.gateway(side.number) && !names_->wants_news(now, side.number)) continue;
    const Interface* interface = interfaces_.find(ifindex);
    if (interface->carrier) (void)neighbour_discovery_->solicit_routers(ifindex, interface->mac);
  }
}

}  // namespace ilnp
