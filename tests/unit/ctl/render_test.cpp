// SPDX-License-Identifier: Apache-2.0
#include "ctl/render.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/ctl/sample_answers.h"

namespace ilnp {
namespace {

using nlohmann::json;

TEST(Render, StatusShowsTheWorstProblemFirstWithCauseAndNextCommand) {
  EXPECT_EQ(render_status(sample_status(), {}),
            R"(DEGRADED  ilnp-host 0.1.0, pid 4711, up 1 h 02 min

  ERROR     gateway of eth1 does not answer
            cause: no neighbour advertisement for 3 s
            next:  ip -6 neigh show dev eth1
  WARNING   own locators are not published
            cause: 192.0.2.53 answers REFUSED
            next:  ilnp-dns check host.example.com

Identity   nid 0200+00ff+fe00+1234, address fd49:4c4e:5036:6631:200:ff:fe00:1234 on ilnp0, features checksum, tso, uso
           ephemeral nids: 2 peers have one, 61 ready, shared 0 times
Locators   2001-0db8-00a1-0000 on eth0  preferred, preference 10, via fe80::1
           2001-0db8-00a2-0000 on eth1  usable, preference 20
Sessions   3 established, 1 tentative, 0 unreachable, 2 plain IPv6
Names      stub 127.0.0.106:53, upstream 192.0.2.53:53; host.example.com waiting, last error: REFUSED
Data path  user: packets pass through the daemon
)");
}

TEST(Render, StatusFitsOneScreenHoweverMuchIsWrong) {
  json status = sample_status();
  for (int i = 0; i < 50; ++i) {
    status["problems"].push_back({{"severity", "info"}, {"what", "w"}, {"cause", "c"}, {"next", "n"}});
    status["locators"].push_back(status["locators"][0]);
  }
  const std::string text = render_status(status, {});
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 32);
  EXPECT_NE(text.find("and 47 more: ilnpctl status --json"), std::string::npos) << text;
  EXPECT_NE(text.find("and 46 more: ilnpctl show locators"), std::string::npos) << text;
  EXPECT_LT(text.find("gateway of eth1"), text.find("own locators"));
}

TEST(Render, AnEmptyOrOddAnswerIsShownAsFarAsItGoes) {
  const json odd = json::parse(R"({"state": 7, "problems": ["x", {}], "locators": {}, "sessions": [], "dns": null,
                                   "identity": "none", "uptime_s": "long"})");
  for (const json& answer : {json::object(), odd}) {
    EXPECT_NE(render_status(answer, {}).find("Locators   none\n"), std::string::npos);
    EXPECT_EQ(render_sessions(answer, {}), "no sessions\n");
    EXPECT_EQ(render_counters(answer, {}), "no counters\n");
    EXPECT_EQ(render_reload(answer, {}), "nothing changed\n");
  }
  EXPECT_NE(render_sessions(json::parse(R"({"sessions": [1, {}, {"packets": {"in": 1e300, "out": -5}}]})"), {}), "");
}

TEST(Render, SessionsAreATableWithTheTroubledOnesOnTop) {
  EXPECT_EQ(
      render_sessions(sample_sessions(), {}),
      R"(PEER                 STATE        LOCAL NID            LOCAL                REMOTE               REACH      LU    CHECKSUM  PACKETS IN / OUT  OCTETS IN / OUT   IDLE
0200+00ff+fe00+0002  unreachable  0200+00ff+fe00+1234  -                    -                    -          wait  rfc6741   1 / 2             3 B / 4 B         42 s
server.example.com   established  0200+00ff+fe00+1234  2001-0db8-00a1-0000  2001-0db8-00b1-0000  reachable  idle  ipv6      12.3 k / 999      10.0 MiB / 512 B  100 ms
)");
}

TEST(Render, LocatorsHaveLifetimesAndGateways) {
  EXPECT_EQ(
      render_locators(sample_locators(), {}),
      R"(LOCATOR              INTERFACE  STATE      PREFERENCE  GATEWAY  GATEWAY STATE  DAD      VALID     PREFERRED    SOURCE
2001-0db8-00a1-0000  eth0       preferred  10          fe80::1  reachable      unique   1 d 00 h  30 min 00 s  network
2001-0db8-00a2-0000  eth1       usable     20          -        -              probing  for ever  for ever     network
)");
}

TEST(Render, CountersHideZerosUnlessAsked) {
  const json counters =
      json::parse(R"({"counters": {"drop.bad_nonce": 3, "drop.truncated": 0, "wire.in": 18446744073709551615}})");
  EXPECT_EQ(render_counters(counters, {}),
            "COUNTER         VALUE\ndrop.bad_nonce  3\nwire.in         18446744073709551615\n"
            "1 counters are zero (--all shows them)\n");
  EXPECT_EQ(render_counters(counters, {.all_counters = true, .filter = "drop."}),
            "COUNTER         VALUE\ndrop.bad_nonce  3\ndrop.truncated  0\n");
}

