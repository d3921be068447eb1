// SPDX-License-Identifier: Apache-2.0
// Turns texts into a Configuration, collecting what is wrong. Inside io/settings only.
//
// Every mistake becomes a Problem and reading goes on, except after a syntax error, which ends its own text. toml++ is
// named only in reader.cpp, with a small limit on nesting; its exceptions, and its failing assertions made into
// exceptions, end there.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/settings/configuration.h"

namespace ilnp {

class ConfigurationReader {
 public:
  explicit ConfigurationReader(std::shared_ptr<const Schema> schema);

  void read(const SettingsText& text);
  void add(Problem problem) { problems_.push_back(std::move(problem)); }
  /// The last call: checks what concerns all texts together.
  Configured finish();

 private:
  struct Walk;  // over one parsed text, in reader.cpp

  Section defaults_of(std::string_view section, const FilePlace& place) const;
  void check_required(const Section& section, const std::string& path);
  void check_identities(const std::string& name, const std::vector<Section>& tables);

  std::shared_ptr<const Schema> schema_;
  Configuration configuration_;
  std::vector<Problem> problems_;
  std::vector<std::string> names_;  ///< of the texts in order; something missing belongs to the first
};

}  // namespace ilnp
