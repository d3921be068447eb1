// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/router_filter.h"

#include <algorithm>

#include "io/sockets/nft.h"

namespace ilnp {
namespace {

// "add" before "delete" makes the deletion succeed whether or not the table is there.
constexpr char take_away[] =
    "add table netdev ilnp_sbr\n"
    "delete table netdev ilnp_sbr\n";

}  // namespace

Result<std::string> RouterFilter::script(const Plan& plan) {
  for (const std::string& name : plan.interfaces)
    if (!nft_can_quote(name)) return error("interface name cannot be used with nftables: " + name);
  std::vector<Address> own = plan.own;
  std::sort(own.begin(), own.end());
  own.erase(std::unique(own.begin(), own.end()), own.end());
  std::string kernels = "fe80::/10, ff00::/8";
  for (const Address& address : own)
    if (!address.is_link_local() && !address.is_multicast()) kernels += ", " + to_string(address);

  // One rule for each: intervals that overlap are refused in a set.
  std::string passed;
  for (const Prefix& prefix : plan.kernels)
    passed += "    ip6 daddr " + to_string(prefix.address) + "/" + std::to_string(prefix.length) + " accept\n";

  std::string out = take_away;
  out +=
      "table netdev ilnp_sbr {\n"
      "  counter tapped { }\n"
      "  chain forwarded {\n"
      "    ip6 saddr fe80::/10 accept\n"
      "    ip6 daddr { " +
      kernels + " } accept\n" + passed +
      "    counter name tapped drop\n"
      "  }\n";
  for (std::size_t i = 0; i < plan.interfaces.size(); ++i) {
    out += "  chain wire_" + std::to_string(i) + " {\n    type filter hook ingress device \"" + plan.interfaces[i] +
           "\" priority -500; policy accept;\n" + nft_leave_vlans_alone + "    " + nft_ipv6_to_this_host +
           " goto forwarded\n  }\n";
  }
  return out + "}\n";
}

Result<void> RouterFilter::apply(const Plan& plan) {
  const auto text = script(plan);
  if (!text) return text.error();
  const auto done = run_nft({"-f", "-"}, text.value());
  if (!done) return done.error();
  return ok();
}

Result<void> RouterFilter::remove() {
  const auto done = run_nft({"-f", "-"}, take_away);
  if (!done) return done.error();
  return ok();
}

Result<std::uint64_t> RouterFilter::tapped() {
  const auto counters = nft_counters("netdev", table);
  if (!counters) return counters.error();
  const auto it = counters.value().find("tapped");
  return it == counters.value().end() ? 0 : it->second;
}

}  // namespace ilnp
