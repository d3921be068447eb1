// SPDX-License-Identifier: Apache-2.0
// What a daemon that keeps a name in the DNS says of it: events, and a part of its status.
#pragma once

#include "io/process/status_report.h"
#include "io/resolver/publisher.h"

namespace ilnp {

void log_publication(const DnsName& name, const PublicationEvent& event);
nlohmann::json publication_report(const PublisherStatus& status);
void add_publication_problem(StatusProblems& problems, const PublisherStatus& status);

}  // namespace ilnp
