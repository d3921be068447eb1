// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/ingress_filter.h"

#include <algorithm>

#include "io/sockets/nft.h"

namespace ilnp {
namespace {

// "add" before "delete" makes the deletion succeed whether or not the table is there.
constexpr char take_away[] =
    "add table netdev ilnp\n"
    "delete table netdev ilnp\n"
    "add table ip6 ilnp\n"
    "delete table ip6 ilnp\n";

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
    if (!nft_can_quote(name)) return error("interface name cannot be used with nftables: " + name);
  if (!nft_can_quote(plan.tun)) return error("interface name cannot be used with nftables: " + plan.tun);
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
      "    " +
      std::string{nft_neighbour_discovery} +
      " accept\n"
      "    counter name tapped drop\n"
      "  }\n";
  for (std::size_t i = 0; i < plan.wire_interfaces.size(); ++i) {
    out += "  chain wire_" + std::to_string(i) + " {\n    type filter hook ingress device \"" +
           plan.wire_interfaces[i] + "\" priority -500; policy accept;\n";
    add_leak_rules(out, plan.identity_prefixes, "", "leaks_in");
    if (!set.empty())
      out += nft_leave_vlans_alone + ("    " + std::string{nft_ipv6_to_this_host}) + " @nh,256,64 { " + set +
             " } goto ours\n";
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
  const auto wire = nft_counters("netdev", "ilnp");
  if (!wire) return wire.error();
  const auto leaving = nft_counters("ip6", "ilnp");
  if (!leaving) return leaving.error();
  const auto value = [](const auto& counters, const char* name) {
    const auto it = counters.find(name);
    return it == counters.end() ? 0 : it->second;
  };
  return Counters{value(wire.value(), "tapped"), value(wire.value(), "leaks_in"), value(leaving.value(), "leaks_out")};
}

}  // namespace ilnp
