// SPDX-License-Identifier: Apache-2.0
#include "io/process/session_log.h"

#include "core/ilnp/text.h"
#include "io/telemetry/log.h"

namespace ilnp {

void log_session(const HostEvent& event) {
  const bool bad = event.kind == EventKind::session_unreachable || event.kind == EventKind::detached ||
                   event.kind == EventKind::bad_nonces || event.kind == EventKind::two_nonces ||
                   event.kind == EventKind::locator_update_refused;
  std::vector<Field> fields;
  if (event.remote_nid != NodeId{}) fields.push_back({"peer", to_text(event.remote_nid)});
  if (event.locator != Locator{}) fields.push_back({"locator", to_text(event.locator)});
  if (event.old_locator != Locator{}) fields.push_back({"old_locator", to_text(event.old_locator)});
  if (event.number != 0) fields.push_back({"number", event.number});
  if (event.reason[0] != '\0') fields.push_back({"reason", event.reason});
  process_log().log(bad ? LogLevel::warning : LogLevel::info, name_of(event.kind), fields);
}

}  // namespace ilnp
