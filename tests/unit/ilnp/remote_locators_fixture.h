// SPDX-License-Identifier: Apache-2.0
// A set of locators of one peer; the tests of it are in several files.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "core/ilnp/remote_locators.h"
#include "tests/support/fakes.h"
#include "tests/support/matchers.h"

namespace ilnp {

inline void PrintTo(Reach r, std::ostream* out) { *out << name_of(r); }
inline void PrintTo(Validity v, std::ostream* out) { *out << name_of(v); }

class RemoteLocatorsTest : public ::testing::Test {
 protected:
  Tuning tuning;
  test::FakeRandom random{1};
  TimePoint now{seconds{100}};
  RemoteLocators set;

  static AdvertisedLocator advertised(Locator l, std::uint16_t preference = 10, std::uint16_t lifetime = 600) {
    return {l, preference, std::chrono::duration<std::uint16_t>{lifetime}};
  }
  void reachable(Locator l, std::uint16_t preference = 10) {
    set.replace(now, listed(l, preference), tuning);
    set.mark_reachable(l);
  }
  /// The present advertised set and this one.
  std::vector<AdvertisedLocator> listed(Locator l, std::uint16_t preference) {
    std::vector<AdvertisedLocator> all;
    for (const RemoteLocator& k : set.all())
      if (!k.receive_only && k.locator != l) all.push_back(advertised(k.locator, k.preference));
    all.push_back(advertised(l, preference));
    return all;
  }
  Locator best(std::size_t octets = 100, bool trust = false) {
    const RemoteLocator* l = set.best(octets, trust);
    return l == nullptr ? Locator{} : l->locator;
  }
  std::vector<ProbeRequest> probes() {
    std::vector<ProbeRequest> out;
    set.collect_probes(now, tuning, random, out);
    return out;
  }
  /// Lets probes go unanswered until nothing is due for a while.
  void exhaust_probes() {
    for (int i = 0; i < 10; ++i) {
      now += seconds{2};
      probes();
    }
  }
  bool is_known(Locator l) { return set.find(l) != nullptr; }
};

}  // namespace ilnp
