// SPDX-License-Identifier: Apache-2.0
// One table describes every option of a program. The same table parses and validates its files (configuration.h),
// prints the option help, the reference in docs/operations and an example file, so that none of them can disagree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/ipv6/address.h"

namespace ilnp {

enum class OptionType : std::uint8_t {
  boolean,
  integer,
  duration,  ///< a number with a unit: "200ms", "30s", "5m", "1h", "7d"
  string,
  path,        ///< absolute file name
  address,     ///< IPv6
  prefix,      ///< IPv6 prefix without host bits
  locator,     ///< "2001-0db8-0001-0002" or "2001:0db8:0001:0002"
  nid,         ///< "0200+00ff+fe00+1234" or with ':'
  ip_address,  ///< IPv4 or IPv6
  ip_prefix,   ///< of either, without host bits: "10.8.0.0/16"
  eid_prefix,  ///< the same, perhaps in a LISP instance: "[7]10.8.0.0/16"
  endpoint     ///< numeric IPv4 or IPv6 address with a port: "127.0.0.106:53", "[2001:db8::1]:53"
};

/// A row of the table. `fallback` and `range` are written as an operator would write the values (without quotes).
struct Option {
  std::string key;  ///< "section.name", or "section[].name" for an option of a repeated [[section]]
  OptionType type = OptionType::string;
  std::string help;                       ///< one line
  std::optional<std::string> fallback{};  ///< default; for lists items separated by ", "; none: unset unless required
  std::string range{};                    ///< "0..65535" (integer) or "1s..10m" (duration), bounds included
  std::vector<std::string> choices{};     ///< the only strings allowed
  bool list = false;                      ///< an array of such values
  bool required = false;
  bool reloadable = false;  ///< takes effect on reload; otherwise only at the next start
  bool identity = false;    ///< of a repeated section: names the section, required and unique ("interface[].name")
  std::uint16_t default_port = 0;  ///< endpoint: the port when none is written; 0 = the port must be written
};

/// What a section is for: an introduction in the reference and the example.
struct SectionHelp {
  std::string section;
  std::string help;
};

class Schema {
 public:
  /// Asserts that the table is sound: keys unique, fallbacks and ranges valid for their types.
  Schema(std::string program, std::vector<SectionHelp> sections, std::vector<Option> options);

  const std::string& program() const { return program_; }
  const std::vector<SectionHelp>& sections() const { return sections_; }
  const std::vector<Option>& options() const { return options_; }
  /// `key` as in the table ("interface[].name"); nullptr when there is none.
  const Option* find(std::string_view key) const;
  bool has_section(std::string_view section) const;
  bool is_repeated(std::string_view section) const;

 private:
  std::string program_;
  std::vector<SectionHelp> sections_;
  std::vector<Option> options_;
};

/// "interface" and "name" of "interface[].name".
std::string_view section_of(std::string_view key);
std::string_view name_of(std::string_view key);

/// What values an option takes, in words: "integer, 0..65535", "list of endpoints".
std::string describe_type(const Option& option);

// What the table prints. All end with a line feed.
std::string option_help(const Schema& schema);         ///< for a terminal
std::string markdown_reference(const Schema& schema);  ///< docs/operations/<program>-options.md, whole file
std::string example_file(const Schema& schema);        ///< every option with its default, commented out

}  // namespace ilnp
