// SPDX-License-Identifier: Apache-2.0
// Ten thousand random moves of several nodes under loss, reordering and duplication: no session is lost, no locator is
// stuck, no octet is wrong. ILNP_SIM_SEEDS=200 runs the small soak with that many seeds.
#include <cstdlib>

#include "tests/sim/host.h"

#include <gtest/gtest.h>

namespace ilnp::sim {
namespace {

struct SoakShape {
  int hosts, sites, streams;
  int moves;
  Link link;
  Duration pause;  ///< mean time between moves
};

class Soak {
 public:
  Soak(std::uint64_t seed, const SoakShape& shape) : world_{seed}, shape_{shape} {
    for (int i = 0; i < shape.sites; ++i) sites_.push_back(&world_.site("s" + std::to_string(i)));
    Tuning tuning;
    tuning.fallback = FallbackPolicy::refuse;
    tuning.nonce_length = seed % 3 == 0 ? 4 : 12;
    tuning.nonce_policy = seed % 4 == 1 ? NoncePolicy::always : NoncePolicy::adaptive;
    for (int i = 0; i < shape.hosts; ++i) {
      Host& host = world_.add<Host>("h" + std::to_string(i), names_, tuning);
      host.attach(*sites_[static_cast<std::size_t>(i) % sites_.size()]);
      host.kernel().listen_tcp(80);
      hosts_.push_back(&host);
    }
    world_.advance(seconds{1});
  }

  void run() {
    connect();
    for (Site* site : sites_) site->links(shape_.link);
    for (int i = 0; i < shape_.moves; ++i) {
      move();
      const auto mean = static_cast<std::uint64_t>(shape_.pause.count());
      world_.advance(Duration{static_cast<Duration::rep>(world_.random().below(2 * mean))});
    }
    for (Site* site : sites_) site->links(Link{});
    for (Host* host : hosts_)
      if (host->sites().empty()) host->attach(*pick_site());
    world_.advance(seconds{90});
    for (TcpStream* stream : streams_) stream->stop_writing();
    for (TcpStream* stream : answers()) stream->stop_writing();
    world_.advance(seconds{120});
    check();
  }

  std::uint64_t packets() const { return world_.transmitted(); }

 private:
  Site* pick_site() { return sites_[world_.random().below(sites_.size())]; }
  Host& pick_host() { return *hosts_[world_.random().below(hosts_.size())]; }

  void connect() {
    for (int i = 0; i < shape_.streams; ++i) {
      Host& from = *hosts_[static_cast<std::size_t>(i) % hosts_.size()];
      Host& to = *hosts_[(static_cast<std::size_t>(i) * 3 + 1) % hosts_.size()];
      if (&from == &to) continue;
      TcpStream& stream = from.connect(to, 80);
      EXPECT_TRUE(world_.advance_until([&] { return stream.is_established(); }, seconds{5}));
      stream.write_every(world_.now(), milliseconds{300} + milliseconds{i}, 200);
      streams_.push_back(&stream);
      pairs_.emplace_back(&from, &to);
    }
    world_.advance(seconds{1});
    for (TcpStream* stream : answers()) stream->write_every(world_.now(), milliseconds{400}, 200);
  }

  std::vector<TcpStream*> answers() {
    std::vector<TcpStream*> all;
    for (Host* host : hosts_)
      for (TcpStream* stream : host->kernel().all_accepted(80)) all.push_back(stream);
    return all;
  }

  void move() {
    Host& host = pick_host();
    Site& to = *pick_site();
    const auto a_while = [&](std::uint64_t most) {
      return milliseconds{1 + static_cast<int>(world_.random().below(most))};
    };
    switch (world_.random().below(8)) {
      case 0:
      case 1:
        host.move_hard(to);
        return;
      case 2:
        host.move_hard(to, a_while(1500));
        return;
      case 3:
      case 4:
        host.move_soft(to, a_while(2000));
        return;
      case 5: {  // two at the same moment
        Host& other = pick_host();
        host.move_hard(to);
        if (&other != &host) other.move_hard(*pick_site(), a_while(20));
        return;
      }
      case 6:  // flap
        for (int i = 0; i < 4; ++i) {
          host.move_hard(i % 2 == 0 ? to : *pick_site());
          world_.advance(a_while(120));
        }
        return;
      default:  // one more, or one less
        if (host.sites().size() > 1 && world_.random().one_in(2))
          host.detach(*host.sites()[world_.random().below(host.sites().size())]);
        else if (!host.attached(to))
          host.attach(to, static_cast<std::uint16_t>(10 + world_.random().below(3) * 10));
        return;
    }
  }

  void check() {
    for (auto& [from, to] : pairs_) {
      check_session(*from, *to);
      check_session(*to, *from);
    }
    for (TcpStream* stream : streams_) check_stream(*stream);
    for (TcpStream* stream : answers()) check_stream(*stream);
    for (Host* host : hosts_) {
      EXPECT_EQ(host->kernel().wrong_octets(), 0u);
      EXPECT_EQ(host->kernel().bad_checksums(), 0u);
      EXPECT_EQ(host->count(EventKind::session_ended), 0) << host->summary();
      EXPECT_EQ(host->count(EventKind::peer_restarted), 0) << host->summary();
    }
  }

  void check_session(Host& host, Host& peer) {
    const Correspondent* c = host.session(peer);
    ASSERT_NE(c, nullptr) << host.summary() << peer.summary();
    EXPECT_EQ(c->state, PeerState::established) << host.summary();
    bool current = false;
    for (const Site* site : peer.sites()) current = current || site->locator == c->using_remote;
    EXPECT_TRUE(current) << "stuck locator\n" << host.summary() << peer.summary();
    EXPECT_TRUE(c->lu_sender == nullptr || !c->lu_sender->unacknowledged()) << host.summary() << peer.summary();
  }

  static void check_stream(const TcpStream& stream) {
    EXPECT_EQ(stream.failure(), "");
    EXPECT_EQ(stream.acknowledged(), stream.written());
    EXPECT_GT(stream.written(), 0u);
  }

  World world_;
  SoakShape shape_;
  Directory names_;
  std::vector<Site*> sites_;
  std::vector<Host*> hosts_;
  std::vector<TcpStream*> streams_;
  std::vector<std::pair<Host*, Host*>> pairs_;
};

Link rough() {
  Link link;
  link.loss = 0.106;  // up and down: 20 % of the packets
  link.reorder = 0.1;
  link.duplicate = 0.05;
  return link;
}

TEST(Soak, SmallWorlds) {
  const char* given = std::getenv("ILNP_SIM_SEEDS");
  const std::uint64_t seeds = given == nullptr ? 6 : std::strtoull(given, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Soak soak{seed, {4, 5, 5, 120, rough(), milliseconds{1200}}};
    soak.run();
    if (HasFailure()) {
      ADD_FAILURE() << "seed " << seed;
      return;
    }
  }
}

TEST(Soak, RapidMovesOfTwoNodes) {
  const char* given = std::getenv("ILNP_SIM_SEEDS");
  const std::uint64_t seeds = given == nullptr ? 6 : std::strtoull(given, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Soak soak{5000 + seed, {2, 4, 1, 150, rough(), milliseconds{250}}};
    soak.run();
    if (HasFailure()) {
      ADD_FAILURE() << "seed " << 5000 + seed;
      return;
    }
  }
}

TEST(Soak, TenThousandMoves) {
  Soak soak{42, {8, 8, 10, 10'000, rough(), milliseconds{150}}};
  soak.run();
  RecordProperty("packets", std::to_string(soak.packets()));
}

}  // namespace
}  // namespace ilnp::sim
