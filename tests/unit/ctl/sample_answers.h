// SPDX-License-Identifier: Apache-2.0
// Answers as docs/operations/control-socket.md describes them.
#pragma once

#include <nlohmann/json.hpp>

namespace ilnp {

inline nlohmann::json sample_status() {
  return nlohmann::json::parse(R"({
    "schema": "ilnp.status/1", "version": "0.1.0", "pid": 4711, "uptime_s": 3725, "state": "degraded",
    "problems": [
      {"severity": "warning", "what": "own locators are not published", "cause": "192.0.2.53 answers REFUSED",
       "next": "ilnp-dns check host.example.com"},
      {"severity": "error", "what": "gateway of eth1 does not answer", "cause": "no neighbour advertisement for 3 s",
       "next": "ip -6 neigh show dev eth1"}],
    "identity": {"nid": "0200+00ff+fe00+1234", "prefix": "fd49:4c4e:5036:6631::/64",
                 "address": "fd49:4c4e:5036:6631:200:ff:fe00:1234", "ephemeral": {"enabled": true, "peers": 2, "ready": 61, "shared": 0}, "tun": "ilnp0", "features": ["checksum", "tso", "uso"]},
    "locators": [
      {"locator": "2001-0db8-00a1-0000", "interface": "eth0", "preference": 10, "state": "preferred", "gateway": "fe80::1"},
      {"locator": "2001-0db8-00a2-0000", "interface": "eth1", "preference": 20, "state": "usable"}],
    "sessions": {"established": 3, "tentative": 1, "unreachable": 0, "fallback": 2},
    "dns": {"stub": ["127.0.0.106:53"], "upstream": ["192.0.2.53:53"],
            "publication": {"state": "waiting", "settled": false, "name": "host.example.com", "error": "REFUSED", "updates": 3}},
    "datapath": {"mode": "user", "reason": "packets pass through the daemon"}})");
}

inline nlohmann::json sample_sessions() {
  return nlohmann::json::parse(R"({
    "schema": "ilnp.sessions/1", "sessions": [
      {"local_nid": "0200+00ff+fe00+1234", "remote_nid": "0200+00ff+fe00+0001", "names": ["server.example.com"],
       "identity": "fd49:4c4e:5036:6631:200:ff:fe00:1", "state": "established", "mode": "ilnp", "checksum": "ipv6",
       "nonce": {"tx_len": 12, "rx_len": 12},
       "locators": [{"locator": "2001-0db8-00b1-0000", "preference": 10, "state": "active", "reach": "reachable",
                     "expires_s": 290, "source": "dns", "last_rx_s": 0.1, "pmtu": 1500}],
       "using": {"local": "2001-0db8-00a1-0000", "remote": "2001-0db8-00b1-0000"},
       "lu": {"state": "idle", "transmissions": 0}, "packets": {"in": 12345, "out": 999},
       "octets": {"in": 10485760, "out": 512}, "idle_s": 0.1},
      {"local_nid": "0200+00ff+fe00+1234", "remote_nid": "0200+00ff+fe00+0002", "names": [],
       "state": "unreachable", "checksum": "rfc6741", "locators": [], "using": {"local": null, "remote": null},
       "lu": {"state": "wait", "transmissions": 3}, "packets": {"in": 1, "out": 2}, "octets": {"in": 3, "out": 4},
       "idle_s": 42}]})");
}

inline nlohmann::json sample_locators() {
  return nlohmann::json::parse(R"({
    "schema": "ilnp.locators/1", "locators": [
      {"locator": "2001-0db8-00a1-0000", "interface": "eth0", "preference": 10, "state": "preferred", "gateway": "fe80::1",
       "gateway_state": "reachable", "source": "network", "valid_s": 86400, "preferred_s": 1800, "dad": "unique",
       "address": "2001:db8:a1:0:200:ff:fe00:1234"},
      {"locator": "2001-0db8-00a2-0000", "interface": "eth1", "preference": 20, "state": "usable", "gateway": null,
       "gateway_state": null, "source": "network", "valid_s": null, "preferred_s": null, "dad": "probing",
       "address": "2001:db8:a2:0:200:ff:fe00:1234"}]})");
}

}  // namespace ilnp
