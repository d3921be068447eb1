// SPDX-License-Identifier: Apache-2.0
// The command line of ilnp-dns.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/time.h"

namespace ilnp {

enum class ExitCode : int { ok = 0, degraded = 1, failed = 2, usage = 3 };

struct PublishSettings {
  std::string name;
  std::vector<std::string> server;  ///< one: where updates go
  std::string zone;                 ///< empty: asked from the server
  std::string key_file;
  std::vector<std::string> add, replace, remove;  ///< records: "L64 10 2001:0db8:0001:0002"
  bool mirror = false;                            ///< AAAA from the NIDs and L64s given
  std::vector<std::string> if_nid;
  std::vector<std::string> expect, expect_none;
  bool fixed = false;
  bool mobile = false;
  std::optional<unsigned> ttl;
  bool dry_run = false;
  bool json = false;
};

struct ResolveSettings {
  std::vector<std::string> names;
  std::vector<std::string> servers;  ///< empty: those of resolv_conf
  std::string resolv_conf = "/etc/resolv.conf";
  bool dnssec = false;
  std::string trust_anchor = "/usr/share/dns/root.key";
  double timeout = 5;
  bool site_locators = false;  ///< accept fc00::/7
  bool json = false;
};

struct CheckSettings {
  std::string zone_file;
  std::string origin;
  std::vector<std::string> axfr;  ///< server and zone
  std::optional<unsigned> mobile_ttl;
  bool json = false;
};

using Command = std::variant<PublishSettings, ResolveSettings, CheckSettings>;

/// The command, or the exit code when there is none to run (help, wrong usage; said on `out` or `problems`).
std::variant<Command, ExitCode> parse_command_line(int argc, const char* const* argv, std::ostream& out,
                                                   std::ostream& problems);

}  // namespace ilnp
