// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/saved_json.h"

#include "gateway/src/settings.h"

namespace ilnp::saved {

using nlohmann::json;

void damaged(const char* what) { throw json::other_error::create(501, what, nullptr); }

json written(const lisp::XtrIdentity& who) { return {{"xtr", to_text(who.xtr)}, {"site", who.site}}; }

lisp::XtrIdentity identity(const json& row) {
  const auto xtr = parse_xtr_id(row.at("xtr").get<std::string>());
  if (!xtr) damaged("not an xTR-ID");
  return {*xtr, number<std::uint64_t>(row, "site")};
}

const json& rows(const json& whole, const char* name, std::size_t most) {
  const json& list = whole.at(name);
  if (!list.is_array() || list.size() > most) damaged("not a list");
  return list;
}

}  // namespace ilnp::saved
