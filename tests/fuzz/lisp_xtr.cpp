// SPDX-License-Identifier: Apache-2.0
// One LISP router with an embedded Map-Server, driven by a script: each step is an octet of kind, one of detail, and
// for a datagram two of length and its octets. Datagrams come from peers, strangers and the router itself, some with
// good authentication and with the nonce of what the router sent last; time passes; nodes come and go; the router is
// killed and started. Time never stands still, and what is kept is bounded.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "core/lisp/encapsulated_control.h"
#include "core/lisp/message_type.h"
#include "core/lisp/xtr.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/lisp_seal.h"
#include "tests/support/fakes.h"

using namespace ilnp;
using namespace ilnp::lisp;

namespace {

const ByteVector secret{'s', 'e', 'c', 'r', 'e', 't'};
constexpr std::size_t capacity = 64, most_clients = 128, most_steps = 400, most_turns = 20'000;

IpAddress ip(const char* text) { return *parse_ip_address(text); }
EidPrefix eids(const char* text) { return {0, *parse_ip_prefix(text)}; }

enum Source : std::uint8_t { server, second_gateway, client, hypervisor, thesis, openlisp, stranger, itself };
std::array<IpAddress, 8> sources() {
  return {ip("2001:db8:53::53"), ip("2001:db8:a2::1"), ip("2001:db8:c1::1"), ip("2001:db8:b::1"),
          ip("2001:db8:a3::1"),  ip("192.0.2.9"),      ip("2001:db8:f::1"),  ip("2001:db8:a1::1")};
}

XtrPeer peer(Source source, RawChangePriority raw = RawChangePriority::off) {
  XtrPeer one;
  one.name = std::to_string(source);
  one.addresses = {sources().at(source)};
  one.secrets = {{{7, 2}, secret}, {{0, 1}, secret}};
  one.scope = {eids("2001:db8:e1d::/64"), eids("10.8.0.0/16")};
  one.is_gateway = source != client && source != hypervisor;
  one.may_announce = source == hypervisor || source == openlisp;
  one.raw = raw;
  return one;
}

XtrMapServer map_server(Source source, PeerProfile profile) {
  XtrMapServer one;
  one.name = std::to_string(source);
  one.address = sources().at(source);
  one.secrets = {{{1, 2}, secret}, {{0, 1}, secret}};
  one.profile = profile;
  one.subscribes = true;
  return one;
}

XtrSettings settings() {
  XtrSettings s;
  s.own.xtr[15] = 1;
  s.underlay.rlocs = {ip("2001:db8:a1::1"), ip("192.0.2.1")};
  s.rlocs = {{.address = ip("192.0.2.1")}, {.address = ip("2001:db8:a1::1")}};
  s.map_resolvers = {ip("2001:db8:53::53"), ip("2001:db8:a1::1")};
  s.map_servers = {map_server(server, PeerProfile::lispers), map_server(itself, PeerProfile::generic)};
  s.peers = {peer(second_gateway), peer(client), peer(hypervisor), peer(thesis, RawChangePriority::thesis),
             peer(openlisp, RawChangePriority::openlisp)};
  s.site = {eids("2001:db8:a1e::/48"), eids("10.9.1.0/24")};
  s.mobile = {eids("2001:db8:e1d::/64"), eids("10.8.0.0/16")};
  s.static_mappings = {{.ttl = 1, .eid = eids("2001:db8:57a::/48"), .rlocs = {{.address = ip("2001:db8:57::1")}}}};
  s.cache.capacity = capacity;
  s.clients.most = most_clients;
  XtrSettings::Server::Site site;
  site.site.prefixes = {
      {eids("2001:db8:e1d::/64"), true}, {eids("2001:db8:a1e::/48"), true}, {eids("10.8.0.0/15"), true}};
  site.secrets = {{{1, 2}, secret}, {{0, 1}, secret}};
  s.server.sites = {site};
  s.server.subscriber_secrets = {{{1, 2}, secret}};
  s.server.tuning.most_registrations = capacity;
  return s;
}

class Script {
 public:
  Script() { start(std::nullopt); }

