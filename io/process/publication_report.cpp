// SPDX-License-Identifier: Apache-2.0
#include "io/process/publication_report.h"

#include "io/telemetry/log.h"

namespace ilnp {

void log_publication(const DnsName& name, const PublicationEvent& event) {
  constexpr const char* names[] = {"dns_published", "dns_retrying", "dns_refused", "dns_taken_by_another"};
  const bool good = event.kind == PublicationEvent::Kind::published;
  log_event(good ? LogLevel::info : LogLevel::warning, names[static_cast<int>(event.kind)],
            {{"name", name.text()}, {"detail", event.detail}});
}

nlohmann::json publication_report(const PublisherStatus& status) {
  return {{"state", status.state},
          {"settled", status.settled},
          {"name", status.name.text()},
          {"error", status.last_problem},
          {"updates", status.updates_acknowledged}};
}

void add_publication_problem(StatusProblems& problems, const PublisherStatus& status) {
  if (!status.settled && !status.last_problem.empty())
    problems.add("warning", "DNS records not up to date", status.last_problem,
                 "ilnp-dns resolve " + status.name.text());
}

}  // namespace ilnp
