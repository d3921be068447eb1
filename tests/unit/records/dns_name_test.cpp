// SPDX-License-Identifier: Apache-2.0
#include "core/records/dns_name.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace ilnp {
namespace {

DnsName name(std::string_view text) { return *DnsName::from_text(text); }
ByteVector octets(std::string_view text) { return {text.begin(), text.end()}; }

TEST(DnsName, CaseAndFinalDotDoNotMatter) {
  EXPECT_EQ(name("Mob.Example.ORG"), name("mob.example.org."));
  EXPECT_EQ(name("mob.example.org").text(), "mob.example.org.");
  EXPECT_EQ(name(".").text(), ".");
}

TEST(DnsName, EscapesComeBackAsTheyWere) {
  const DnsName dotted = name("a\\.b\\032c.example");
  EXPECT_EQ(dotted.labels(), 2u);
  EXPECT_EQ(dotted.text(), "a\\.b\\032c.example.");
  EXPECT_EQ(name(dotted.text()), dotted);
}

TEST(DnsName, TextThatIsNoNameIsRefused) {
  for (const char* bad : {"", "..", "a..b", ".a", "a\\", "a\\25", "a\\256b"}) {
    EXPECT_FALSE(DnsName::from_text(bad)) << bad;
  }
  EXPECT_FALSE(DnsName::from_text(std::string(64, 'x')));
  EXPECT_TRUE(DnsName::from_text(std::string(63, 'x')));
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "a.";
  EXPECT_TRUE(DnsName::from_text(longest));  // 255 octets
  EXPECT_FALSE(DnsName::from_text(longest + "a."));
}

TEST(DnsName, PointersBackwardsAreFollowed) {
  const ByteVector message =
      octets(std::string_view{"\x03org\0\x07"
                              "example\xc0\x00\x03mob\xc0\x05",
                              21});
  std::size_t end = 0;
  const auto found = DnsName::from_message(message, 15, end);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->text(), "mob.example.org.");
  EXPECT_EQ(end, 21u);
  EXPECT_EQ(skip_dns_name(message, 15), 21u);
}

TEST(DnsName, PointersThatDoNotLeadBackwardsAreRefused) {
  std::size_t end = 0;
  const ByteVector self = octets(std::string_view{"\xc0\x00", 2});
  EXPECT_FALSE(DnsName::from_message(self, 0, end));
  const ByteVector forward =
      octets(std::string_view{"\xc0\x02\x01"
                              "a\0",
                              5});
  EXPECT_FALSE(DnsName::from_message(forward, 0, end));
  // A label, then a pointer to that label: it would go round for ever.
  const ByteVector circle =
      octets(std::string_view{"\x01"
                              "a\xc0\x00",
                              4});
  EXPECT_FALSE(DnsName::from_message(circle, 0, end));
  const ByteVector pair = octets(std::string_view{"\xc0\x02\xc0\x00", 4});
  EXPECT_FALSE(DnsName::from_message(pair, 0, end));
  EXPECT_FALSE(DnsName::from_message(pair, 2, end));
}

TEST(DnsName, ReservedLabelTypesAndCutNamesAreRefused) {
  std::size_t end = 0;
  for (const std::string_view bad : {std::string_view{"\x40"
                                                      "a\0",
                                                      3},
                                     std::string_view{"\x80\0", 2},
                                     std::string_view{"\x03"
                                                      "ab",
                                                      3},
                                     std::string_view{"\x01"
                                                      "a",
                                                      2},
                                     std::string_view{"\xc0", 1}, std::string_view{}}) {
    EXPECT_FALSE(DnsName::from_message(octets(bad), 0, end));
    EXPECT_FALSE(skip_dns_name(octets(bad), 0));
  }
}

TEST(DnsName, ANameThatPointersMakeTooLongIsRefused) {
  // Labels of one octet, each followed by a pointer to the one before: 127 fit into 255 octets, 128 do not.
  ByteVector message = octets(std::string_view{"\0", 1});
  std::size_t previous = 0;
  std::size_t end = 0;
  for (int labels = 1; labels <= 128; ++labels) {
    const std::size_t here = message.size();
    message.insert(message.end(),
                   {1, 'x', static_cast<std::uint8_t>(0xc0 | previous >> 8), static_cast<std::uint8_t>(previous)});
    previous = here;
    EXPECT_EQ(DnsName::from_message(message, here, end).has_value(), labels <= 127) << labels;
  }
}

TEST(DnsName, FamilyRelations) {
  EXPECT_TRUE(name("mob.example.org").is_within(name("example.org")));
  EXPECT_TRUE(name("example.org").is_within(name("example.org")));
  EXPECT_TRUE(name("example.org").is_within(DnsName{}));
  EXPECT_FALSE(name("badexample.org").is_within(name("example.org")));
  EXPECT_FALSE(name("org").is_within(name("example.org")));
  EXPECT_EQ(name("mob.example.org").parent(), name("example.org"));
  EXPECT_EQ(DnsName{}.parent(), DnsName{});
}

TEST(DnsName, UncompressedWireFormOnly) {
  EXPECT_EQ(DnsName::from_wire(name("a.b").wire()), name("a.b"));
  EXPECT_FALSE(
      DnsName::from_wire(octets(std::string_view{"\x01"
                                                 "a\0\0",
                                                 4})));
  EXPECT_FALSE(
      DnsName::from_wire(octets(std::string_view{"\x01"
                                                 "a\xc0\x00",
                                                 4})));
}

RC_GTEST_PROP(DnsName, ReverseNamesLeadBackToTheAddress, (std::uint64_t locator, std::uint64_t nid)) {
  const Address address{{locator}, {nid}};
  const DnsName reverse = DnsName::reverse_of(address);
  RC_ASSERT(reverse.reverse_address() == address);
  RC_ASSERT(reverse.labels() == 34u);
  RC_ASSERT(!reverse.parent().reverse_address());
}

TEST(DnsName, ReverseNameInText) {
  EXPECT_EQ(DnsName::reverse_of(*parse_address("2001:db8::1")).text(),
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.");
  EXPECT_FALSE(name("example.org").reverse_address());
}

RC_GTEST_PROP(DnsName, SkippingAndReadingAgree, (const ByteVector& message, std::uint8_t at)) {
  std::size_t end = 0;
  const auto read = DnsName::from_message(message, at, end);
  const auto skipped = skip_dns_name(message, at);
  RC_ASSERT(read.has_value() == skipped.has_value());
  if (read) {
    RC_ASSERT(end == *skipped);
    RC_ASSERT(read->wire().size() <= 255u);
    RC_ASSERT(DnsName::from_text(read->text()) == read);
  }
}

}  // namespace
}  // namespace ilnp