  void run(ByteReader in) {
    for (std::size_t steps = 0; steps < most_steps && !in.empty() && in.ok(); ++steps) {
      const std::uint8_t kind = in.u8(), detail = in.u8();
      switch (kind % 8) {
        case 0:
        case 1:
        case 2: {
          const std::size_t length = in.u16();
          receive(in.take(std::min(length, in.remaining())), detail, kind % 8 > 0, kind % 8 == 2);
          break;
        }
        case 3:
          pass(milliseconds{1} * (1 << detail % 20));
          break;
        case 4:
          node(detail % 32, detail / 32);
          break;
        case 5:
          reflect(detail);
          break;
        case 6:
          start(detail % 2 == 0 ? std::nullopt : std::optional{xtr_->memory()});
          break;
        case 7:
          wall_ahead_ = detail % 2 == 0 ? 0 : std::uint64_t{3'600'000'000};
          break;
      }
      check();
    }
    pass(seconds{300});
    check();
  }

 private:
  Instant at() const {
    const auto wall = std::chrono::duration_cast<microseconds>(now_.time_since_epoch()).count();
    return {now_, 1'780'000'000'000'000 + static_cast<std::uint64_t>(wall) + wall_ahead_};
  }
  void start(std::optional<XtrMemory> memory) {
    xtr_ = std::make_unique<Xtr>(settings(), std::move(memory), random_, hmac_);
  }

  ByteVector sealed(Bytes message) {
    if (message.size() < 4) return {message.begin(), message.end()};
    const auto by = [&](std::string_view salt, bool has_sender) {
      return fuzz::sealed_again(message, salt, has_sender, secret, hmac_);
    };
    switch (message[0] >> 4) {
      case 3:
        return by(salt::map_register, (message[0] & 2) != 0);
      case 4:
        return by(salt::map_notify, (message[0] & 8) != 0);
      case 5:
        return (message[0] & 15) == 8 ? by(salt::map_notify_ack, true) : by({}, false);
      case 15:
        return by(salt::change_priority, true);
      default:
        return {message.begin(), message.end()};
    }
  }
  /// Of what was sent last.
  std::uint64_t last_nonce() const {
    if (sent_.empty()) return 0;
    const ByteVector& message = sent_.back().message;
    const auto envelope = parse_encapsulated_control(message);
    const Bytes inner = envelope.has_value() ? envelope.value().message : Bytes{message};
    return inner.size() < 12 ? 0 : load_u64(inner.data() + 4);
  }
  void receive(Bytes octets, std::uint8_t from, bool seals, bool answers) {
    ByteVector message{octets.begin(), octets.end()};
    if (answers && message.size() >= 12) store_u64(message.data() + 4, last_nonce());
    if (seals) message = sealed(message);
    deliver(sources().at(from % 8), (from & 8) != 0 ? std::uint16_t{40'000} : control_port, message);
  }
  void deliver(const IpAddress& from, std::uint16_t port, Bytes message) {
    const IpAddress to = from.is_ipv4() ? ip("192.0.2.1") : ip("2001:db8:a1::1");
    xtr_->on_control(at(), {from, to, port, message}, actions_);
  }
  void reflect(std::uint8_t which) {
    if (sent_.empty()) return;
    const ControlToSend datagram = sent_[which % sent_.size()];
    deliver(datagram.to, control_port, datagram.message);
  }

  void node(std::uint8_t which, std::uint8_t event) {
    const bool is_ipv4 = which % 4 == 3;
    const Eid eid{0, is_ipv4 ? IpAddress::v4(0x0a08'0000u + which) : IpAddress{Address{{0x20010db80e1d0000}, {which}}}};
    const EidPrefix host = EidPrefix::host(eid);
    switch (event) {
      case 0:
        return xtr_->arrived(at(), xtr_->own_record(host), actions_);
      case 1:
        return xtr_->not_here(at(), host, actions_);
      case 2:
        return xtr_->locators_gone(now_, host);
      case 3:
        return xtr_->locators_back(now_, host);
      case 4:
        return xtr_->will_move(at(), host, actions_);
      case 5:
        return xtr_->heard(now_, host);
      case 6:
        return xtr_->on_data(at(), eid, sources().at(which % 8), actions_);
      default: {
        ByteVector octets(100);
        const Packet packet{octets, 0, octets.size()};
        xtr_->route(now_, {0, ip("2001:db8:a1e::1")}, eid, {}, packet, actions_);
      }
    }
  }

  void pass(Duration length) {
    const TimePoint end = now_ + length;
    for (std::size_t turns = 0; xtr_->next_deadline() <= end; ++turns) {
      FUZZ_REQUIRE(turns < most_turns);
      now_ = std::max(now_, xtr_->next_deadline());
      xtr_->on_time(at(), actions_);
      keep();
    }
    now_ = end;
  }
  /// The last datagrams.
  void keep() {
    for (ControlToSend& datagram : actions_.datagrams) {
      FUZZ_REQUIRE(!datagram.message.empty());
      sent_.push_back(std::move(datagram));
    }
    if (sent_.size() > 64) sent_.erase(sent_.begin(), sent_.end() - 64);
    actions_.clear();
  }
  void check() {
    keep();
    FUZZ_REQUIRE(xtr_->cache().size() <= capacity);
    FUZZ_REQUIRE(xtr_->clients().size() <= most_clients);
    FUZZ_REQUIRE(xtr_->server()->registrations() <= capacity + max_records_at_once);
  }
  static constexpr std::size_t max_records_at_once = 255;

  test::FakeRandom random_{7};
  test::FakeHmac hmac_;
  TimePoint now_{seconds{1000}};
  std::uint64_t wall_ahead_ = 0;
  std::unique_ptr<Xtr> xtr_;
  XtrActions actions_;
  std::vector<ControlToSend> sent_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script script;
  script.run(ByteReader{{data, size}});
  return 0;
}
