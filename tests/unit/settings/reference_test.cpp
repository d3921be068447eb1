// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <regex>

#include "tests/unit/settings/sample_schema.h"

namespace ilnp {
namespace {

TEST(OptionReference, HelpNamesEveryOption) {
  const std::string help = option_help(*sample_schema());
  for (const Option& option : sample_schema()->options()) {
    EXPECT_NE(help.find("  " + std::string{name_of(option.key)} + "  ("), std::string::npos) << option.key;
    EXPECT_NE(help.find(option.help), std::string::npos) << option.key;
  }
  EXPECT_NE(help.find("ttl  (duration, 0s..1d; default \"30s\"; reloadable)"), std::string::npos) << help;
  EXPECT_NE(help.find("gateway  (IPv6 address; required)"), std::string::npos) << help;
}

TEST(OptionReference, MarkdownHasOneRowPerOption) {
  const std::string markdown = markdown_reference(*sample_schema());
  EXPECT_NE(markdown.find("## `[[interface]]`\n\nInterfaces and how much each is liked.\n"), std::string::npos);
  EXPECT_NE(markdown.find("| `preference` | integer, 0..65535 | `10` | yes | Lower is better. |\n"), std::string::npos);
  EXPECT_NE(markdown.find("| `name` | string | required | no | Interface. |\n"), std::string::npos);
  EXPECT_NE(markdown.find("| `search` | list of string | `[\"example.com\", \"example.net\"]` | no | Search list. |\n"),
            std::string::npos);
  EXPECT_NE(markdown.find("| `checksum` | \"ipv6\", \"rfc6741\", \"auto\" | `\"ipv6\"` | yes | Checksum rule. |\n"),
            std::string::npos);
}

TEST(OptionReference, ExampleChangesNothingAsItStands) {
  const auto configured = read_configuration(sample_schema(), {{"example.toml", example_file(*sample_schema())}});
  ASSERT_TRUE(configured) << to_string(configured.error());
  EXPECT_TRUE(diff(Configuration::defaults(sample_schema()), configured.value()).empty());
}

TEST(OptionReference, ExampleIsValidWithEveryOptionTurnedOn) {
  const std::string all = std::regex_replace(example_file(*sample_schema()), std::regex{"(^|\n)#([\\[a-z])"}, "$1$2");
  const auto configured = read_configuration(sample_schema(), {{"example.toml", all}});
  ASSERT_TRUE(configured) << to_string(configured.error()) << all;
  for (const Option& option : sample_schema()->options()) {
    const std::string section{section_of(option.key)};
    const Section& table = sample_schema()->is_repeated(section) ? configured.value().repeated(section).at(0)
                                                                 : configured.value().section(section);
    EXPECT_TRUE(table.entries().at(std::string{name_of(option.key)}).written) << option.key;
  }
}

TEST(OptionTable, UnsoundRowsAreCaughtAtStart) {
  const auto table = [](Option option) { Schema{"x", {}, {std::move(option)}}; };
  using enum OptionType;
  EXPECT_DEATH(table({.key = "a.b", .type = integer, .help = "h", .fallback = "70000", .range = "0..65535"}),
               "fit its type");
  EXPECT_DEATH(table({.key = "a.b", .type = duration, .help = "h", .fallback = "30"}), "fit its type");
  EXPECT_DEATH(table({.key = "a.b", .type = string, .help = "h", .fallback = "z", .choices = {"x", "y"}}),
               "fit its type");
  EXPECT_DEATH((Schema{"x", {}, {{.key = "a.b", .help = "h"}, {.key = "a.b", .help = "h"}}}), "twice");
  EXPECT_DEATH((Schema{"x", {{"c", "no such"}}, {{.key = "a.b", .help = "h"}}}), "section of no option");
}

}  // namespace
}  // namespace ilnp
