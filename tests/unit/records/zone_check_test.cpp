// SPDX-License-Identifier: Apache-2.0
#include "core/records/zone_check.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

using Severity = ZoneFinding::Severity;

const DnsName zone = *DnsName::from_text("example.org");

class ZoneCheckTest : public testing::Test {
 protected:
  DnsName name(const std::string& relative) const { return *DnsName::from_text(relative + ".example.org"); }
  void add(const std::string& owner, std::uint16_t type, ByteVector rdata, seconds ttl = seconds{20}) {
    records.push_back({name(owner), type, ttl, std::move(rdata), "line " + std::to_string(records.size() + 1)});
  }
  void nid(const std::string& owner, std::uint64_t bits) { add(owner, dns::type_nid, encode(NidData{10, {bits}})); }
  void l64(const std::string& owner, std::uint64_t bits, seconds ttl = seconds{20}) {
    add(owner, dns::type_l64, encode(L64Data{10, {bits}}), ttl);
  }
  void lp(const std::string& owner, const DnsName& target) { add(owner, dns::type_lp, encode(LpData{10, target})); }
  void cname(const std::string& owner, const DnsName& target) {
    add(owner, dns::type_cname, {target.wire().begin(), target.wire().end()});
  }
  /// "error line 3: text" of every finding.
  std::vector<std::string> findings() const {
    std::vector<std::string> out;
    for (const ZoneFinding& f : check_zone(zone, records, options)) {
      out.push_back((f.severity == Severity::error ? "error " : "warning ") + f.where + ": " + f.text);
    }
    return out;
  }
  void expect_only(const std::string& beginning, const std::string& part) const {
    const auto all = findings();
    ASSERT_EQ(all.size(), 1u) << testing::PrintToString(all);
    EXPECT_EQ(all[0].substr(0, beginning.size()), beginning);
    EXPECT_NE(all[0].find(part), std::string::npos) << all[0];
  }

  std::vector<ZoneRecord> records;
  ZoneCheckOptions options;
};

constexpr std::uint64_t locator = 0x20010db800c00001;

TEST_F(ZoneCheckTest, AGoodZoneHasNoFindings) {
  nid("srv", 1);
  l64("srv", locator);
  add("srv", dns::type_aaaa, {0x20, 1, 0xd, 0xb8, 0, 0xc0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1});
  nid("bus", 2);
  lp("bus", name("l64-bus"));
  l64("l64-bus", locator);
  nid("far", 3);
  lp("far", *DnsName::from_text("l64.elsewhere.example"));
  nid("via", 4);
  lp("via", name("alias"));
  cname("alias", name("l64-bus"));
  nid("wild", 5);
  lp("wild", name("any.subnet"));
  l64("*.subnet", locator);
  lp("far", name("other.subnet"));
  lp("via", name("x.subnet"));
  records.push_back({*DnsName::from_text("example.org"), dns::type_soa, seconds{1}, {}, "soa"});
  EXPECT_EQ(findings(), std::vector<std::string>{});
}

TEST_F(ZoneCheckTest, APointerToNothingDangles) {
  nid("a", 1);
  lp("a", name("nowhere"));
  expect_only("error line 2", "dangles");
}

TEST_F(ZoneCheckTest, APointerToANameWithoutLocatorDangles) {
  nid("a", 1);
  lp("a", name("b"));
  add("b", dns::type_txt, {1, 'x'});
  expect_only("error line 2", "dangles");
}

TEST_F(ZoneCheckTest, CnameLoopsBehindAPointerDangle) {
  nid("a", 1);
  lp("a", name("b"));
  cname("b", name("c"));
  cname("c", name("b"));
  expect_only("error line 2", "dangles");
}

TEST_F(ZoneCheckTest, APointerToItsOwnNameIsForbidden) {
  nid("a", 1);
  lp("a", name("a"));
  expect_only("error line 2", "its own name");
}

TEST_F(ZoneCheckTest, NidWithoutLocatorIsReportedOnce) {
  nid("a", 1);
  nid("a", 2);
  expect_only("error line 1", "NID without L64 or LP");
}

TEST_F(ZoneCheckTest, LocatorWithoutNidUnlessAPointerNeedsIt) {
  l64("a", locator);
  expect_only("warning line 1", "L64 without NID");
}

TEST_F(ZoneCheckTest, PointerWithoutNid) {
  l64("target", locator);
  lp("a", name("target"));
  expect_only("warning line 2", "LP without NID");
}

TEST_F(ZoneCheckTest, LocatorsThatCannotBeRouted) {
  nid("a", 1);
  l64("a", 0xff02000000000000);
  expect_only("error line 2", "multicast");
  records.pop_back();
  l64("a", 0xfd00000000000001);
  expect_only("warning line 2", "unique local");
}

TEST_F(ZoneCheckTest, ReservedNids) {
  nid("a", 0);
  l64("a", locator);
  expect_only("error line 1", "reserved");
}

TEST_F(ZoneCheckTest, OneNidUnderTwoNames) {
  nid("a", 7);
  l64("a", locator);
  nid("b", 7);
  l64("b", locator);
  expect_only("warning line 3", "also the NID of a.example.org.");
}

TEST_F(ZoneCheckTest, TheSameLocatorTwice) {
  nid("a", 7);
  l64("a", locator);
  add("a", dns::type_l64, encode(L64Data{20, {locator}}));
  expect_only("warning line 3", "the same locator twice");
}

TEST_F(ZoneCheckTest, TtlsOfNodesThatMove) {
  nid("a", 7);
  l64("a", locator, seconds{60});
  EXPECT_TRUE(findings().empty());
  options.longest_mobile_ttl = seconds{20};
  expect_only("warning line 2", "TTL 60 is too long");
  options.longest_mobile_ttl = seconds{60};
  EXPECT_TRUE(findings().empty());
}

TEST_F(ZoneCheckTest, AMirrorThatNamesALocatorWhichIsGone) {
  nid("a", 1);
  l64("a", locator);
  add("a", dns::type_aaaa, {0x20, 1, 0xd, 0xb8, 0, 0xd0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1});
  expect_only("warning line 3", "its locator is not among the L64");
}

TEST_F(ZoneCheckTest, RecordDataOfTheWrongLength) {
  add("a", dns::type_nid, ByteVector(9));
  add("a", dns::type_l64, ByteVector(11));
  add("a", dns::type_lp, ByteVector(2));
  EXPECT_EQ(findings().size(), 3u);
}

}  // namespace
}  // namespace ilnp
