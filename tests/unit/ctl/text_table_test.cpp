// SPDX-License-Identifier: Apache-2.0
#include "ctl/text_table.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

TEST(TextTable, ColumnsLineUpWhateverTheirColour) {
  TextTable table{{"NAME", "STATE", "X"}};
  table.add({"a", coloured("ok", Colour::green, true), "1"});
  table.add({"größer", "degraded", ""});
  EXPECT_EQ(table.text("> "),
            "> NAME    STATE     X\n"
            "> a       \033[32mok\033[0m        1\n"
            "> größer  degraded\n");
}

TEST(TextTable, NamesFromTheNetworkCannotSteerATerminal) {
  EXPECT_EQ(printable("a\033[2Jb\nc\x7f"), "a?[2Jb?c?");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m")
      << "the one-character form of the escape sequence";
  EXPECT_EQ(printable("grün"), "grün");
}

TEST(TextTable, MissingFieldsAreADash) {
  const nlohmann::json object{{"a", {{"b", 1}}}, {"n", nullptr}, {"e", ""}, {"l", {"x", 2}}, {"t", true}};
  EXPECT_EQ(field(object, {"a", "b"}), "1");
  EXPECT_EQ(field(object, {"l"}), "x, 2");
  EXPECT_EQ(field(object, {"t"}), "yes");
  for (const char* missing : {"zz", "n", "e"}) EXPECT_EQ(field(object, {missing}), "-");
  EXPECT_EQ(field(object, {"a", "b", "c"}), "-");
  EXPECT_EQ(field(nlohmann::json::array(), {"a"}), "-");
}

TEST(TextTable, DurationsAndSizesAsPeopleReadThem) {
  EXPECT_EQ(human_duration(0), "0 ms");
  EXPECT_EQ(human_duration(0.35), "350 ms");
  EXPECT_EQ(human_duration(0.9996), "1.0 s");
  EXPECT_EQ(human_duration(59.7), "1 min 00 s");
  EXPECT_EQ(human_duration(3725), "1 h 02 min");
  EXPECT_EQ(human_duration(86400 * 5 + 7 * 3600), "5 d 07 h");
  EXPECT_EQ(human_duration(-1), "-");
  EXPECT_EQ(human_duration(1e300), "-");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(12345), "12.3 k");
  EXPECT_EQ(human_octets(1024), "1.00 KiB");
  EXPECT_EQ(human_octets(10485760), "10.0 MiB");
  EXPECT_EQ(human_octets(~std::uint64_t{0}), "16777216 TiB");
}

}  // namespace
}  // namespace ilnp
