// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/ingress_filter.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "io/sockets/child_process.h"

namespace ilnp {
namespace {

// "add" before "delete" makes the deletion succeed whether or not the table is there.
constexpr char take_away[] =
    "add table netdev ilnp\n"
    "delete table netdev ilnp\n"
    "add table ip6 ilnp\n"
    "delete table ip6 ilnp\n";

std::string nft_program() {
  for (const char* path : {"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"})
    if (::access(path, X_OK) == 0) return path;
  return {};
}

Result<std::string> run_nft(std::vector<std::string> arguments, const std::string& input) {
  const std::string program = nft_program();
  if (program.empty()) return error("the nft program is missing: install the package nftables");
  arguments.insert(arguments.begin(), program);
  auto finished = run_program(arguments, input);
  if (!finished) return finished.error();
  if (finished.value().exit_status != 0) {
    const std::string& errors = finished.value().errors;
    return error("nft failed: " + errors.substr(0, errors.find('\n')));
  }
  return std::move(finished.value().output);
}

bool can_be_quoted(const std::string& name) {
  return !name.empty() && name.size() < 16 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '@' || c == ':';
  });
}

std::string hex(std::uint64_t bits) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 60; shift >= 0; shift -= 4) text += digits[bits >> shift & 15];
  return text;
}

/// Rules that drop packets from or to an identity prefix: one look-up for each side, however many prefixes there are.
void add_leak_rules(std::string& script, const std::vector<IdentityPrefix>& prefixes, const std::string& condition,
                    const std::string& counter) {
  if (prefixes.empty()) return;
  std::string set;
  for (const IdentityPrefix& prefix : prefixes)
    set += (set.empty() ? "" : ", ") + to_string(prefix.address) + "/" + std::to_string(prefix.length);
  for (const char* side : {"saddr", "daddr"})
    script += "    " + condition + "ip6 " + side + " { " + set + " } counter name " + counter + " drop\n";
}

}  // namespace

Result<std::string> IngressFilter::script(const Plan& plan) {
  for (const std::string& name : plan.wire_interfaces)
    if (!can_be_quoted(name)) return error("interface name cannot be used with nftables: " + name);
  if (!can_be_quoted(plan.tun)) return error("interface name cannot be used with nftables: " + plan.tun);
  std::vector<NodeId> nids = plan.nids;
  std::sort(nids.begin(), nids.end());
  nids.erase(std::unique(nids.begin(), nids.end()), nids.end());
  std::string set;
  for (const NodeId& nid : nids) set += (set.empty() ? "" : ", ") + hex(nid.bits);

  std::string out = take_away;
  out +=
      "table netdev ilnp {\n"
      "  counter tapped { }\n"
      "  counter leaks_in { }\n"
      // The destination's lower 64 bits are ours. Neighbour discovery and link-local stay the kernel's.
      "  chain ours {\n"
      "    ip6 daddr fe80::/10 accept\n"
      "    ip6 nexthdr ipv6-icmp icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, "
      "nd-neighbor-advert, nd-redirect } accept\n"
      "    counter name tapped drop\n"
      "  }\n";
  for (std::size_t i = 0; i < plan.wire_interfaces.size(); ++i) {
    out += "  chain wire_" + std::to_string(i) + " {\n    type filter hook ingress device \"" +
           plan.wire_interfaces[i] + "\" priority -500; policy accept;\n";
    add_leak_rules(out, plan.identity_prefixes, "", "leaks_in");
    // The Ethernet type is compared in the frame, where a VLAN tag would stand: tagged frames are another interface's.
    if (!set.empty()) out += "    meta pkttype host ether type ip6 @nh,256,64 { " + set + " } goto ours\n";
    out += "  }\n";
  }
  out +=
      "}\n"
      "table ip6 ilnp {\n"
      "  counter leaks_out { }\n"
      "  chain leaving {\n"
      "    type filter hook postrouting priority -500; policy accept;\n";
  add_leak_rules(out, plan.identity_prefixes, "oifname != { \"" + plan.tun + "\", \"lo\" } ", "leaks_out");
  out += "  }\n}\n";
  return out;
}

Result<void> IngressFilter::check() {
  const auto listed = run_nft({"list", "tables"}, {});
  if (!listed) return listed.error();
  return ok();
}

Result<void> IngressFilter::apply(const Plan& plan) {
  const auto text = script(plan);
  if (!text) return text.error();
  const auto done = run_nft({"-f", "-"}, text.value());
  if (!done) return done.error();
  return ok();
}

Result<void> IngressFilter::remove() {
  const auto done = run_nft({"-f", "-"}, take_away);
  if (!done) return done.error();
  return ok();
}

Result<IngressFilter::Counters> IngressFilter::counters() {
  Counters out;
  for (const char* family : {"netdev", "ip6"}) {
    const auto listed = run_nft({"-j", "list", "counters", "table", family, "ilnp"}, {});
    if (!listed) return listed.error();
    const auto document = nlohmann::json::parse(listed.value(), nullptr, false);
    if (!document.is_object() || !document.contains("nftables"))
      return error("nft answered something that is not JSON");
    for (const auto& item : document["nftables"]) {
      if (!item.is_object() || !item.contains("counter")) continue;
      const auto& counter = item["counter"];
      if (!counter.is_object() || !counter.contains("packets") || !counter["packets"].is_number_unsigned()) continue;
      const auto packets = counter["packets"].get<std::uint64_t>();
      const std::string name = counter.value("name", "");
      if (name == "tapped") out.tapped = packets;
      if (name == "leaks_in") out.leaks_in = packets;
      if (name == "leaks_out") out.leaks_out = packets;
    }
  }
  return out;
}

}  // namespace ilnp
