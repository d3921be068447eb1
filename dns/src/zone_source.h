// SPDX-License-Identifier: Apache-2.0
// Where `ilnp-dns check` gets a zone from.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/records/zone_check.h"
#include "io/resolver/name_server.h"

namespace ilnp {

struct LoadedZone {
  DnsName origin;
  std::vector<ZoneRecord> records;
  std::vector<ZoneFinding> findings;  ///< what the text itself shows: syntax, odd notation
  std::size_t lines = 0;
};

/// Reads a master file (RFC 1035 section 5) with ldns: it is the operator's own. $INCLUDE is reported, not followed.
Result<LoadedZone> read_zone_file(const std::string& path, const std::string& origin);

/// Fetches a zone by AXFR (RFC 5936) over TCP, with our own bounded reader. At most `most_records` records.
Result<LoadedZone> transfer_zone(const NameServer& server, const DnsName& zone, std::size_t most_records = 1'000'000);

}  // namespace ilnp
