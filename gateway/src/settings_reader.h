// SPDX-License-Identifier: Apache-2.0
// What the parts of the reader share: one configuration is read; every mistake becomes a problem and reading goes on.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gateway/src/settings.h"

namespace ilnp {

struct SettingsReader {
  const Configuration& configuration;
  GatewaySettings& out;
  std::vector<Problem>& problems;
  std::map<std::string, lisp::Secret> keys{};  ///< by name

  void complain(const Section& section, const char* option, const std::string& named, std::string reason) const {
    problems.push_back({section.place(option), named, std::move(reason)});
  }
  /// One table of a repeated section: `read(section, name of an option in problems)`.
  template <class F>
  void each(const char* name, F&& read) {
    const auto& tables = configuration.repeated(name);
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const std::string front = std::string{name} + "[" + std::to_string(i) + "].";
      read(tables[i], [&](const char* option, std::string reason) {
        complain(tables[i], option, front + option, std::move(reason));
      });
    }
  }
  /// The [[key]]s that a list option names.
  template <class Complain>
  std::vector<lisp::Secret> secrets(const Section& table, const char* option, const Complain& wrong) const {
    std::vector<lisp::Secret> found;
    for (const std::string& name : table.list<std::string>(option)) {
      const auto key = keys.find(name);
      if (key == keys.end())
        wrong(option, "there is no [[key]] \"" + name + "\"");
      else
        found.push_back(key->second);
    }
    return found;
  }
};

// settings_mapping_system.cpp
void read_keys(SettingsReader& reader);
void read_map_servers(SettingsReader& reader);
void read_peers(SettingsReader& reader);
void read_mappings(SettingsReader& reader);
void read_server(SettingsReader& reader);
// settings_sessions.cpp
void read_nodes(SettingsReader& reader);
void read_translation(SettingsReader& reader);

// settings_group.cpp
void read_group(SettingsReader& reader);

// settings_truth.cpp
inline constexpr const char* truth_copy_name = "gateway-truth.db";
void read_shared_truth(SettingsReader& reader);

}  // namespace ilnp
