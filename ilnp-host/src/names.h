// SPDX-License-Identifier: Apache-2.0
// Names and peers: what the stub resolver finds becomes entries of the ILCC, what the forwarder wants to know again is
// looked up, and identity addresses keep their names (for reverse look-ups, and for applications that keep an address
// longer than the name's TTL).
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/forwarding/host_forwarder.h"
#include "ilnp-host/src/settings.h"
#include "io/loop/loop.h"
#include "io/resolver/ilnp_resolver.h"
#include "io/resolver/stub_resolver.h"

namespace ilnp {

class Names {
 public:
  /// `apply` runs the actions that the forwarder asked for.
  Names(Loop& loop, HostForwarder& forwarder, std::function<void(Actions&)> apply)
      : loop_{loop}, forwarder_{forwarder}, apply_{std::move(apply)} {}

  Result<void> open(const HostSettings& settings);
  void query(const NameQuery& query);
  void network_changed();

  const StubResolver* stub() const { return stub_.get(); }
  const IlnpResolver* resolver() const { return resolver_.get(); }
  std::optional<std::string> name_of(const Address& identity) const;

 private:
  std::vector<Address> install(const ResolvedName& resolved, NodeId local);
  void remember(const Address& identity, const std::string& name);
  void ask_forward(const NameQuery& query, const std::string& name);
  void give_up(const Address& identity);
  static constexpr std::size_t max_remembered = 20'000;

  Loop& loop_;
  HostForwarder& forwarder_;
  std::function<void(Actions&)> apply_;
  std::unique_ptr<IlnpResolver> resolver_;
  std::unique_ptr<StubResolver> stub_;
  struct Remembered {
    std::string name;
    std::list<Address>::iterator place;
  };
  std::map<Address, Remembered> names_;
  std::list<Address> by_use_;  ///< oldest first
};

}  // namespace ilnp
