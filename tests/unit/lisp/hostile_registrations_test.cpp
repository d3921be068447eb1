// SPDX-License-Identifier: Apache-2.0
// A million Map-Registers that must not count, in any order: replayed, reordered, forged, overclaiming. They come at
// twenty thousand a second in virtual time from sixty thousand addresses, so that the limit for one source lets nearly
// all of them through, and their authentication, their nonces and their claims are what stops them.
#include <random>

#include "io/crypto/crypto.h"
#include "tests/unit/lisp/xtr_attacker.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ILNP_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ILNP_IS_SANITIZED 1
#endif
#endif

namespace ilnp::lisp {
namespace {

#ifdef ILNP_IS_SANITIZED
constexpr int hostile_messages = 50'000;
#else
constexpr int hostile_messages = 1'000'000;
#endif

class HostileRegistrationsTest : public XtrAttacker {
 protected:
  static constexpr std::uint64_t routers = 10, eids = 200, held_back = 3;

  HostileRegistrationsTest() {
    XtrSettings settings = server();
    settings.server.sites[0].site.prefixes = {{vms, true}};
    XtrSettings::Server::Site other;
    other.site.name = "other";
    other.site.nonce_check = NonceCheck::unique;
    other.site.prefixes = {{clients, true}};
    other.secrets = {secret("others", 2)};
    settings.server.sites.push_back(other);
    map_server.emplace(std::move(settings), std::nullopt, world.random, hmac);
  }

  static EidPrefix node(std::uint64_t n) { return {0, IpPrefix::host(Address{{0x2001'0db8'0e1d'0000}, {n}})}; }
  static IpAddress router_address(std::uint64_t n) {
    return IpAddress{Address{{0x2001'0db8'00a1'0000}, {n % routers + 1}}};
  }
  MapRegister claim(const EidPrefix& eid, std::uint64_t router, std::uint64_t nonce) const {
    MapRegister message = registration("2001:db8:e1d::1/128", g1_address, nonce);
    message.records[0].eid = eid;
    message.records[0].rlocs[0].address = router_address(router);
    message.sender = identity(static_cast<std::uint8_t>(router % routers + 1));
    return message;
  }
  ByteVector seal(const MapRegister& message, const Secret& with) {
    return encode_map_register(message, key_of(with), hmac);
  }
  void deliver(const IpAddress& from, Bytes message) {
    actions.clear();
    const std::uint64_t wall =
        test::LispWorld::began_at + static_cast<std::uint64_t>(now.time_since_epoch() / microseconds{1});
    map_server->on_control({now, wall}, {from, ip(server_address), control_port, message}, actions);
    answers += actions.datagrams.size();
  }

  /// What the routers say, by turns; some of it is kept from the Map-Server, and newer messages arrive instead.
  void register_everything() {
    for (std::uint64_t n = 0; n < eids; ++n) {
      const std::uint64_t nonce = 1000 + n * 100;
      for (std::uint64_t k = 1; k <= held_back; ++k) {
        MapRegister former = claim(node(n), n, nonce - k);
        former.records[0].rlocs[0].address = router_address(n + 1);
        late.push_back(seal(former, secret("registration")));
      }
      seen.push_back(seal(claim(node(n), n, nonce), secret("registration")));
      deliver(router_address(n), seen.back());
    }
    const EidPrefix branch = eid_prefix("2001:db8:c1e::/56");
    MapRegister theirs = claim(branch, 3, 77);
    theirs.key = {2, 2};
    seen.push_back(seal(theirs, secret("others", 2)));
    deliver(router_address(3), seen.back());
    registered = eids + 1;
  }

  std::uint64_t below(std::uint64_t end) { return chance() % end; }
  const ByteVector& any_of(const std::vector<ByteVector>& messages) { return messages[below(messages.size())]; }

  ByteVector forged() {
    const MapRegister message = claim(node(below(2 * eids)), below(250), 1'000'000 + chance() % 1'000'000'000);
    if (below(2) == 0) return seal(message, secret("guess"));
    ByteVector octets = any_of(seen);
    switch (below(3)) {
      case 0:  // any bit
        octets[below(octets.size())] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 1:  // a greater nonce
        store_u64(octets.data() + 4, load_u64(octets.data() + 4) + 1 + below(1'000'000));
        break;
      default:  // no authentication at all, another algorithm, another key
        octets[12 + below(4)] = static_cast<std::uint8_t>(chance());
        octets[5] ^= 1;
        break;
    }
    if (below(8) == 0) octets.resize(below(octets.size() + 1));
    return octets;
  }
  /// Under a good key, with a good nonce.
  ByteVector overclaiming() {
    MapRegister message = claim(node(below(eids)), below(routers), 1'000'000'000 + chance() % 1'000'000'000);
    switch (below(4)) {
      case 0:
        message.records[0].eid = eid_prefix("2001:db8::/32");
        break;
      case 1:  // another site's
        message.records[0].eid = clients;
        break;
      case 2:  // a part of it
        message.records.push_back(mapping("2001:db8:c1e:7::/64", {rloc("2001:db8:bad::1")}));
        break;
      default:  // all sites, of the other one's key
        message.key = {2, 2};
        return seal(message, secret("others", 2));
    }
    return seal(message, secret("registration"));
  }
  ByteVector hostile() {
    switch (below(4)) {
      case 0:
        return any_of(seen);
      case 1:
        return any_of(late);
      case 2:
        return forged();
      default:
        return overclaiming();
    }
  }

  OpensslHmac hmac;
  std::mt19937_64 chance{20'261'122};
  std::optional<Xtr> map_server;
  TimePoint now{seconds{1000}};
  XtrActions actions;
  std::vector<ByteVector> seen, late;
  std::size_t answers = 0;
  std::uint64_t registered = 0;
};

TEST_F(HostileRegistrationsTest, NoneOfAMillionIsAccepted) {
  register_everything();
  const MapServer& machine = *map_server->server();
  ASSERT_EQ(machine.counter(MapServerReason::registered), registered);
  ASSERT_EQ(answers, registered) << "each was confirmed";
  const std::size_t nonces = machine.nonces().size();
  answers = 0;
  for (int i = 0; i < hostile_messages; ++i) {
    now += microseconds{50};
    const IpAddress from{Address{{0x2001'0db8'bad0'0000}, {below(60'000)}}};
    deliver(from, hostile());
    ASSERT_EQ(machine.registrations(), registered) << i;
    ASSERT_EQ(actions.datagrams.size(), 0u) << i;
  }
  EXPECT_EQ(machine.counter(MapServerReason::registered), registered);
  EXPECT_EQ(machine.nonces().size(), nonces) << "nothing is kept of who was refused";
  for (std::uint64_t n = 0; n < eids; ++n)
    EXPECT_EQ(machine.mapping(node(n)).value().rlocs.at(0).address, router_address(n)) << n;
  // Each kind was stopped by what is there for it.
  const auto quarter = static_cast<std::uint64_t>(hostile_messages / 4);
  const auto refused = [&](ReadError reason) { return map_server->refused(reason); };
  EXPECT_LT(map_server->dropped(XtrDrop::register_limit), quarter / 25);
  EXPECT_GT(machine.counter(MapServerReason::replayed), quarter);
  EXPECT_GT(refused(ReadError::authentication_failed), quarter / 2);
  EXPECT_GT(machine.counter(MapServerReason::not_configured) + map_server->dropped(XtrDrop::not_configured),
            quarter / 2);
}

}  // namespace
}  // namespace ilnp::lisp
