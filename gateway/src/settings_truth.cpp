// SPDX-License-Identifier: Apache-2.0
// [truth]: who has which node.
#include "gateway/src/settings_reader.h"
#include "io/truth/truth_settings.h"

namespace ilnp {

void read_shared_truth(SettingsReader& reader) {
  const Section& section = reader.configuration.section("truth");
  SharedTruthSettings truth;
  truth.store = read_truth(reader.configuration, reader.problems, truth_copy_name);
  if (!section.has("site")) {
    for (const char* option : {"sites", "endpoints"})
      if (!section.list<std::string>(option).empty())
        reader.complain(section, option, std::string{"truth."} + option, "needs truth.site");
    return;
  }
  const auto add = [&](const char* option, const std::string& name, std::size_t number) {
    if (auto added = truth.store.sites.add(static_cast<SiteId>(number), name); !added)
      reader.complain(section, option, std::string{"truth."} + option, added.error().message);
  };
  add("site", section.text("site"), truth.own);
  const std::vector<std::string> others = section.list<std::string>("sites");
  if (others.size() >= max_sites) reader.complain(section, "sites", "truth.sites", "too many");
  for (std::size_t i = 0; i < others.size() && i + 1 < max_sites; ++i) add("sites", others[i], i + 1);
  reader.out.truth = std::move(truth);
}

}  // namespace ilnp
