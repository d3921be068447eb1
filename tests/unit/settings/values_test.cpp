// SPDX-License-Identifier: Apache-2.0
#include "io/settings/values.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

std::string parsed(OptionType type, std::string_view text, std::uint16_t default_port = 0) {
  const Option option{.key = "k", .type = type, .help = "h", .default_port = default_port};
  const auto value = parse_value(option, text);
  return value ? to_string(value.value()) : "error: " + value.error().message;
}

bool refused(OptionType type, std::string_view text) { return parsed(type, text).starts_with("error: "); }

TEST(SettingValues, DurationsTakeOneUnitAndPrintTheLargestThatFits) {
  EXPECT_EQ(parsed(OptionType::duration, "1500ms"), "1500ms");
  EXPECT_EQ(parsed(OptionType::duration, "120s"), "2m");
  EXPECT_EQ(parsed(OptionType::duration, "24h"), "1d");
  EXPECT_EQ(parsed(OptionType::duration, "250us"), "250us");
  EXPECT_EQ(parsed(OptionType::duration, "0"), "0s");
  for (const char* bad :
       {"", "s", "5", "-5s", "1.5s", "5 s", "5sec", "99999999999d", "99999999999999999999s", "1h30m"}) {
    EXPECT_TRUE(refused(OptionType::duration, bad)) << bad;
  }
}

TEST(SettingValues, EndpointsAreNumericAndCanonical) {
  EXPECT_EQ(parsed(OptionType::endpoint, "127.0.0.106:53"), "127.0.0.106:53");
  EXPECT_EQ(parsed(OptionType::endpoint, "[2001:DB8:0::1]:53"), "[2001:db8::1]:53");
  EXPECT_EQ(parsed(OptionType::endpoint, "2001:db8::1", 53), "[2001:db8::1]:53");
  EXPECT_EQ(parsed(OptionType::endpoint, "[2001:db8::1]", 53), "[2001:db8::1]:53");
  EXPECT_EQ(parsed(OptionType::endpoint, "fe80::1%eth0", 53), "[fe80::1%eth0]:53");
  EXPECT_EQ(parsed(OptionType::endpoint, "192.0.2.1"), "error: \"192.0.2.1\" has no port");
  for (const char* bad : {"", ":53", "[::1", "[::1]53", "[::1]:", "[::1]:0", "[::1]:65536", "127.0.0.1:x",
                          "[127.0.0.1]:53", "name:53", "127.0.0.1%lo:53", "fe80::1%", "fe80::1%sixteencharacters"}) {
    EXPECT_TRUE(refused(OptionType::endpoint, bad)) << bad;
  }
}

TEST(SettingValues, PrefixesHaveNoHostBits) {
  EXPECT_EQ(parsed(OptionType::prefix, "2001:db8:a1::/64"), "2001:db8:a1::/64");
  EXPECT_EQ(parsed(OptionType::prefix, "::/0"), "::/0");
  EXPECT_EQ(parsed(OptionType::prefix, "2001:db8::1/128"), "2001:db8::1/128");
  EXPECT_EQ(parsed(OptionType::prefix, "2001:db8:0:0:8000::/65"), "2001:db8:0:0:8000::/65");
  for (const char* bad : {"2001:db8::", "2001:db8::/129", "2001:db8::/-1", "2001:db8::/", "/64", "2001:db8::1/127",
                          "2001:db8::1/64", "8000::/0", "10.0.0.0/8"}) {
    EXPECT_TRUE(refused(OptionType::prefix, bad)) << bad;
  }
}

TEST(SettingValues, LocatorsAndIdentifiersPrintWithFourDigits) {
  EXPECT_EQ(parsed(OptionType::locator, "2001:db8:1:2"), "2001-0db8-0001-0002");
  EXPECT_EQ(parsed(OptionType::nid, "200+ff+fe00+1234"), "0200+00ff+fe00+1234");
  EXPECT_TRUE(refused(OptionType::locator, "2001::1"));
  EXPECT_TRUE(refused(OptionType::nid, "1"));
}

TEST(SettingValues, AddressesAndPrefixesOfBothFamilies) {
  EXPECT_EQ(parsed(OptionType::ip_address, "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(parsed(OptionType::ip_address, "2001:DB8:0::1"), "2001:db8::1");
  EXPECT_EQ(parsed(OptionType::ip_prefix, "10.8.0.0/16"), "10.8.0.0/16");
  EXPECT_EQ(parsed(OptionType::ip_prefix, "2001:db8:a1::/64"), "2001:db8:a1::/64");
  for (const char* bad : {"", "192.0.2", "192.0.2.256", "fe80::1%eth0", "name"})
    EXPECT_TRUE(refused(OptionType::ip_address, bad)) << bad;
  for (const char* bad : {"10.8.0.0", "10.8.0.0/33", "10.8.0.1/16", "2001:db8::1/64", "10.8.0.0/", "[1]10.8.0.0/16"})
    EXPECT_TRUE(refused(OptionType::ip_prefix, bad)) << bad;
}

TEST(SettingValues, EidPrefixesHaveAnInstanceInFront) {
  EXPECT_EQ(parsed(OptionType::eid_prefix, "10.8.0.0/16"), "10.8.0.0/16");
  EXPECT_EQ(parsed(OptionType::eid_prefix, "[4242]2001:db8::/32"), "[4242]2001:db8::/32");
  EXPECT_EQ(parsed(OptionType::eid_prefix, "[0]10.8.0.7/32"), "10.8.0.7/32");
  EXPECT_EQ(parsed(OptionType::eid_prefix, "[16777215]10.8.0.0/16"), "[16777215]10.8.0.0/16");
  for (const char* bad : {"[16777216]10.8.0.0/16", "[]10.8.0.0/16", "[7 10.8.0.0/16", "[-1]10.8.0.0/16", "[7]",
                          "[x]10.8.0.0/16", "10.8.0.0/16[7]", "[7]10.8.0.1/16"})
    EXPECT_TRUE(refused(OptionType::eid_prefix, bad)) << bad;
}

TEST(SettingValues, TextIsPrintableAndBounded) {
  EXPECT_EQ(parsed(OptionType::string, "eth0"), "eth0");
  EXPECT_EQ(parsed(OptionType::path, "etc/x"), "error: must be an absolute path");
  EXPECT_TRUE(refused(OptionType::string, "a\nb"));
  EXPECT_EQ(parsed(OptionType::address, "::1\n"), "error: has control characters") << "reasons are one line";
  EXPECT_FALSE(refused(OptionType::string, std::string(max_text_value, 'x')));
  EXPECT_TRUE(refused(OptionType::string, std::string(max_text_value + 1, 'x')));
}

TEST(SettingValues, RangesIncludeTheirBounds) {
  const Option option{.key = "k", .type = OptionType::integer, .help = "h", .range = "-1..10"};
  EXPECT_TRUE(parse_value(option, "-1"));
  EXPECT_TRUE(parse_value(option, "10"));
  EXPECT_FALSE(parse_value(option, "-2"));
  EXPECT_FALSE(parse_value(option, "11"));
  const Option time{.key = "k", .type = OptionType::duration, .help = "h", .range = "100ms..1m"};
  EXPECT_TRUE(parse_value(time, "60s"));
  EXPECT_EQ(parse_value(time, "61s").error().message, "61s is out of range (100ms..1m)");
  EXPECT_FALSE(parse_value(time, "99ms"));
}

}  // namespace
}  // namespace ilnp
