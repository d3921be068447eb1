// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/settings.h"

#include <set>

#include "core/ilnp/nonce.h"
#include "core/records/dns_name.h"
#include "ilnp-host/src/ip_only_routing.h"

namespace ilnp {

namespace {

using enum OptionType;

std::vector<SectionHelp> sections() {
  return {
      {"identity", "Who this node is: its Node Identifier (NID) and the prefix under which applications see NIDs."},
      {"tun", "The device that carries identity addresses."},
      {"locators", "Where this node is: which interfaces give Locators."},
      {"interface", "One table per interface to use; none: every Ethernet interface with a default route."},
      {"hypervisor", "Signs that this machine was moved as a whole, by whoever runs it."},
      {"dns", "The stub resolver for the applications of this host."},
      {"publish", "Keeps this node's NID, L64 and AAAA records up to date by signed dynamic updates."},
      {"session", "How sessions with peers behave on the wire."},
  };
}

std::vector<Option> identity_options() {
  return {
      {.key = "identity.mode",
       .type = string,
       .help =
           "Where the NID comes from: minted once and kept in state.directory, given here, or minted at each start.",
       .fallback = "persistent",
       .choices = {"persistent", "configured", "ephemeral"}},
      {.key = "identity.nid", .type = nid, .help = "The NID with mode \"configured\"."},
      {.key = "identity.ephemeral_clients",
       .type = boolean,
       .help = "Sessions that this node begins use a NID of their own for each peer, forgotten with the last of them. "
               "Servers, and sockets that are bound to the identity address, use the node's.",
       .fallback = "false"},
      {.key = "identity.prefix",
       .type = prefix,
       .help = "Identity prefix (/64). One whose four words sum to 0xffff keeps checksums neutral.",
       .fallback = "fd49:4c4e:5036:6631::/64"},
      {.key = "tun.name", .type = string, .help = "Name of the device.", .fallback = "ilnp0"},
      {.key = "tun.mtu",
       .type = integer,
       .help = "MTU of the device in octets: that of the links. Routes leave room for the nonce header by themselves.",
       .fallback = "1500",
       .range = "1280..9216"},
      {.key = "locators.solicit_interval",
       .type = duration,
       .help = "How often routers are asked again while a link has none.",
       .fallback = "1s",
       .range = "100ms..60s"},
      {.key = "locators.accept_unique_local",
       .type = boolean,
       .help = "This node is behind a border router that rewrites its Locators: unique-local prefixes (fc00::/7) are "
               "Locators too. They are never published.",
       .fallback = "false"},
      {.key = "interface[].name", .type = string, .help = "Name of the interface.", .required = true, .identity = true},
      {.key = "interface[].preference",
       .type = integer,
       .help = "Preference of its Locators instead of the router's (10 high, 20 medium, 30 low); lower is better.",
       .range = "0..60000"},
      {.key = "hypervisor.channel",
       .type = string,
       .help =
           "Where the hypervisor may say that this machine was moved: the name of a virtio-serial port, used when it "
           "is there, or a path. Empty: nowhere.",
       .fallback = "org.ilnp.host.0"},
      {.key = "hypervisor.clock_tick",
       .type = duration,
       .help =
           "How often the clock is looked at: a machine that stood still may have been moved, and routers are asked. "
           "0s: never.",
       .fallback = "20ms",
       .range = "0s..1s"},
  };
}

std::vector<Option> name_options() {
  return {
      {.key = "dns.enabled", .type = boolean, .help = "Run the stub resolver.", .fallback = "true"},
      {.key = "dns.listen",
       .type = endpoint,
       .help = "Where applications ask, UDP and TCP.",
       .fallback = "127.0.0.106:53",
       .list = true,
       .default_port = 53},
      {.key = "dns.upstream",
       .type = endpoint,
       .help = "Servers that do the recursion. Empty: those of dns.resolv_conf.",
       .list = true,
       .default_port = 53},
      {.key = "dns.resolv_conf",
       .type = path,
       .help = "Read (never written) for upstream servers.",
       .fallback = "/etc/resolv.conf"},
      {.key = "dns.dnssec", .type = boolean, .help = "Validate NID, L64 and LP with DNSSEC.", .fallback = "false"},
      {.key = "dns.trust_anchor",
       .type = path,
       .help = "File with the trust anchors.",
       .fallback = "/usr/share/dns/root.key"},
      {.key = "dns.ilnp_required",
       .type = boolean,
       .help = "A name whose ILNP records fail validation gets SERVFAIL instead of its plain addresses.",
       .fallback = "false"},
      {.key = "dns.hold",
       .type = duration,
       .help = "How long a plain AAAA answer may wait for the name's ILNP records; a plain session cannot move.",
       .fallback = "250ms",
       .range = "0s..5s"},
      {.key = "publish.enabled",
       .type = boolean,
       .help = "Publish this node's records (--no-dns switches it off for one run).",
       .fallback = "false"},
      {.key = "publish.server", .type = endpoint, .help = "The primary server of the zone.", .default_port = 53},
      {.key = "publish.zone", .type = string, .help = "The zone. Empty: asked from the server.", .fallback = ""},
      {.key = "publish.name", .type = string, .help = "This node's name."},
      {.key = "publish.key_file", .type = path, .help = "TSIG key (mode 0600), as tsig-keygen writes it."},
      {.key = "publish.policy",
       .type = string,
       .help = "TTLs: of a node that moves, or of one that rarely does.",
       .fallback = "mobile",
       .choices = {"mobile", "fixed"}},
      {.key = "publish.ttl",
       .type = duration,
       .help = "TTL of L64 and AAAA instead of the policy's (0 s or 60 s).",
       .range = "0s..1d"},
      {.key = "publish.manage_nid",
       .type = boolean,
       .help = "Also write the NID record; false: the key may only write L64 and AAAA.",
       .fallback = "true"},
      {.key = "publish.lp",
       .type = string,
       .help = "Name of the L64 records of the site behind whose border router this node is: an LP record leads there "
               "while the node has unique-local Locators.",
       .fallback = ""},
  };
}

std::vector<Option> session_options() {
  return {
      {.key = "session.checksum",
       .type = string,
       .help =
           "TCP and UDP checksums: over the addresses on the wire, or with Locators as zero (RFC 6741, prototypes).",
       .fallback = "ipv6",
       .choices = {"ipv6", "rfc6741"}},
      {.key = "session.checksum_detect",
       .type = boolean,
       .help = "Learn a peer's checksum mode from its first packet.",
       .fallback = "true"},
      {.key = "session.nonce_octets",
       .type = integer,
       .help = "Length of our nonces: 4 or 12.",
       .fallback = "12",
       .range = "4..12"},
      {.key = "session.nonce",
       .type = string,
       .help = "Which packets carry the nonce: only those that need it, or all.",
       .fallback = "adaptive",
       .choices = {"adaptive", "always"}},
      {.key = "session.echo_nonce",
       .type = boolean,
       .help = "As responder repeat the peer's nonce, as the prototypes do.",
       .fallback = "false"},
      {.key = "session.fallback",
       .type = string,
       .help = "A peer whose name says ILNP but who does not answer so: use plain IPv6, or refuse.",
       .fallback = "automatic",
       .choices = {"automatic", "refuse"}},
      {.key = "session.bind_ip_only",
       .type = boolean,
       .help =
           "Sockets have the identity address towards peers without ILNP too, so that a border router can move this "
           "node under them. Those peers see the node's NID.",
       .fallback = "false"},
      {.key = "session.idle",
       .type = duration,
       .help = "A session without packets and without open sockets ends after this.",
       .fallback = "5m",
       .range = "4m..1h"},
      {.key = "session.max_sessions",
       .type = integer,
       .help = "Size of the correspondent cache.",
       .fallback = "200000",
       .range = "64..1000000"},
      {.key = "session.locator_lifetime",
       .type = duration,
       .help = "Lifetime that Locator Updates state, at most.",
       .fallback = "10m",
       .range = "10s..18h"},
  };
}

NameServer server_of(const Endpoint& e) { return {boost::asio::ip::make_address(e.address), e.port}; }

void read_publish(const Section& section, PublishSettings& out, std::vector<Problem>& problems) {
  out.enabled = section.boolean("enabled");
  const auto is_there = [&](const std::string& option) {
    if (section.has(option)) return true;
    if (out.enabled)
      problems.push_back({section.place("enabled"), "publish." + option, "needed when publish.enabled is true"});
    return false;
  };
  if (is_there("server")) out.server = server_of(section.endpoint("server"));
  if (is_there("name")) {
    out.name = section.text("name");
    if (!DnsName::from_text(out.name)) problems.push_back({section.place("name"), "publish.name", "not a DNS name"});
  }
  if (is_there("key_file")) out.key_file = section.text("key_file");
  out.zone = section.text("zone");
  if (!out.zone.empty() && !DnsName::from_text(out.zone))
    problems.push_back({section.place("zone"), "publish.zone", "not a DNS name"});
  out.mobile = section.text("policy") == "mobile";
  out.ttl =
      section.has("ttl") ? std::chrono::duration_cast<seconds>(section.duration("ttl")) : seconds{out.mobile ? 0 : 60};
  out.manage_nid = section.boolean("manage_nid");
  out.lp = section.text("lp");
  if (!out.lp.empty() && !DnsName::from_text(out.lp))
    problems.push_back({section.place("lp"), "publish.lp", "not a DNS name"});
  if (!out.lp.empty() && out.lp == out.name)
    problems.push_back({section.place("lp"), "publish.lp", "leads back to publish.name"});
  if (!out.lp.empty() && !out.manage_nid)
    problems.push_back(
        {section.place("lp"), "publish.lp", "the LP is the operator's when publish.manage_nid is false, like the NID"});
}

void read_session(const Section& section, Tuning& out, std::vector<Problem>& problems) {
  out.checksum_mode = section.text("checksum") == "ipv6" ? ChecksumMode::ipv6 : ChecksumMode::rfc6741;
  out.checksum_auto_detect = section.boolean("checksum_detect");
  out.nonce_length = static_cast<std::size_t>(section.integer("nonce_octets"));
  if (!Nonce::is_storable(out.nonce_length))
    problems.push_back({section.place("nonce_octets"), "session.nonce_octets", "must be 4 or 12"});
  out.nonce_policy = section.text("nonce") == "always" ? NoncePolicy::always : NoncePolicy::adaptive;
  out.echo_nonce = section.boolean("echo_nonce");
  out.fallback = section.text("fallback") == "refuse" ? FallbackPolicy::refuse : FallbackPolicy::automatic;
  out.idle = section.duration("idle");
  out.max_entries = static_cast<std::size_t>(section.integer("max_sessions"));
  out.lu_lifetime = std::chrono::duration_cast<seconds>(section.duration("locator_lifetime"));
}

void read_ip_only(const Section& section, HostSettings& out, std::vector<Problem>& problems) {
  out.bind_ip_only = section.boolean("bind_ip_only");
  if (out.bind_ip_only && out.ephemeral_clients)
    problems.push_back({section.place("bind_ip_only"), "session.bind_ip_only",
                        "shows the node's NID to every peer: not with identity.ephemeral_clients"});
  if (out.bind_ip_only && out.kernels_ports().size() > IpOnlyRouting::max_ports)
    problems.push_back({section.place("bind_ip_only"), "session.bind_ip_only", "too many ports in dns.upstream"});
}

void read_identity(const Configuration& configuration, HostSettings& out, std::vector<Problem>& problems) {
  const Section& identity = configuration.section("identity");
  const std::string& mode = identity.text("mode");
  out.identity_mode = mode == "persistent"   ? IdentityMode::persistent
                      : mode == "configured" ? IdentityMode::configured
                                             : IdentityMode::ephemeral;
  if (identity.has("nid")) out.nid = identity.nid("nid");
  if (out.identity_mode == IdentityMode::configured && out.nid == NodeId{})
    problems.push_back({identity.place("mode"), "identity.nid", "needed (and not zero) with mode \"configured\""});
  out.ephemeral_clients = identity.boolean("ephemeral_clients");
  const Prefix prefix_setting = identity.prefix("prefix");
  if (prefix_setting.length != 64) problems.push_back({identity.place("prefix"), "identity.prefix", "must be a /64"});
  out.prefix = prefix_setting.address.locator;
  const Section& tun = configuration.section("tun");
  out.tun = tun.text("name");
  if (out.tun.empty() || out.tun.size() > 15 || out.tun.find_first_of("/ %\"") != std::string::npos)
    problems.push_back({tun.place("name"), "tun.name", "not an interface name (1 to 15 characters)"});
  out.tun_mtu = static_cast<std::uint32_t>(tun.integer("mtu"));
  out.solicit_interval = configuration.section("locators").duration("solicit_interval");
  out.tuning.accept_unique_local = configuration.section("locators").boolean("accept_unique_local");
  out.host_channel = configuration.section("hypervisor").text("channel");
  out.clock_tick = configuration.section("hypervisor").duration("clock_tick");
  for (const Section& section : configuration.repeated("interface")) {
    InterfaceSettings one{section.text("name"), {}};
    if (section.has("preference")) one.preference = static_cast<std::uint16_t>(section.integer("preference"));
    out.interfaces.push_back(one);
  }
}

void read_dns(const Section& dns, HostSettings& out, std::vector<Problem>& problems) {
  out.stub_enabled = dns.boolean("enabled");
  for (const Endpoint& e : dns.list<Endpoint>("listen")) out.listen.push_back(server_of(e));
  for (const Endpoint& e : dns.list<Endpoint>("upstream")) out.upstream.push_back(server_of(e));
  if (out.stub_enabled && out.listen.empty())
    problems.push_back({dns.place("listen"), "dns.listen", "empty, but dns.enabled is true"});
  out.resolv_conf = dns.text("resolv_conf");
  out.dnssec = dns.boolean("dnssec");
  out.trust_anchor = dns.text("trust_anchor");
  out.ilnp_required = dns.boolean("ilnp_required");
  out.hold = dns.duration("hold");
}

}  // namespace

std::vector<std::uint16_t> HostSettings::kernels_ports() const {
  std::set<std::uint16_t> ports{53};
  for (const NameServer& server : upstream) ports.insert(server.port());
  if (publish.enabled) ports.insert(publish.server.port());
  return {ports.begin(), ports.end()};
}

std::shared_ptr<const Schema> host_schema() {
  static const auto schema = [] {
    std::vector<Option> options = identity_options();
    for (const auto& more : {name_options(), session_options()})
      options.insert(options.end(), more.begin(), more.end());
    return daemon_schema("ilnp-host", sections(), std::move(options),
                         {.control_socket = "/run/ilnp/host.sock",
                          .state_directory = "Holds the NID (mode 0600).",
                          .runtime_directory = "Holds the sessions while the daemon restarts (mode 0600)."});
  }();
  return schema;
}

Result<HostSettings, std::vector<Problem>> host_settings(const Configuration& configuration) {
  HostSettings out;
  static_cast<DaemonSettings&>(out) = daemon_settings(configuration);
  std::vector<Problem> problems;
  read_identity(configuration, out, problems);
  read_dns(configuration.section("dns"), out, problems);
  read_publish(configuration.section("publish"), out.publish, problems);
  read_session(configuration.section("session"), out.tuning, problems);
  read_ip_only(configuration.section("session"), out, problems);
  if (!problems.empty()) return problems;
  return out;
}

}  // namespace ilnp
