// SPDX-License-Identifier: Apache-2.0
// What is wrong with the ILNP records of a zone, as a function from its records to findings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/records/dns_name.h"
#include "core/records/ilnp_records.h"

namespace ilnp {

struct ZoneRecord {
  DnsName owner;
  std::uint16_t type{};
  seconds ttl{};
  ByteVector rdata;   ///< names in it uncompressed
  std::string where;  ///< "zone.db:17", or the server it came from
};

struct ZoneFinding {
  enum class Severity : std::uint8_t {
    error,   ///< ILNP does not work there, or RFC 6742 forbids it
    warning  ///< it works, but hardly as meant
  } severity;
  std::string where;
  std::string text;
};

struct ZoneCheckOptions {
  /// Nodes move: locators (and addresses) that live longer are reported. RFC 6741 and RFC 6748 advise 0 to 20 s.
  std::optional<seconds> longest_mobile_ttl;
};

/// Checks NID, L64 and LP records against each other. `records` may hold any types; names outside `zone` that an LP
/// points to are not known here and not reported. Findings come in the order of the records.
std::vector<ZoneFinding> check_zone(const DnsName& zone, const std::vector<ZoneRecord>& records,
                                    const ZoneCheckOptions& options);

}  // namespace ilnp
