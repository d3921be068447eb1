// SPDX-License-Identifier: Apache-2.0
// Configuration files of a program, checked against its option table. Reading never stops at the first mistake: all of
// them are reported, each as file:line:col: key: reason. A configuration with a mistake yields no values at all, so a
// running daemon keeps the one that it has.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"
#include "core/ipv6/address.h"
#include "core/ipv6/prefix.h"
#include "core/lisp/ip_address.h"
#include "io/settings/schema.h"

namespace ilnp {

inline constexpr std::size_t max_configuration_file = 1 << 20;  ///< octets
inline constexpr std::size_t max_configuration_files = 64;      ///< in conf.d
inline constexpr std::size_t max_list_items = 256;              ///< per list and per repeated section
inline constexpr std::size_t max_text_value = 1024;             ///< octets of one string

std::string to_string(const Prefix& prefix);

/// A numeric address in canonical text (what boost::asio::ip::make_address reads) and a port.
struct Endpoint {
  std::string address;
  std::uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
};
std::string to_string(const Endpoint& endpoint);

struct FilePlace {
  std::string file;
  unsigned line = 0, column = 0;  ///< from 1; 0 when the whole file is meant
};

struct Problem {
  FilePlace place;
  std::string key;  ///< "interface[1].name"; empty when no key is concerned (syntax)
  std::string reason;
};
/// "host.toml:6:14: dns.port: 70000 is out of range (0..65535)"
std::string to_string(const Problem& problem);
std::string to_string(const std::vector<Problem>& problems);  ///< one a line, each line ended

using SettingValue = std::variant<bool, std::int64_t, Duration, std::string, Address, Prefix, Locator, NodeId,
                                  lisp::IpAddress, lisp::IpPrefix, lisp::EidPrefix, Endpoint>;
std::string to_string(const SettingValue& value);

/// The effective values of one section (or of one table of a repeated section). The getters take the option's name
/// within the section; asking for an option that is not in the table, or as another type, or for one that is unset,
/// is a mistake of the program and asserted.
class Section {
 public:
  bool has(std::string_view name) const;  ///< written in a file or with a default

  bool boolean(std::string_view name) const { return one<bool>(name); }
  std::int64_t integer(std::string_view name) const { return one<std::int64_t>(name); }
  Duration duration(std::string_view name) const { return one<Duration>(name); }
  const std::string& text(std::string_view name) const { return one<std::string>(name); }  ///< string and path
  Address address(std::string_view name) const { return one<Address>(name); }
  Prefix prefix(std::string_view name) const { return one<Prefix>(name); }
  Locator locator(std::string_view name) const { return one<Locator>(name); }
  NodeId nid(std::string_view name) const { return one<NodeId>(name); }
  const lisp::IpAddress& ip_address(std::string_view name) const { return one<lisp::IpAddress>(name); }
  const lisp::IpPrefix& ip_prefix(std::string_view name) const { return one<lisp::IpPrefix>(name); }
  const lisp::EidPrefix& eid_prefix(std::string_view name) const { return one<lisp::EidPrefix>(name); }
  const Endpoint& endpoint(std::string_view name) const { return one<Endpoint>(name); }

  /// Items of a list option, empty when unset: `section.list<Endpoint>("upstream")`.
  template <class T>
  std::vector<T> list(std::string_view name) const {
    std::vector<T> out;
    for (const SettingValue& value : values(name)) out.push_back(std::get<T>(value));
    return out;
  }

  /// Where the option was written (the table's place when it was not), for problems that only the program can see.
  const FilePlace& place(std::string_view name) const;

  struct Entry {
    const Option* option = nullptr;
    std::vector<SettingValue> values;
    FilePlace place;
    bool set = false;      ///< has a value (an empty list is one)
    bool written = false;  ///< by a file, not by default
  };
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

 private:
  friend class ConfigurationReader;
  const std::vector<SettingValue>& values(std::string_view name) const;
  template <class T>
  const T& one(std::string_view name) const {
    return std::get<T>(values(name).at(0));
  }
  std::map<std::string, Entry, std::less<>> entries_;
  FilePlace place_;
};

class Configuration {
 public:
  /// All defaults; asserts that the table has no required option outside repeated sections.
  static Configuration defaults(std::shared_ptr<const Schema> schema);

  const Schema& schema() const { return *schema_; }
  const Section& section(std::string_view name) const;                ///< one that is in the table
  const std::vector<Section>& repeated(std::string_view name) const;  ///< the [[name]] tables in order

 private:
  friend class ConfigurationReader;
  std::shared_ptr<const Schema> schema_;
  std::map<std::string, Section, std::less<>> sections_;
  std::map<std::string, std::vector<Section>, std::less<>> repeated_;
};

/// Either the values or everything that is wrong with them.
using Configured = Result<Configuration, std::vector<Problem>>;

/// One source of settings: its name for problems, and its text.
struct SettingsText {
  std::string name;
  std::string text;
};

/// Checks texts in order: a later one overrides single options of an earlier one and adds tables to repeated sections.
Configured read_configuration(std::shared_ptr<const Schema> schema, const std::vector<SettingsText>& texts);

/// The same from files: `main`, then `directory`/*.toml in order of name (the directory may be absent or empty).
Configured load_configuration(std::shared_ptr<const Schema> schema, const std::filesystem::path& main,
                              const std::filesystem::path& directory = {});

struct SettingChange {
  std::string key;     ///< "dns.port", "interface[eth0].preference"
  std::string before;  ///< as an operator writes it; empty = unset
  std::string after;
  bool reloadable = false;
};
/// What differs between the effective values (defaults included) of two configurations of one program.
std::vector<SettingChange> diff(const Configuration& before, const Configuration& after);

}  // namespace ilnp
