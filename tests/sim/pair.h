// SPDX-License-Identifier: Apache-2.0
// The usual stage: four sites and two hosts, alice at `a` and bob at `c`, both published.
#pragma once

#include <gtest/gtest.h>

#include "tests/sim/host.h"

namespace ilnp::sim {

struct Pair {
  explicit Pair(std::uint64_t seed, const Tuning& tuning = {}, const Link& link = {})
      : world{seed},
        a{world.site("a", link)},
        b{world.site("b", link)},
        c{world.site("c", link)},
        d{world.site("d", link)},
        alice{world.add<Host>("alice", names, tuning)},
        bob{world.add<Host>("bob", names, tuning)} {
    alice.attach(a);
    bob.attach(c);
    world.advance(seconds{1});
  }

  /// A TCP connection from alice to bob, established.
  TcpStream& connect(std::uint16_t port = 80) {
    bob.kernel().listen_tcp(port);
    TcpStream& stream = alice.connect(bob, port);
    EXPECT_TRUE(world.advance_until([&] { return stream.is_established(); }, seconds{10}));
    world.advance(milliseconds{100});
    return stream;
  }
  /// Whether both ends use the locators where the other one is.
  ::testing::AssertionResult agree() {
    Correspondent* here = alice.session(bob);
    Correspondent* there = bob.session(alice);
    if (here == nullptr || there == nullptr)
      return ::testing::AssertionFailure() << "no session\n" << alice.summary() << bob.summary();
    if (alice.target(*here) != bob.best_site()->locator || bob.target(*there) != alice.best_site()->locator)
      return ::testing::AssertionFailure() << "a stale locator is in use\n" << alice.summary() << bob.summary();
    return ::testing::AssertionSuccess();
  }

  World world;
  Directory names;
  Site &a, &b, &c, &d;
  Host& alice;
  Host& bob;
};

}  // namespace ilnp::sim
