// SPDX-License-Identifier: Apache-2.0
// The options of ilnp-sbr as one validated value. Uplinks have the numbers of their order in the file.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/forwarding/site_rewriter.h"
#include "core/site/uplink_liveness.h"
#include "io/process/daemon_settings.h"
#include "io/resolver/name_server.h"
#include "io/settings/configuration.h"
#include "io/truth/open_store.h"

namespace ilnp {

struct InsideSettings {
  std::string interface;
  std::vector<LocatorPrefix> locators;  ///< on this link, or behind `router`
  std::optional<Address> router;
  bool advertise = true;
  Address router_address;  ///< link-local
};

struct UplinkSettings {
  /// Its prefix is the one that its routers advertise.
  struct Learnt {
    LocatorPrefix inside;
    Mapping mapping = Mapping::neutral;
    UplinkId other = 0;  ///< the uplink has two numbers: there may be an old prefix beside the new one
  };
  std::string name, interface;
  std::optional<Address> gateway;  ///< nothing: from the kernel's default routes by this interface
  std::uint16_t preference = 10, weight = 1;
  std::vector<Address> probes;  ///< empty: the gateway
  std::optional<std::size_t> mtu;
  std::optional<Learnt> learnt;
};

struct SiteLinkSettings {
  std::string name;  ///< of the other site
  SiteId number = 0;
  std::vector<LocatorPrefix> inside;
  std::string interface;
  Address router;
  std::optional<std::size_t> mtu;
  std::vector<LocatorPrefix> relayed{};  ///< of theirs: the world knows these nodes by our names
  std::vector<LocatorPrefix> relay{};    ///< of ours: the world knows these nodes by that site's names
  std::vector<MappingRule> mappings{};   ///< what that site's nodes are called outside; their uplinks are numbered here
};

struct PublishSettings {
  std::string name;
  Locator inside;  ///< whose outside names are published
  NameServer server;
  std::string zone;  ///< empty: asked from the server
  std::string key_file;
  seconds ttl{};
};

struct MigrationSettings {
  Duration prepare_timeout{};
  bool activate_when_heard = false;
};

struct SbrSettings : DaemonSettings {
  std::string site_name;
  SiteId site_number = 0;
  std::vector<Prefix> kernel;  ///< destinations that the kernel forwards
  std::vector<InsideSettings> inside;
  std::vector<UplinkSettings> uplinks;
  std::vector<MappingRule> mappings;
  std::vector<PolicyRule> policy;
  std::vector<SiteLinkSettings> links;
  std::vector<PublishSettings> publish;
  LivenessTuning liveness;
  SiteTuning tuning;
  MigrationSettings migration;
  TruthOptions truth;  ///< without the sites

  std::map<SiteId, std::string> site_names() const;  ///< of all sites, ours too
  /// An uplink, also one whose prefix is learnt, gives all of these inside locators outside names.
  bool has_mapping(const LocatorPrefix& locators) const;
  /// Of an uplink: its own, and the second one where its prefix is learnt.
  std::vector<UplinkId> numbers_of(UplinkId uplink) const;
};

/// As the configuration file has it: 2001:db8:1::/48.
std::string to_text(const LocatorPrefix& prefix);

/// The one option table: parser, --help, --check, docs/operations/ilnp-sbr-options.md and the example file.
std::shared_ptr<const Schema> sbr_schema();

/// What only the program can judge (combinations of options) is reported like every other mistake.
Result<SbrSettings, std::vector<Problem>> sbr_settings(const Configuration& configuration);

}  // namespace ilnp
