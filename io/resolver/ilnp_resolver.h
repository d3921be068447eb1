// SPDX-License-Identifier: Apache-2.0
// Names to Node Identifiers and Locators: asks by libunbound (which validates DNSSEC when told to), judges by
// core/records/resolution. libunbound works in a thread of its own and wakes the loop through a descriptor; callbacks
// run in the loop. Look-ups for a name that is already being looked up join it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/records/resolution.h"
#include "io/resolver/name_server.h"

namespace boost::asio {
class io_context;
}

namespace ilnp {

struct IlnpResolverSettings {
  /// Servers that do the recursion. Empty: libunbound asks the root servers itself.
  std::vector<NameServer> forwarders;
  /// Validate answers, with the keys in `trust_anchor_file` (DS or DNSKEY records; Debian: /usr/share/dns/root.key).
  bool dnssec = false;
  std::string trust_anchor_file;
  ResolutionTuning tuning;
  std::size_t most_lookups = 1024;  ///< at the same time; more fail at once and are counted
};

struct IlnpResolverCounters {
  ResolutionCounters decisions;
  std::uint64_t queries = 0;     ///< handed to libunbound
  std::uint64_t joined = 0;      ///< look-ups that joined one under way
  std::uint64_t overloaded = 0;  ///< refused: too many at once
};

class IlnpResolver {
 public:
  using OnResolved = std::function<void(const Result<ResolvedName>&)>;
  using OnPhase = std::function<void(Resolution::Phase)>;
  using OnName = std::function<void(const Result<DnsName>&)>;

  static Result<std::unique_ptr<IlnpResolver>> open(boost::asio::io_context& io, IlnpResolverSettings settings);
  ~IlnpResolver();
  IlnpResolver(const IlnpResolver&) = delete;
  IlnpResolver& operator=(const IlnpResolver&) = delete;

  /// `on_resolved` runs once, in the loop, never inside this call; an error only when the look-up could not be made.
  /// A failure of the name servers is a ResolvedName of kind `failed`. `on_phase` (may be empty) tells what is known
  /// on the way.
  void lookup(const DnsName& name, OnResolved on_resolved, OnPhase on_phase = {});
  /// The PTR name of an address; an error when there is none.
  void reverse(const Address& address, OnName on_name);

  /// Takes other forwarders, and forgets what libunbound learnt about servers and names. Look-ups under way start
  /// again.
  Result<void> set_forwarders(std::vector<NameServer> forwarders);
  /// The network changed: servers thought unreachable are tried again, cached answers are dropped.
  void network_changed();

  const IlnpResolverCounters& counters() const;
  const IlnpResolverSettings& settings() const;

 private:
  class Impl;
  explicit IlnpResolver(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace ilnp
