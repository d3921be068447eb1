// SPDX-License-Identifier: Apache-2.0
// A Map-Server of two sites, and two routers who register there.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "core/lisp/map_server.h"
#include "tests/support/fakes.h"
#include "tests/unit/lisp/eids.h"

namespace ilnp::lisp {

class MapServerWorld : public ::testing::Test {
 protected:
  using Reason = MapServerReason;

  static XtrIdentity xtr(std::uint8_t n) {
    XtrIdentity identity;
    identity.xtr[15] = n;
    return identity;
  }
  static MappingRecord record(const char* prefix, const IpAddress& rloc, std::uint32_t ttl = 60) {
    return mapping(prefix, {{.address = rloc, .is_local = true}}, ttl);
  }
  static std::vector<MapServerSite> sites() {
    MapServerSite vms{
        "vms", NonceCheck::growing, {{eid_prefix("2001:db8:e1d::/64"), true}, {eid_prefix("10.8.0.0/16"), true}}};
    MapServerSite branch{"branch", NonceCheck::unique, {{eid_prefix("2001:db8:c1e::/48"), false, true, 5}}};
    return {vms, branch};
  }
  MapRegister message(MappingRecord what, std::uint8_t sender) {
    MapRegister out;
    out.wants_proxy_reply = true;
    out.wants_notify = true;
    out.nonce = ++nonce;
    out.records = {std::move(what)};
    out.sender = xtr(sender);
    return out;
  }
  Reason say(const MapRegister& m, const IpAddress& from = rloc_a, MapServerSiteId site = 0) {
    actions = {};
    const Reason reason = server.on_register(now, site, from, control_port, m, actions);
    server.on_time(now, actions);
    return reason;
  }
  MapServerActions& ask(const char* prefix, std::uint64_t number = 77) {
    MapRequest request;
    request.nonce = number;
    request.itr_rlocs = {itr};
    request.records = {{eid_prefix(prefix)}};
    actions = {};
    server.on_request(now, itr, {itr, request.records[0].eid.prefix.address, 5000, {}}, request, actions);
    return actions;
  }
  MapServerActions& go_on(Duration by) {
    now += by;
    actions = {};
    server.on_time(now, actions);
    return actions;
  }
  std::vector<IpAddress> rlocs(const char* prefix) {
    std::vector<IpAddress> out;
    if (const auto found = server.mapping(eid_prefix(prefix)))
      for (const RlocRecord& rloc : found->rlocs) out.push_back(rloc.address);
    return out;
  }

  static inline const IpAddress rloc_a = ip("2001:db8:a1::1"), rloc_b = ip("2001:db8:a2::1"),
                                itr = ip("2001:db8:c1::1");
  test::FakeRandom random{1};
  MapServer server{MapServerTuning{}, PublisherTuning{}, sites(), random};
  TimePoint now{seconds{100}};
  std::uint64_t nonce = 1000;
  MapServerActions actions;
};

}  // namespace ilnp::lisp
