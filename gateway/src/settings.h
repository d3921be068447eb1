// SPDX-License-Identifier: Apache-2.0
// The options of ilnp-gateway as one validated value. Secrets are read with the settings, from files of their own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/forwarding/lisp_sessions.h"
#include "core/lisp/xtr.h"
#include "io/group/group_settings.h"
#include "io/process/daemon_settings.h"
#include "io/resolver/name_server.h"
#include "io/settings/configuration.h"
#include "io/truth/open_store.h"

namespace ilnp {

struct TunSettings {
  std::string name;
  std::uint32_t instance = 0;
  std::uint32_t mtu = 1500;
  std::vector<lisp::IpAddress> addresses;
  std::vector<lisp::IpPrefix> routes;
  std::uint32_t table = 254;
};

/// Where the hosts of a block of mobile EIDs are when they are here.
struct MobileSettings {
  lisp::EidPrefix prefix;
  std::string interface;
  std::optional<lisp::IpAddress> next_hop;
};

/// The store that border routers and gateways share.
struct SharedTruthSettings {
  SiteId own = 0;        ///< our site in `store.sites`
  TruthOptions store{};  ///< with the names of the sites
};

struct GatewaySettings : DaemonSettings {
  std::string name;
  std::optional<std::array<std::uint8_t, 16>> xtr_id;  ///< nothing: that of the state directory
  bool stands_by = false;                              ///< while an RLOC is no address of this machine
  std::vector<TunSettings> interfaces;
  std::vector<MobileSettings> mobile;
  lisp::XtrSettings xtr;
  InterworkingSettings interworking;
  std::optional<SharedTruthSettings> truth;  ///< nothing: who has which EID is said by commands
  std::optional<GroupSettings> group;        ///< nothing: this gateway is alone
  TunSettings ilnp;                          ///< the device of the ILNP side; meant where there are nodes
  NodeSettings nodes;                        ///< reached by sessions of ours (mode N)
  std::optional<LispPlaces> places;          ///< their RLOCs follow their locators
  std::vector<NameServer> upstream;
  TranslationSettings translation;
  bool real_checksums = false;
  bool offload = true;
  std::size_t source_ports = 16;

  /// Of the longest block with the EID; nullptr: it is in none.
  const MobileSettings* block_of(const lisp::Eid& eid) const;
  /// nullptr: the instance is not configured.
  const TunSettings* interface_of(std::uint32_t instance) const;
};

/// The one option table: parser, --help, --check, docs/operations/ilnp-gateway-options.md and the example file.
std::shared_ptr<const Schema> gateway_schema();

/// What only the program can judge (combinations of options, secrets) is reported like every other mistake.
Result<GatewaySettings, std::vector<Problem>> gateway_settings(const Configuration& configuration);

/// 32 hexadecimal digits.
std::optional<std::array<std::uint8_t, 16>> parse_xtr_id(std::string_view text);
std::string to_text(const std::array<std::uint8_t, 16>& xtr_id);

}  // namespace ilnp