TEST(Render, EventsAreOneLine) {
  const json event =
      json::parse(R"({"schema": "ilnp.event/1", "time": "2026-11-21T07:01:02.003004Z", "level": "warning",
      "event": "gateway_lost", "interface": "eth0", "after_ms": 400, "up": false, "text": "two words\n"})");
  EXPECT_EQ(
      render_event(event, {}),
      "2026-11-21T07:01:02.003004Z warning gateway_lost after_ms=400 interface=eth0 text=\"two words?\" up=false\n");
  EXPECT_NE(render_event(event, {.colour = true}).find("\033[33mwarning\033[0m"), std::string::npos);
}

TEST(Render, ReloadSaysWhatTookEffectAndWhatNeedsARestart) {
  EXPECT_EQ(render_reload(json::parse(R"({"applied": [{"key": "dns.ttl", "before": "30s", "after": "1m"}],
      "needs_restart": [{"key": "dns.listen", "before": "", "after": "127.0.0.2:53"}]})"),
                          {}),
            "applied:\n  dns.ttl: 30s -> 1m\n"
            "takes effect at the next start (systemctl restart ilnp-host):\n  dns.listen: - -> 127.0.0.2:53\n");
}

TEST(RenderSite, StatusUplinksNodesAndTables) {
  const json uplink{{"name", "isp1"},       {"interface", "wan0"},
                    {"state", "up"},        {"preference", 10},
                    {"weight", 1},          {"mtu", 1500},
                    {"gateway", "fe80::9"}, {"round_trip_ms", 12.0},
                    {"failures", 3},        {"prefixes", {"2001:db8:1::/48", "2001:db8:2::/48"}}};
  const json status{{"state", "ok"},
                    {"version", "0.1.0"},
                    {"pid", 7},
                    {"uptime_s", 60},
                    {"site", {{"name", "dc1"}, {"number", 0}}},
                    {"uplinks", {uplink}},
                    {"nodes", 2},
                    {"flows", 5},
                    {"truth", {{"kind", "etcd"}, {"state", "ready"}, {"records", 2}, {"revision", 9}}}};
  EXPECT_EQ(render_site_status(status, {}), R"(OK  ilnp-sbr 0.1.0, pid 7, up 1 min 00 s

Site       dc1, number 0
Uplink     isp1 on wan0  up, preference 10, via fe80::9, prefix 2001:db8:1::/48 2001:db8:2::/48
Tables     2 nodes, 5 flows
Truth      etcd: ready, 2 records, revision 9
)");
  EXPECT_EQ(render_uplinks({{"uplinks", {uplink}}}, {}),
            "UPLINK  INTERFACE  STATE  PREFERENCE  WEIGHT  MTU   GATEWAY  PREFIX                           "
            "ROUND TRIP  FAILURES\n"
            "isp1    wan0       up     10          1       1500  fe80::9  2001:db8:1::/48 2001:db8:2::/48  "
            "12 ms       3\n");
  const json node{{"nid", "0200+0000+0000+000a"},
                  {"presence", "away"},
                  {"home", "2001-0db8-0001-0000"},
                  {"now", "2001-0db8-0002-0000"},
                  {"site", "dc2"},
                  {"ilnp", true},
                  {"learnt", false},
                  {"epoch", 4},
                  {"heard_s", 12}};
  const std::string nodes = render_nodes({{"nodes", {node}}, {"left_out", 1500}}, {});
  EXPECT_NE(nodes.find("0200+0000+0000+000a  away"), std::string::npos) << nodes;
  EXPECT_NE(nodes.find("and 1.50 k more"), std::string::npos) << nodes;
  const json table{{"entries", 1}, {"capacity", 64}, {"displaced", 0}, {"refused", 2}};
  EXPECT_EQ(render_flows({{"flows", table}, {"sessions", table}}, {}),
            "Flows      1 of 64, displaced 0, refused 2\nSessions   1 of 64, displaced 0, refused 2\n");
  for (const json& odd : {json::object(), json{{"uplinks", 3}, {"nodes", "x"}, {"flows", 1}}}) {
    EXPECT_EQ(render_uplinks(odd, {}), "no uplinks\n");
    EXPECT_NE(render_nodes(odd, {}), "");
    EXPECT_NE(render_flows(odd, {}), "");
    EXPECT_NE(render_site_status(odd, {}), "");
  }
}

