// SPDX-License-Identifier: Apache-2.0
// The options of ilnp-host as one validated value.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/ilnp/tuning.h"
#include "core/ipv6/address.h"
#include "io/process/daemon_settings.h"
#include "io/resolver/name_server.h"
#include "io/settings/configuration.h"

namespace ilnp {

enum class IdentityMode : std::uint8_t { persistent, configured, ephemeral };

struct InterfaceSettings {
  std::string name;
  std::optional<std::uint16_t> preference;  ///< instead of the router's; lower is better
};

struct PublishSettings {
  bool enabled = false;
  NameServer server;
  std::string zone;  ///< empty: asked from the server
  std::string name;
  std::string key_file;
  bool mobile = true;
  seconds ttl{};
  bool manage_nid = true;
  std::string lp;  ///< owner of the site's L64 records, published instead of unique-local locators; empty: none
};

struct HostSettings : DaemonSettings {
  IdentityMode identity_mode = IdentityMode::persistent;
  NodeId nid;  ///< configured
  bool ephemeral_clients = false;
  Locator prefix;  ///< identity prefix
  std::string tun;
  std::uint32_t tun_mtu = 1500;
  std::vector<InterfaceSettings> interfaces;  ///< empty: every Ethernet interface
  Duration solicit_interval{};
  std::string host_channel;   ///< a virtio-serial port or a path; empty: none
  Duration clock_tick{};      ///< zero: the clock is not looked at
  bool bind_ip_only = false;  ///< sessions with peers without ILNP have the identity address too

  bool stub_enabled = true;
  std::vector<NameServer> listen;
  std::vector<NameServer> upstream;
  std::string resolv_conf;
  bool dnssec = false;
  std::string trust_anchor;
  bool ilnp_required = false;
  Duration hold{};  ///< how long a plain answer waits for the ILNP records
  PublishSettings publish;
  Tuning tuning;

  /// Of the name servers: they are reached without us, whatever else is bound to identity addresses.
  std::vector<std::uint16_t> kernels_ports() const;
};

/// The one option table: parser, --help, --check, docs/operations/ilnp-host-options.md and the example file.
std::shared_ptr<const Schema> host_schema();

/// What only the program can judge (combinations of options) is reported like every other mistake.
Result<HostSettings, std::vector<Problem>> host_settings(const Configuration& configuration);

}  // namespace ilnp
