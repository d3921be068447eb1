// SPDX-License-Identifier: Apache-2.0
// [group]: the other gateways that hear what we leave behind.
#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "gateway/src/options_sessions.h"
#include "gateway/src/settings_reader.h"

namespace ilnp {
namespace {

namespace asio = boost::asio;
using enum OptionType;

constexpr std::uint16_t default_port = 4364;  // not assigned by IANA

/// One that a certificate can name, and a connection come from.
bool is_of_one_machine(const asio::ip::address& address) {
  const bool is_link_local = address.is_v6() && address.to_v6().is_link_local();
  return !address.is_unspecified() && !address.is_multicast() && !is_link_local;
}

using Complain = std::function<void(const char* option, std::string reason)>;

void check_addresses(const GroupSettings& group, const Complain& wrong) {
  const auto listen = asio::ip::make_address(group.listen.address);
  if (!is_of_one_machine(listen)) wrong("listen", "has to be an address of this machine alone");
  for (const Endpoint& peer : group.peers) {
    const auto address = asio::ip::make_address(peer.address);
    if (!is_of_one_machine(address)) wrong("peers", to_string(peer) + " is not the address of one machine");
    if (address.is_v4() != listen.is_v4()) wrong("peers", to_string(peer) + " is not of the family of group.listen");
    if (peer == group.listen) wrong("peers", to_string(peer) + " is group.listen: ourselves");
    if (std::count(group.peers.begin(), group.peers.end(), peer) > 1)
      wrong("peers", to_string(peer) + " is there twice");
  }
}

}  // namespace

SectionHelp group_section() {
  return {"group", "Other gateways that go on with our sessions when we end. Without group.listen there is no group."};
}

std::vector<Option> group_options() {
  return {
      {.key = "group.listen",
       .type = endpoint,
       .help = "An address of this machine alone, that VRRP does not move; connections to peers come from it, too.",
       .default_port = default_port},
      {.key = "group.peers",
       .type = endpoint,
       .help = "group.listen of the others.",
       .list = true,
       .default_port = default_port},
      {.key = "group.ca_file", .type = path, .help = "Who signs the certificates of the group (PEM)."},
      {.key = "group.certificate_file",
       .type = path,
       .help = "Ours (PEM), for the IP address of group.listen, as server and client."},
      {.key = "group.key_file", .type = path, .help = "Its key (PEM, mode 0600)."},
      {.key = "group.heartbeat",
       .type = duration,
       .help = "The same in the whole group: after five of them without a word a gateway is taken for dead.",
       .fallback = "200ms",
       .range = "20ms..10s"},
  };
}

void read_group(SettingsReader& reader) {
  const Section& section = reader.configuration.section("group");
  const Complain wrong = [&](const char* option, std::string reason) {
    reader.complain(section, option, std::string{"group."} + option, std::move(reason));
  };
  GroupSettings group;
  group.peers = section.list<Endpoint>("peers");
  if (!section.has("listen")) {
    if (!group.peers.empty()) wrong("listen", "needed with group.peers");
    return;
  }
  group.listen = section.endpoint("listen");
  group.heartbeat = section.duration("heartbeat");
  if (group.peers.empty()) wrong("peers", "at least one is needed with group.listen");
  const auto file = [&](const char* option, std::filesystem::path& to) {
    if (section.has(option))
      to = section.text(option);
    else
      wrong(option, "needed with group.listen");
  };
  file("ca_file", group.tls.ca);
  file("certificate_file", group.tls.certificate);
  file("key_file", group.tls.key);
  check_addresses(group, wrong);
  const auto is_listen = [&](const lisp::RlocRecord& rloc) {
    return lisp::to_string(rloc.address) == group.listen.address;
  };
  const auto& rlocs = reader.out.xtr.rlocs;
  if (reader.out.stands_by && std::any_of(rlocs.begin(), rlocs.end(), is_listen))
    wrong("listen", "is an [[rloc]], which moves to the other gateway (gateway.stand_by)");
  if (!is_group_name(reader.out.name))
    reader.complain(reader.configuration.section("gateway"), "name", "gateway.name",
                    "with [group] 1 to 255 printable ASCII characters");
  reader.out.group = std::move(group);
}

}  // namespace ilnp
