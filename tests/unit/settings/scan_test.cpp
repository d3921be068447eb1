// SPDX-License-Identifier: Apache-2.0
#include "io/settings/scan.h"

#include <gtest/gtest.h>

#include <string>

namespace ilnp {
namespace {

std::string scanned(const std::string& text) {
  const auto problem = scan_for_hazards(text);
  if (!problem) return "clean";
  return std::to_string(problem->line) + ":" + std::to_string(problem->column) + ": " + problem->reason;
}

TEST(SettingsScan, LeavesOrdinaryFilesAlone) {
  EXPECT_EQ(scanned(R"(# größe "quoted" 'too' = [ {
"top" = 'a#b' # é
a.b.c = 1.5
when = 1979-05-27T07:32:00Z
list = [ "x", 'y', [1, 2],   # é
  { k = "é\"é", l = [ ] },
]
inline = { a = 1, b = { c = "#" } }
[ section . sub ]
[[tables]]
x = "" # empty
y = ''
)"),
            "clean");
  EXPECT_EQ(scanned("\xef\xbb\xbf"
                    "a = 1\r\nb = \"unclosed\nc = 'é'\n"),
            "clean");
}

TEST(SettingsScan, KnowsWhereTheParserSeesNoString) {
  EXPECT_EQ(scanned("a = 1\"é\"\n"), "1:6: a quote in the middle of a word");
  EXPECT_EQ(scanned("a = 1.\"é\"\n"), "1:7: a quote in the middle of a word");
  EXPECT_EQ(scanned("a = \"x\"\"é\"\n"), "1:8: a quote in the middle of a word");
  EXPECT_EQ(scanned("a = 9)[\"é\"]\n"), "1:7: a bracket in the middle of a word");
  EXPECT_EQ(scanned("a = 9=\"é\"\n"), "1:6: an equals sign in a value");
  EXPECT_EQ(scanned("a = [1, 2=\"é\"]\n"), "1:10: an equals sign in a value");
  EXPECT_EQ(scanned("a = {b = [1], c = 2, d = {e = 3}, f = 4=5}\n"), "1:40: an equals sign in a value");
  EXPECT_EQ(scanned("x = 1\ny = é\n"), "2:5: a character that is only allowed in strings and comments");
  EXPECT_EQ(scanned(std::string("x\0=", 3)), "1:2: a character that is only allowed in strings and comments");
  EXPECT_EQ(scanned("a = \"\"\"x\n\\é\"\"\"\n"), "1:5: multi-line strings are not used here");
  EXPECT_EQ(scanned("a = 1]\n"), "1:6: a closing bracket that nothing opened");
}

TEST(SettingsScan, BoundsKeysAndBrackets) {
  std::string key = "a";
  for (int i = 1; i < max_key_parts; ++i) key += ".a";
  EXPECT_EQ(scanned(key + " = 1.5\n" + key + " = 2\n"), "clean");
  EXPECT_EQ(scanned(key + ".a = 1\n"), "1:32: a key with too many parts");
  EXPECT_EQ(scanned("a = " + std::string(max_brackets, '[')), "clean");
  EXPECT_EQ(scanned("a = " + std::string(max_brackets + 1, '[')), "1:21: brackets are nested too deeply");
}

}  // namespace
}  // namespace ilnp
