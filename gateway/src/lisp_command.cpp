// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/lisp_command.h"

#include "gateway/src/daemon.h"
#include "gateway/src/status.h"

namespace ilnp {

using nlohmann::json;

Result<json> LispCommand::run(const json& request) const {
  const auto parsed = parse_lisp_step(request);
  if (!parsed) return parsed.error();
  const LispStep& step = parsed.value();
  const lisp::EidPrefix eid = lisp::EidPrefix::host(step.eid);
  if (!d_.xtr_->is_mobile(step.eid)) return error(lisp::to_string(eid) + " is in no [[mobile]] block");
  const lisp::Instant at = d_.instant();
  take(step, at, *d_.xtr_, *d_.interworking_, d_.actions_);
  d_.settle(at);
  d_.end_turn();
  json state;
  d_.xtr_->for_each_presence([&](const lisp::EidPrefix& its, const lisp::EidPresence& presence) {
    if (its == eid) state = name_of(presence.state());
  });
  return json{{"schema", "ilnp.lisp/1"}, {"step", name_of(step.kind)}, {"eid", lisp::to_string(eid)}, {"state", state}};
}

}  // namespace ilnp
