// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/validity.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace ilnp {
namespace {

using enum Validity;
using enum LocatorEvent;

struct Row {
  Validity now;
  LocatorEvent event;
  Validity next;
};

class ValidityTable : public ::testing::TestWithParam<Row> {};

TEST_P(ValidityTable, FollowsRfc6741) {
  EXPECT_EQ(after(GetParam().now, GetParam().event), GetParam().next)
      << name_of(GetParam().now) << ", event " << static_cast<int>(GetParam().event);
}

INSTANTIATE_TEST_SUITE_P(Section5, ValidityTable,
                         ::testing::Values(Row{valid, used, active}, Row{active, used, active},
                                           Row{aged, used, expired}, Row{expired, used, expired},
                                           Row{valid, idle, valid}, Row{active, idle, valid}, Row{aged, idle, aged},
                                           Row{expired, idle, aged}, Row{valid, ttl_ended, aged},
                                           Row{active, ttl_ended, expired}, Row{aged, ttl_ended, aged},
                                           Row{expired, ttl_ended, expired}, Row{valid, refreshed, valid},
                                           Row{active, refreshed, active}, Row{aged, refreshed, valid},
                                           Row{expired, refreshed, active}));

TEST(ValidityNames, AreDistinct) {
  std::set<std::string> names;
  for (const Validity v : {valid, active, aged, expired}) names.insert(name_of(v));
  for (const Reach r : {Reach::unverified, Reach::probing, Reach::reachable, Reach::failed}) names.insert(name_of(r));
  for (const LocatorSource s : {LocatorSource::dns, LocatorSource::packet, LocatorSource::locator_update})
    names.insert(name_of(s));
  EXPECT_EQ(names.size(), 11u);
}

}  // namespace
}  // namespace ilnp