TEST(RenderLisp, StatusAndTables) {
  const json status{{"state", "ok"},
                    {"version", "0.1.0"},
                    {"pid", 7},
                    {"uptime_s", 60},
                    {"gateway", {{"name", "g1"}, {"xtr_id", "00ff"}, {"site_id", 3}}},
                    {"rlocs", {"2001:db8:a1::2", "192.0.2.1"}},
                    {"interfaces", {{{"name", "lisp0"}, {"instance", 7}}}},
                    {"eids", 2},
                    {"registered", 1},
                    {"map_cache", 4},
                    {"clients", 5},
                    {"sessions", {{"nodes", 2}, {"clients", 3}, {"sessions", 4}}},
                    {"group", {{"peers", 2}, {"connected", 1}, {"alive", 1}}},
                    {"map_server", {{"registrations", 6}}}};
  EXPECT_EQ(render_gateway_status(status, {}), R"(OK  ilnp-gateway 0.1.0, pid 7, up 1 min 00 s

Gateway    g1, xTR-ID 00ff, Site-ID 3
RLOCs      2001:db8:a1::2 192.0.2.1
Inside     lisp0, instance 7
EIDs       2, 1 of them registered
Tables     4 mappings, 5 clients
Sessions   4 with 2 ILNP nodes, of 3 clients
Group      1 others alive, 1 of 2 hear us
Map-Server 6 registrations
)");
  const json rloc{{"rloc", "192.0.2.9"}, {"priority", 1}, {"weight", 100}};
  const json active{{"eid", "10.2.0.0/16"},  {"state", "active"}, {"origin", "reply"}, {"action", nullptr},
                    {"rlocs", {rloc, rloc}}, {"ends_s", 60},      {"used_s", 1}};
  const json negative{{"eid", "10.3.0.0/16"}, {"state", "negative"}, {"origin", "reply"}, {"action", "drop"}};
  const std::string cache = render_map_cache({{"mappings", {active, negative}}, {"left_out", 1500}}, {});
  EXPECT_NE(cache.find("192.0.2.9 1/100, 192.0.2.9 1/100  1 min 00 s"), std::string::npos) << cache;
  EXPECT_NE(cache.find("negative  reply  drop"), std::string::npos) << cache;
  EXPECT_NE(cache.find("and 1.50 k more"), std::string::npos) << cache;
  EXPECT_EQ(render_registrations(
                {{"registrations", {{{"eid", "10.1.0.0/16"}, {"map_servers", {{"a", true}, {"b", false}}}}}}}, {}),
            "EID          MAP-SERVER  REGISTERED\n10.1.0.0/16  a           yes\n10.1.0.0/16  b           no\n");
  EXPECT_EQ(render_rlocs({{"rlocs", {{{"rloc", "192.0.2.9"}, {"state", "down"}}}}}, {}),
            "RLOC       STATE  ROUND TRIP  MEAN  JITTER  ANSWERED  LOST\n192.0.2.9  down   -           -     -       "
            "-         -\n");
  EXPECT_EQ(render_eids({{"eids", {{{"eid", "10.7.0.7/32"}, {"state", "away"}, {"elsewhere", {rloc}}}}}}, {}),
            "EID          STATE  ELSEWHERE\n10.7.0.7/32  away   192.0.2.9 1/100\n");
  const json session{{"client", "10.9.0.5/32"},
                     {"node", "2001:db8::7/128"},
                     {"state", "established"},
                     {"locator", "2001-0db8-00c1-0001"},
                     {"our_locator", "2001-0db8-00a1-00ff"},
                     {"packets_in", 3},
                     {"packets_out", 4}};
  EXPECT_EQ(render_lisp_sessions({{"sessions", {session}}}, {}),
            "CLIENT       NODE             STATE        LOCATOR              OURS                 IN  OUT\n"
            "10.9.0.5/32  2001:db8::7/128  established  2001-0db8-00c1-0001  2001-0db8-00a1-00ff  3   4\n");
  EXPECT_EQ(render_lisp_sessions(json::object(), {}), "no sessions with ILNP nodes\n");
  json group{{"peers",
              {{{"address", "192.0.2.12:4364"}, {"connected", true}, {"since_s", 5}, {"last_error", nullptr}},
               {{"address", "192.0.2.13:4364"}, {"connected", false}, {"last_error", "connect: timeout"}}}},
             {"members", {{{"name", "dc2"}, {"alive", true}, {"xtr_id", "ab"}, {"site_id", 7}}}},
             {"last_refusal", nullptr}};
  EXPECT_EQ(render_group(group, {}),
            "HEARS US         STATE      SINCE  LAST ERROR\n"
            "192.0.2.12:4364  connected  5.0 s  -\n"
            "192.0.2.13:4364  away       -      connect: timeout\n"
            "\n"
            "WE HEAR  STATE  XTR-ID  SITE-ID\n"
            "dc2      alive  ab      7\n");
  group["members"].clear();
  group["last_refusal"] = "192.0.2.13: certificate has expired";
  EXPECT_NE(render_group(group, {}).find("\nwe hear nobody\n\nLast refused: 192.0.2.13: certificate has expired\n"),
            std::string::npos);
  EXPECT_EQ(render_group(json::object(), {}), "no group\n");
  EXPECT_NE(render_group({{"peers", {1, {}}}, {"members", {"x", {}}}}, {}), "");
  for (const json& odd : {json::object(), json{{"mappings", 3}, {"registrations", {1}}, {"clients", {{}}}}}) {
    EXPECT_EQ(render_map_cache(odd, {}), "no mappings\n");
    EXPECT_NE(render_registrations(odd, {}), "");
    EXPECT_NE(render_lisp_clients(odd, {}), "");
    EXPECT_NE(render_gateway_status(odd, {}), "");
  }
}

}  // namespace
}  // namespace ilnp
