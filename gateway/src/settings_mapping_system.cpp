// SPDX-License-Identifier: Apache-2.0
// Keys, and everybody who has one.
#include "gateway/src/settings_reader.h"
#include "io/crypto/crypto.h"
#include "io/settings/secret_file.h"

namespace ilnp {
namespace {

constexpr std::size_t longest_secret = 1024;  ///< octets

lisp::PeerProfile profile_of(const std::string& name) {
  using lisp::PeerProfile;
  if (name == "oor") return PeerProfile::oor;
  if (name == "lispers") return PeerProfile::lispers;
  if (name == "odl") return PeerProfile::opendaylight;
  if (name == "frr") return PeerProfile::frr;
  if (name == "openlisp") return PeerProfile::openlisp;
  return PeerProfile::generic;
}

lisp::RawChangePriority raw_of(const std::string& name) {
  if (name == "thesis") return lisp::RawChangePriority::thesis;
  return name == "openlisp102" ? lisp::RawChangePriority::openlisp : lisp::RawChangePriority::off;
}

lisp::NonceCheck nonce_check_of(const std::string& name) {
  if (name == "unique") return lisp::NonceCheck::unique;
  return name == "off" ? lisp::NonceCheck::off : lisp::NonceCheck::growing;
}

std::uint8_t octet(std::int64_t number) { return static_cast<std::uint8_t>(number); }

}  // namespace

void read_keys(SettingsReader& reader) {
  reader.each("key", [&](const Section& table, const auto& wrong) {
    auto content = read_secret_file(table.text("file"), longest_secret);
    if (!content) return wrong("file", content.error().message);
    if (!content.value().empty() && content.value().back() == '\n') content.value().pop_back();
    if (content.value().empty()) return wrong("file", "holds no secret");
    lisp::Secret key;
    key.name = {octet(table.integer("id")), octet(table.integer("alg"))};
    key.octets = std::move(content.value());
    key.truncated = table.boolean("truncated");
    reader.keys.emplace(table.text("name"), std::move(key));
  });
}

void read_map_servers(SettingsReader& reader) {
  reader.each("map_server", [&](const Section& table, const auto& wrong) {
    lisp::XtrMapServer one;
    one.name = table.text("name");
    one.address = table.ip_address("address");
    one.secrets = reader.secrets(table, "keys", wrong);
    one.subscriber_secrets = reader.secrets(table, "subscriber_keys", wrong);
    one.profile = profile_of(table.text("peer_profile"));
    one.merges = table.boolean("merge");
    one.proxy_reply = table.boolean("proxy_reply");
    one.subscribes = table.boolean("subscribe");
    if (table.list<std::string>("keys").empty()) wrong("keys", "empty");
    reader.out.xtr.map_servers.push_back(std::move(one));
  });
  reader.each("map_resolver", [&](const Section& table, const auto&) {
    reader.out.xtr.map_resolvers.push_back(table.ip_address("address"));
  });
}

void read_peers(SettingsReader& reader) {
  reader.each("peer", [&](const Section& table, const auto& wrong) {
    lisp::XtrPeer one;
    one.name = table.text("name");
    one.addresses = table.list<lisp::IpAddress>("addresses");
    one.secrets = reader.secrets(table, "keys", wrong);
    if (table.has("xtr_id")) {
      const auto id = parse_xtr_id(table.text("xtr_id"));
      if (!id) wrong("xtr_id", "is not 32 hexadecimal digits");
      one.identity = {id.value_or(std::array<std::uint8_t, 16>{}),
                      static_cast<std::uint64_t>(table.integer("site_id"))};
    }
    one.scope = table.list<lisp::EidPrefix>("scope");
    one.may_announce = table.boolean("announces");
    one.is_gateway = table.boolean("gateway");
    one.is_trusted = table.boolean("trusted");
    one.raw = raw_of(table.text("cp_raw5"));
    if (one.addresses.empty()) wrong("addresses", "empty");
    if (table.list<std::string>("keys").empty()) wrong("keys", "empty");
    reader.out.xtr.peers.push_back(std::move(one));
  });
}

void read_mappings(SettingsReader& reader) {
  reader.each("mapping", [&](const Section& table, const auto& wrong) {
    lisp::MappingRecord record;
    record.ttl = lisp::ttl_unlimited;
    record.eid = table.eid_prefix("eid");
    record.action = table.text("action") == "drop" ? lisp::Action::drop : lisp::Action::natively_forward;
    const auto rlocs = table.list<lisp::IpAddress>("rlocs");
    const auto priorities = table.list<std::int64_t>("priorities"), weights = table.list<std::int64_t>("weights");
    if (!priorities.empty() && priorities.size() != rlocs.size())
      return wrong("priorities", "must be as many as the RLOCs");
    if (!weights.empty() && weights.size() != rlocs.size()) return wrong("weights", "must be as many as the RLOCs");
    for (std::size_t i = 0; i < rlocs.size(); ++i) {
      lisp::RlocRecord rloc{rlocs[i]};
      if (!priorities.empty()) rloc.priority = octet(priorities[i]);
      if (!weights.empty()) rloc.weight = octet(weights[i]);
      record.rlocs.push_back(rloc);
    }
    std::sort(record.rlocs.begin(), record.rlocs.end(),
              [](const auto& a, const auto& b) { return a.address < b.address; });
    reader.out.xtr.static_mappings.push_back(std::move(record));
  });
}

void read_server(SettingsReader& reader) {
  auto& server = reader.out.xtr.server;
  reader.each("site", [&](const Section& table, const auto& wrong) {
    lisp::XtrSettings::Server::Site one;
    one.site.name = table.text("name");
    one.site.nonce_check = nonce_check_of(table.text("nonce_check"));
    for (const lisp::EidPrefix& eid : table.list<lisp::EidPrefix>("prefixes"))
      one.site.prefixes.push_back({.eid = eid,
                                   .accepts_more_specifics = table.boolean("more_specifics"),
                                   .always_proxy = table.boolean("always_proxy"),
                                   .most_ttl = static_cast<std::uint32_t>(table.integer("most_ttl"))});
    if (one.site.prefixes.empty()) wrong("prefixes", "empty");
    for (const auto& prefix : one.site.prefixes)
      for (const auto& other : server.sites)
        for (const auto& taken : other.site.prefixes)
          if (taken.eid == prefix.eid)
            wrong("prefixes", to_string(prefix.eid) + " is also of the site \"" + other.site.name + "\"");
    one.secrets = reader.secrets(table, "keys", wrong);
    if (table.list<std::string>("keys").empty()) wrong("keys", "empty");
    // The Map-Notify is made with the key that the Map-Register names.
    for (std::size_t i = 1; i < one.secrets.size(); ++i)
      if (std::any_of(one.secrets.begin(), one.secrets.begin() + static_cast<std::ptrdiff_t>(i),
                      [&](const lisp::Secret& other) { return other.name == one.secrets[i].name; }))
        wrong("keys", "two of them have the same id and alg");
    server.sites.push_back(std::move(one));
  });
  const Section& section = reader.configuration.section("server");
  server.subscriber_secrets = reader.secrets(section, "subscriber_keys", [&](const char* option, std::string reason) {
    reader.complain(section, option, std::string{"server."} + option, std::move(reason));
  });
  server.tuning.registration_lifetime = section.duration("registration_lifetime");
  server.tuning.tell_former_owner = section.boolean("notify_away");
  server.tuning.most_registrations = static_cast<std::size_t>(section.integer("most_registrations"));
  server.tuning.replies_per_second = static_cast<double>(section.integer("replies_per_second"));
}

}  // namespace ilnp
