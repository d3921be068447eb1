// SPDX-License-Identifier: Apache-2.0
// ilnp-dns, the publisher and the stub resolver against BIND and Knot as primaries and NSD as a secondary.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cctype>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "dns/src/check.h"
#include "dns/src/publish.h"
#include "dns/src/resolve.h"
#include "io/resolver/publisher.h"
#include "io/resolver/stub_resolver.h"
#include "tests/netns/dns/servers.h"
#include "tests/unit/resolver/fake_dns.h"

namespace ilnp {
namespace {

using test::ask;
using test::AuthoritativeServer;
using test::name;
using test::Software;
using namespace std::chrono_literals;

constexpr std::uint16_t primary_port = 5300, secondary_port = 5301;
const NidData nid_a{10, {0x5c1a97d304be6f21}}, nid_b{10, {0x5c1a97d304be6f99}};

class DnsTest : public testing::TestWithParam<Software> {
 protected:
  void SetUp() override {
    server = std::make_unique<AuthoritativeServer>(GetParam(), primary_port);
    ASSERT_TRUE(server->wait_until_ready()) << server->log();
    mob_key = test::write_key_file(keys, "mob-key", test::mob_secret);
    l64_key = test::write_key_file(keys, "l64-key", test::l64_secret);
  }

  PublishSettings settings() const {
    PublishSettings what;
    what.name = "mob.example.org";
    what.server = {to_string(server->address())};
    what.key_file = mob_key;
    return what;
  }
  ExitCode run(const PublishSettings& what) {
    out.str("");
    problems.str("");
    return publish(what, out, problems);
  }
  nlohmann::json resolve_json(const std::string& owner) {
    ResolveSettings what;
    what.names = {owner};
    what.servers = {to_string(server->address())};
    what.json = true;
    std::ostringstream json;
    resolve(what, json, problems);
    return nlohmann::json::parse(json.str())["names"][0];
  }
  /// What kdig prints for a type, lower case (Knot prints upper), sorted.
  std::vector<std::string> kdig(const std::string& owner, const std::string& type) const {
    const std::string text =
        test::output_of("kdig @127.0.0.1 -p " + std::to_string(primary_port) + " +short " + owner + " " + type);
    std::vector<std::string> lines;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);) {
      std::transform(line.begin(), line.end(), line.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      lines.push_back(line);
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  std::string said() const { return out.str() + problems.str(); }

  test::TempDir keys;
  std::unique_ptr<AuthoritativeServer> server;
  std::string mob_key, l64_key;
  std::ostringstream out, problems;
};

TEST_P(DnsTest, WhatIsPublishedIsWhatEverybodySees) {
  PublishSettings what = settings();
  what.replace = {"NID 10 5c1a:97d3:4be:6f21", "L64 10 2001:db8:a:1", "L64 20 2001-0db8-000b-0001"};
  what.expect_none = {"NID"};
  what.mirror = true;
  ASSERT_EQ(run(what), ExitCode::ok) << said() << server->log();
  EXPECT_EQ(kdig("mob.example.org", "NID"), std::vector<std::string>{"10 5c1a:97d3:04be:6f21"});
  EXPECT_EQ(kdig("mob.example.org", "L64"),
            (std::vector<std::string>{"10 2001:0db8:000a:0001", "20 2001:0db8:000b:0001"}));
  EXPECT_EQ(kdig("mob.example.org", "AAAA"),
            (std::vector<std::string>{"2001:db8:a:1:5c1a:97d3:4be:6f21", "2001:db8:b:1:5c1a:97d3:4be:6f21"}));
  const std::string drill =
      test::output_of("drill -p " + std::to_string(primary_port) + " @127.0.0.1 mob.example.org NID");
  EXPECT_NE(drill.find("5c1a:97d3:04be:6f21"), std::string::npos) << drill;
  const auto found = resolve_json("mob.example.org");
  EXPECT_EQ(found["kind"], "ilnp");
  EXPECT_EQ(found["ilvs"][0]["ilv"], "2001-0db8-000a-0001.5c1a+97d3+04be+6f21");
  EXPECT_EQ(found["ilvs"].size(), 2u);
  EXPECT_EQ(found["ttl"], 0);

  PublishSettings less = settings();
  less.remove = {"L64 20 2001:0db8:000b:0001", "AAAA"};
  less.add = {"LP 10 l64-bus.example.org"};
  ASSERT_EQ(run(less), ExitCode::ok) << said();
  EXPECT_EQ(kdig("mob.example.org", "L64"), std::vector<std::string>{"10 2001:0db8:000a:0001"});
  EXPECT_EQ(kdig("mob.example.org", "LP"), std::vector<std::string>{"10 l64-bus.example.org."});
  EXPECT_TRUE(kdig("mob.example.org", "AAAA").empty());
}

TEST_P(DnsTest, WrongKeysUnsignedAndForbiddenUpdatesAreRefusedAndChangeNothing) {
  PublishSettings what = settings();
  what.replace = {"L64 10 2001:db8:a:1"};
  what.key_file = test::write_key_file(keys, "nobody", test::mob_secret);
  EXPECT_EQ(run(what), ExitCode::failed);
  EXPECT_NE(said().find("BADKEY"), std::string::npos) << said();
  test::TempDir elsewhere;
  what.key_file = test::write_key_file(elsewhere, "mob-key", test::l64_secret);
  EXPECT_EQ(run(what), ExitCode::failed);
  EXPECT_NE(said().find("BADSIG"), std::string::npos) << said();
  what.key_file = "";
  EXPECT_EQ(run(what), ExitCode::failed);
  EXPECT_TRUE(said().find("REFUSED") != std::string::npos || said().find("NOTAUTH") != std::string::npos) << said();
  what.key_file = l64_key;
  what.replace = {"NID 10 1:2:3:4"};
  EXPECT_EQ(run(what), ExitCode::failed);
  // BIND signs its refusal; Knot calls a key that may not do this a bad key.
  EXPECT_NE(said().find(GetParam() == Software::bind ? "REFUSED" : "BADKEY"), std::string::npos) << said();
  what.name = "srv.example.org";
  what.replace = {"L64 10 2001:db8:a:1"};
  EXPECT_EQ(run(what), ExitCode::failed);
  EXPECT_TRUE(kdig("mob.example.org", "L64").empty());
  EXPECT_EQ(kdig("srv.example.org", "L64").size(), 2u);
}

TEST_P(DnsTest, APrerequisiteThatDoesNotHoldChangesNothing) {
  PublishSettings first = settings();
  first.replace = {"NID 10 1:2:3:4", "L64 10 2001:db8:a:1"};
  first.expect_none = {"NID"};
  ASSERT_EQ(run(first), ExitCode::ok) << said();
  PublishSettings second = settings();
  second.replace = {"NID 10 5:6:7:8", "L64 10 2001:db8:b:1"};
  second.expect_none = {"NID"};
  EXPECT_EQ(run(second), ExitCode::failed);
  EXPECT_NE(said().find("YXRRSET"), std::string::npos) << said();
  second.expect_none.clear();
  second.if_nid = {"5:6:7:8"};
  EXPECT_EQ(run(second), ExitCode::failed);
  EXPECT_NE(said().find("NXRRSET"), std::string::npos) << said();
  EXPECT_EQ(kdig("mob.example.org", "NID"), std::vector<std::string>{"10 0001:0002:0003:0004"});
  second.if_nid = {"1:2:3:4"};
  EXPECT_EQ(run(second), ExitCode::ok) << said();
  EXPECT_EQ(kdig("mob.example.org", "L64"), std::vector<std::string>{"10 2001:0db8:000b:0001"});
}

TEST_P(DnsTest, LpChainsAliasesAndPlainNamesResolve) {
  const auto bus = resolve_json("bus.example.org");
  ASSERT_EQ(bus["kind"], "ilnp");
  ASSERT_EQ(bus["ilvs"].size(), 3u);
  EXPECT_EQ(bus["ilvs"][0]["ilv"], "2001-0db8-00a1-0001.581a+97d3+04be+6f22");
  EXPECT_EQ(bus["ilvs"][2]["through"], "l64-spare.example.org.");
  EXPECT_EQ(bus["ttl"], 20);
  EXPECT_EQ(resolve_json("alias.example.org")["canonical"], "srv.example.org.");
  EXPECT_EQ(resolve_json("plain.example.org")["kind"], "ipv6-only");
  EXPECT_EQ(resolve_json("nowhere.example.org")["kind"], "no-such-name");
  EXPECT_EQ(resolve_json("ns.example.org")["why"], "no usable NID record");
}

/// Publishes through the daemon's class until settled; false when it takes too long.
bool publish_and_wait(boost::asio::io_context& io, Publisher& publisher, const PublishedState& state) {
  publisher.set_desired(state);
  return test::run_until(
      io, [&] { return publisher.status().settled; }, 20s);
}

PublisherSettings publisher_settings(const DnsTest&, const NameServer& server, const std::string& key) {
  PublisherSettings out;
  out.server = server;
  out.name = name("mob.example.org");
  out.key_file = key;
  out.tuning.coalesce = 10ms;
  return out;
}

TEST_P(DnsTest, APublisherFollowsTheNodeAndZeroTtlIsSeenAtOnce) {
  boost::asio::io_context io;
  auto publisher = Publisher::open(io, publisher_settings(*this, server->address(), mob_key)).value();
  auto resolver = IlnpResolver::open(io, {{server->address()}, false, {}, {}, 16}).value();
  for (std::uint64_t move = 1; move <= 20; ++move) {
    const Locator here{0x20010db800000000 + move};
    ASSERT_TRUE(publish_and_wait(io, *publisher, PublishedState::of({nid_a}, {{10, here}})))
        << publisher->status().last_problem;
    std::optional<ResolvedName> found;
    resolver->lookup(name("mob.example.org"), [&](const Result<ResolvedName>& r) { found = r.value(); });
    ASSERT_TRUE(test::run_until(io, [&] { return found.has_value(); }));
    ASSERT_TRUE(found->is_ilnp()) << to_string(found->why);
    EXPECT_EQ(found->locators[0].locator, here);
    EXPECT_EQ(found->ttl, 0s);
  }
  EXPECT_EQ(kdig("mob.example.org", "AAAA").size(), 1u);
  ASSERT_TRUE(publish_and_wait(io, *publisher, PublishedState::of({nid_a}, {})));
  EXPECT_TRUE(kdig("mob.example.org", "L64").empty());
  EXPECT_EQ(kdig("mob.example.org", "NID").size(), 1u);
}

TEST_P(DnsTest, TwoPublishersOfOneNameDoNotFight) {
  boost::asio::io_context io;
  auto first = Publisher::open(io, publisher_settings(*this, server->address(), mob_key)).value();
  std::vector<PublicationEvent::Kind> events;
  auto second =
      Publisher::open(io, publisher_settings(*this, server->address(), mob_key), [&](const PublicationEvent& e) {
        events.push_back(e.kind);
      }).value();
  ASSERT_TRUE(publish_and_wait(io, *first, PublishedState::of({nid_a}, {{10, {0x20010db8000a0001}}})));
  second->set_desired(PublishedState::of({nid_b}, {{10, {0x20010db8000b0001}}}));
  ASSERT_TRUE(test::run_until(
      io, [&] { return !events.empty(); }, 20s));
  EXPECT_EQ(events, std::vector{PublicationEvent::Kind::taken_by_another});
  EXPECT_EQ(second->status().state, "stopped");
  ASSERT_TRUE(publish_and_wait(io, *first, PublishedState::of({nid_a}, {{10, {0x20010db8000c0001}}})));
  EXPECT_EQ(kdig("mob.example.org", "L64"), std::vector<std::string>{"10 2001:0db8:000c:0001"});
  EXPECT_EQ(kdig("mob.example.org", "NID"), std::vector<std::string>{"10 5c1a:97d3:04be:6f21"});
}

TEST_P(DnsTest, AKeyForLocatorsAloneIsEnoughWhereTheNidIsThere) {
  PublishSettings operators = settings();
  operators.replace = {"NID 10 5c1a:97d3:04be:6f21"};
  ASSERT_EQ(run(operators), ExitCode::ok) << said();
  boost::asio::io_context io;
  PublisherSettings limited = publisher_settings(*this, server->address(), l64_key);
  limited.manage_nids = false;
  auto publisher = Publisher::open(io, limited).value();
  EXPECT_TRUE(publish_and_wait(io, *publisher, PublishedState::of({nid_a}, {{10, {0x20010db8000a0001}}})))
      << publisher->status().last_problem;
  EXPECT_EQ(kdig("mob.example.org", "L64").size(), 1u);
}

TEST_P(DnsTest, ARotatedNidReplacesTheOld) {
  boost::asio::io_context io;
  auto publisher = Publisher::open(io, publisher_settings(*this, server->address(), mob_key)).value();
  ASSERT_TRUE(publish_and_wait(io, *publisher, PublishedState::of({nid_a}, {{10, {0x20010db8000a0001}}})));
  ASSERT_TRUE(publish_and_wait(io, *publisher, PublishedState::of({nid_a, nid_b}, {{10, {0x20010db8000a0001}}})))
      << publisher->status().last_problem;
  EXPECT_EQ(kdig("mob.example.org", "NID").size(), 2u);
  ASSERT_TRUE(publish_and_wait(io, *publisher, PublishedState::of({nid_b}, {{10, {0x20010db8000a0001}}})));
  EXPECT_EQ(kdig("mob.example.org", "NID"), std::vector<std::string>{"10 5c1a:97d3:04be:6f99"});
}

TEST_P(DnsTest, AZoneFetchedByTransferIsChecked) {
  PublishSettings bad = settings();
  bad.name = "two.example.org";
  bad.replace = {"NID 10 0214:4fff:fe20:ee64", "LP 10 dangling.example.org"};
  ASSERT_EQ(run(bad), ExitCode::ok) << said();
  CheckSettings what;
  what.axfr = {to_string(server->address()), "example.org"};
  what.json = true;
  std::ostringstream json;
  EXPECT_EQ(check(what, json, problems), ExitCode::failed);
  const auto report = nlohmann::json::parse(json.str());
  EXPECT_EQ(report["errors"], 1) << report;
  EXPECT_EQ(report["warnings"], 1) << report;  // the NID is srv's
  EXPECT_NE(report.dump().find("dangling.example.org. has no L64"), std::string::npos);
  what.axfr[1] = "example.com";
  EXPECT_EQ(check(what, json, problems), ExitCode::failed);
}

/// A stub in front of the server; identity addresses for ILNP names.
class Stub {
 public:
  Stub(boost::asio::io_context& io, const NameServer& upstream) : resolver_{IlnpResolver::open(io, {}).value()} {
    StubSettings settings;
    settings.upstream = {upstream};
    settings.hold = 20s;
    settings.listen = {{boost::asio::ip::make_address("127.0.0.106"), 53}, {boost::asio::ip::make_address("::1"), 53}};
    StubHooks hooks;
    hooks.on_ilnp_name = [](const ResolvedName& found) {
      return std::vector<Address>{{{0xfd494c4e50366631}, found.nids.front().nid}};
    };
    stub_ = StubResolver::open(io, settings, *resolver_, hooks).value();
  }
  const NameServer& address(std::size_t i = 0) const { return stub_->listening()[i]; }
  const StubCounters& counters() const { return stub_->counters(); }

 private:
  std::unique_ptr<IlnpResolver> resolver_;
  std::unique_ptr<StubResolver> stub_;
};

TEST_P(DnsTest, TheStubPassesEverythingElseOctetForOctet) {
  boost::asio::io_context io;
  Stub stub{io, server->address()};
  constexpr std::uint16_t mx = 15, https = 65, unknown = 65280, dnskey = 48;
  const auto questions = std::vector<DnsQuestion>{{name("plain.example.org"), mx},
                                                  {name("plain.example.org"), dns::type_txt},
                                                  {name("odd.example.org"), https},
                                                  {name("plain.example.org"), unknown},
                                                  {name("example.org"), dns::type_soa},
                                                  {name("example.org"), dnskey},
                                                  {name("big.example.org"), dns::type_txt},
                                                  {name("nowhere.example.org"), mx},
                                                  {name("plain.example.org"), dns::type_aaaa},
                                                  {name("plain.example.org"), dns::type_a},
                                                  {name("srv.example.org"), dns::type_nid},
                                                  {name("bus.example.org"), dns::type_lp}};
  for (const DnsQuestion& question : questions) {
    for (const auto by : {Asking::Transport::udp, Asking::Transport::tcp}) {
      for (const bool edns : {false, true}) {
        ByteVector query = make_query(0x1111, question, edns);
        if (edns) query[query.size() - 4] = 0x80;  // DO
        const auto direct = ask(io, server->address(), query, by);
        const auto through = ask(io, stub.address(), query, by);
        ASSERT_TRUE(direct && through) << question.name.text() << " " << question.type;
        EXPECT_EQ(*direct, *through) << question.name.text() << " " << question.type;
      }
    }
  }
  const auto big = ask(io, stub.address(), make_query(1, {name("big.example.org"), dns::type_txt}));
  EXPECT_TRUE(DnsMessage::parse(*big).value().is_truncated());
  const auto whole =
      ask(io, stub.address(), make_query(1, {name("big.example.org"), dns::type_txt}), Asking::Transport::tcp);
  EXPECT_GT(whole->size(), 8000u);
}

TEST_P(DnsTest, TheStubAnswersIlnpNamesOverUdpTcpAndBothFamilies) {
  boost::asio::io_context io;
  Stub stub{io, server->address()};
  for (const std::size_t family : {0u, 1u}) {
    for (const auto by : {Asking::Transport::udp, Asking::Transport::tcp}) {
      for (const char* owner : {"srv.example.org", "bus.example.org", "alias.example.org"}) {
        const auto answer = ask(io, stub.address(family), make_query(1, {name(owner), dns::type_aaaa}), by);
        ASSERT_TRUE(answer) << owner;
        const auto message = DnsMessage::parse(*answer);
        ASSERT_EQ(message.value().records()[0].type, dns::type_aaaa) << owner;
        EXPECT_EQ(Address::load(message.value().records()[0].rdata.data()).locator.bits, 0xfd494c4e50366631u) << owner;
        EXPECT_EQ(message.value().owner(message.value().records()[0]), name(owner));
        const auto v4 = ask(io, stub.address(family), make_query(1, {name(owner), dns::type_a}, false), by);
        EXPECT_TRUE(DnsMessage::parse(*v4).value().records().empty()) << owner;
        EXPECT_EQ(DnsMessage::parse(*v4).value().rcode(), 0u);
      }
    }
  }
  EXPECT_EQ(stub.counters().ilnp_answers, 12u);
  EXPECT_EQ(stub.counters().a_suppressed, 12u);
}

TEST_P(DnsTest, TheCommonToolsLikeTheStubsAnswers) {
  boost::asio::io_context io;
  Stub stub{io, server->address()};
  // The tools block, the stub lives in our loop: they run in a thread.
  const auto run_tool = [&](const std::string& command) {
    std::string text;
    bool done = false;
    std::thread tool{[&] {
      const std::string result = test::output_of(command);
      boost::asio::post(io, [&, result] {
        text = result;
        done = true;
      });
    }};
    test::run_until(
        io, [&] { return done; }, 20s);
    tool.join();
    return text;
  };
  EXPECT_EQ(run_tool("kdig @127.0.0.106 +short srv.example.org AAAA"), "fd49:4c4e:5036:6631:214:4fff:fe20:ee64\n");
  EXPECT_EQ(run_tool("kdig @127.0.0.106 +short +dnssec +tcp srv.example.org AAAA"),
            "fd49:4c4e:5036:6631:214:4fff:fe20:ee64\n");
  EXPECT_NE(run_tool("drill @127.0.0.106 srv.example.org AAAA").find("fd49:4c4e:5036:6631:214:4fff:fe20:ee64"),
            std::string::npos);
  EXPECT_EQ(run_tool("kdig @127.0.0.106 +short plain.example.org MX"), "10 mail.example.org.\n");
}

INSTANTIATE_TEST_SUITE_P(Primaries, DnsTest, testing::Values(Software::bind, Software::knot),
                         [](const auto& with) { return with.param == Software::bind ? "Bind" : "Knot"; });

TEST(DnsSecondary, NsdServesWhatWasPublishedOnBind) {
  const NameServer secondary_address{boost::asio::ip::make_address("127.0.0.1"), secondary_port};
  AuthoritativeServer primary{Software::bind, primary_port, nullptr, &secondary_address};
  ASSERT_TRUE(primary.wait_until_ready()) << primary.log();
  const NameServer primary_address = primary.address();
  AuthoritativeServer secondary{Software::nsd, secondary_port, &primary_address};
  ASSERT_TRUE(secondary.wait_until_ready()) << secondary.log();

  boost::asio::io_context io;
  test::TempDir keys;
  PublisherSettings settings;
  settings.server = primary_address;
  settings.name = name("mob.example.org");
  settings.key_file = test::write_key_file(keys, "mob-key", test::mob_secret);
  auto publisher = Publisher::open(io, settings).value();
  publisher->set_desired(PublishedState::of({nid_a}, {{10, {0x20010db8000a0001}}}));
  ASSERT_TRUE(test::run_until(
      io, [&] { return publisher->status().settled; }, 20s))
      << publisher->status().last_problem;

  // NSD takes the change when BIND's NOTIFY arrives; until then it answers with the zone it has.
  const auto end = std::chrono::steady_clock::now() + 30s;
  std::optional<L64Data> seen;
  while (!seen && std::chrono::steady_clock::now() < end) {
    const auto answer = ask(io, secondary.address(), make_query(1, {name("mob.example.org"), dns::type_l64}));
    ASSERT_TRUE(answer);
    const DnsMessage message = DnsMessage::parse(*answer).value();
    for (const DnsRecord& record : message.records()) {
      if (record.type == dns::type_l64) seen = decode_l64(record.rdata);
    }
    test::run_until(
        io, [] { return false; }, 50ms);
  }
  EXPECT_EQ(seen, (L64Data{10, {0x20010db8000a0001}})) << secondary.log();
}

}  // namespace
}  // namespace ilnp

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::AddGlobalTestEnvironment(new ilnp::test::Namespace);
  return RUN_ALL_TESTS();
}
