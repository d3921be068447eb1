// SPDX-License-Identifier: Apache-2.0
#include "io/resolver/update_client.h"

#include <gtest/gtest.h>

#include <ctime>

#include "io/resolver/publisher.h"
#include "tests/unit/resolver/fake_dns.h"
#include "tests/unit/resolver/tsig_reply.h"

namespace ilnp {
namespace {

using test::FakeDns;
using test::name;
using test::ReplyFields;
using namespace std::chrono_literals;

TsigKey key() {
  ByteVector secret;
  for (std::uint8_t i = 0; i < 32; ++i) secret.push_back(i);
  return {name("mob-key"), TsigAlgorithm::hmac_sha256, secret};
}

std::uint64_t now_unix() { return static_cast<std::uint64_t>(std::time(nullptr)); }

/// The MAC in a signed request.
ByteVector mac_of(const DnsMessage& request) {
  const DnsRecord* tsig = request.tsig();
  if (tsig == nullptr) return {};
  const std::size_t mac_at = 13 + 10;  // after "hmac-sha256." and time, fudge, size
  return {tsig->rdata.begin() + mac_at, tsig->rdata.begin() + mac_at + 32};
}

FakeDns::Said good_reply(const DnsMessage& request, unsigned rcode = 0) {
  return {test::signed_reply(request.id(), rcode, key(), mac_of(request), {.time = now_unix(), .other = {}}), {}, true};
}

UpdatePlan plan(std::size_t locators = 1) {
  PublishedState wanted{{{10, {7}}}, {}, {}, {}};
  for (std::size_t i = 0; i < locators; ++i) wanted.locators.push_back({10, {0x20010db800000000 + i}});
  return plan_publication(name("example.org"), name("mob.example.org"), wanted, {}, TtlPolicy::mobile(),
                          {NidGuard::Kind::present, {}});
}

class UpdateClientTest : public testing::Test {
 protected:
  void start(FakeDns::Script script) {
    server = std::make_unique<FakeDns>(io, [this, script](const DnsMessage& q, ClientTransport t) {
      requests.emplace_back(t, ByteVector{q.octets().begin(), q.octets().end()});
      return script(q, t);
    });
    UpdateClientSettings settings{server->address(), key()};
    settings.try_timeout = 50ms;
    settings.tcp_timeout = 200ms;
    client = std::make_unique<UpdateClient>(io, std::move(settings));
  }
  UpdateOutcome send(const UpdatePlan& what = plan()) {
    std::optional<UpdateOutcome> outcome;
    client->send(what, [&](const UpdateOutcome& o) { outcome = o; });
    EXPECT_FALSE(outcome) << "called back inside send()";
    EXPECT_TRUE(test::run_until(io, [&] { return outcome.has_value(); }));
    return outcome.value_or(UpdateOutcome{});
  }

  boost::asio::io_context io;
  std::unique_ptr<FakeDns> server;
  std::unique_ptr<UpdateClient> client;
  std::vector<std::pair<ClientTransport, ByteVector>> requests;
};

TEST_F(UpdateClientTest, ASignedReplyIsBelieved) {
  for (const unsigned rcode : {dns::noerror, dns::nxrrset, dns::refused}) {
    start([rcode](const DnsMessage& q, ClientTransport) { return std::vector{good_reply(q, rcode)}; });
    const UpdateOutcome outcome = send();
    EXPECT_EQ(outcome.kind, UpdateOutcome::Kind::answered);
    EXPECT_EQ(outcome.rcode, rcode);
  }
}

TEST_F(UpdateClientTest, RepetitionsAreTheSameOctets) {
  int heard = 0;
  start([&](const DnsMessage& q, ClientTransport) {
    return ++heard < 3 ? std::vector<FakeDns::Said>{} : std::vector{good_reply(q)};
  });
  EXPECT_EQ(send().kind, UpdateOutcome::Kind::answered);
  ASSERT_GE(requests.size(), 3u);  // on a busy machine the answer to the third may be late as well
  EXPECT_EQ(requests[0], requests[1]);
  EXPECT_EQ(requests[0], requests[2]);
}

TEST_F(UpdateClientTest, SilenceOverUdpIsTriedOverTcpAndThenReported) {
  start([](const DnsMessage&, ClientTransport) { return std::vector<FakeDns::Said>{}; });
  EXPECT_EQ(send().kind, UpdateOutcome::Kind::no_answer);
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_EQ(requests.back().first, ClientTransport::tcp);
}

TEST_F(UpdateClientTest, NobodyThereIsReportedAtOnce) {
  start([](const DnsMessage&, ClientTransport) { return std::vector<FakeDns::Said>{}; });
  UpdateClientSettings settings{{boost::asio::ip::make_address("127.0.0.1"), 1}, key()};
  settings.try_timeout = settings.tcp_timeout = 60s;
  client = std::make_unique<UpdateClient>(io, std::move(settings));
  const UpdateOutcome outcome = send();
  EXPECT_EQ(outcome.kind, UpdateOutcome::Kind::no_answer);
  EXPECT_EQ(outcome.detail, "Connection refused");
}

TEST_F(UpdateClientTest, UpdatesBeyond1232OctetsAndTruncatedRepliesGoOverTcp) {
  start([](const DnsMessage& q, ClientTransport) { return std::vector{good_reply(q)}; });
  EXPECT_EQ(send(plan(40)).kind, UpdateOutcome::Kind::answered);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].first, ClientTransport::tcp);
  EXPECT_GT(requests[0].second.size(), 1232u);

  requests.clear();
  start([](const DnsMessage& q, ClientTransport t) {
    FakeDns::Said said = good_reply(q);
    if (t == ClientTransport::udp) said.octets[2] |= 0x02;
    return std::vector{said};
  });
  EXPECT_EQ(send().kind, UpdateOutcome::Kind::answered);
  EXPECT_EQ(requests.size(), 2u);
}

TEST_F(UpdateClientTest, ForgedRepliesDoNotEndTheExchange) {
  start([](const DnsMessage& q, ClientTransport) {
    std::vector<FakeDns::Said> said(5);
    for (FakeDns::Said& s : said) s = good_reply(q);
    said[0].octets.back() ^= 1;  // the signature's last field
    said[1].octets[40] ^= 1;     // somewhere in the middle
    said[2].octets[0] ^= 1;      // another ID
    said[3].octets.resize(30);   // cut
    return said;
  });
  const UpdateOutcome outcome = send();
  EXPECT_EQ(outcome.kind, UpdateOutcome::Kind::answered);
  EXPECT_EQ(outcome.rcode, 0u);
}

TEST_F(UpdateClientTest, AnUnsignedErrorIsBelievedOnlyOverTcpAndNamed) {
  for (const auto& [error, kind] :
       {std::pair{16, UpdateOutcome::Kind::bad_signature}, {17, UpdateOutcome::Kind::bad_key}}) {
    requests.clear();
    start([error = error](const DnsMessage& q, ClientTransport) {
      return std::vector<FakeDns::Said>{
          {test::signed_reply(q.id(), dns::notauth, key(), {},
                              {.error = static_cast<std::uint16_t>(error), .other = {}, .with_mac = false})}};
    });
    EXPECT_EQ(send().kind, kind);
    ASSERT_EQ(requests.size(), 2u);
    EXPECT_EQ(requests[1].first, ClientTransport::tcp);
  }
}

TEST_F(UpdateClientTest, AReplyWithoutSignatureIsOnlyAHint) {
  start([](const DnsMessage& q, ClientTransport) {
    return std::vector<FakeDns::Said>{{test::MessageBuilder{}.flags(dns::flag_response | dns::opcode_update).build()}};
    static_cast<void>(q);
  });
  EXPECT_EQ(send().kind, UpdateOutcome::Kind::unsigned_refusal);
}

TEST_F(UpdateClientTest, TwoTsigRecordsAreNoReply) {
  start([](const DnsMessage& q, ClientTransport) {
    auto said = good_reply(q);
    const DnsMessage good = DnsMessage::parse(said.octets).value();
    const Bytes tsig = Bytes{said.octets}.subspan(good.tsig()->at);
    const ByteVector copy{tsig.begin(), tsig.end()};
    said.octets.insert(said.octets.end(), copy.begin(), copy.end());
    said.octets[11] = 2;
    return std::vector{said};
  });
  const UpdateOutcome outcome = send();
  EXPECT_EQ(outcome.kind, UpdateOutcome::Kind::no_answer);
  EXPECT_NE(outcome.detail.find("TSIG"), std::string::npos);
}

TEST_F(UpdateClientTest, TheServersClockIsTakenOver) {
  constexpr std::uint64_t ahead = 100000;
  std::vector<std::uint64_t> signed_at;
  start([&](const DnsMessage& q, ClientTransport) {
    const std::uint64_t their_now = now_unix() + ahead;
    const Bytes rdata = q.tsig()->rdata;
    const std::uint64_t ours = load_u32(rdata.data() + 13 + 2);
    signed_at.push_back(ours);
    ReplyFields fields{.time = ours, .other = {}};
    if (ours + 300 < their_now) {
      fields.error = 18;
      fields.other = {0,
                      0,
                      static_cast<std::uint8_t>(their_now >> 24),
                      static_cast<std::uint8_t>(their_now >> 16),
                      static_cast<std::uint8_t>(their_now >> 8),
                      static_cast<std::uint8_t>(their_now)};
    }
    return std::vector<FakeDns::Said>{
        {test::signed_reply(q.id(), fields.error == 18 ? dns::notauth : dns::noerror, key(), mac_of(q), fields),
         {},
         true}};
  });
  EXPECT_EQ(send().kind, UpdateOutcome::Kind::bad_time);
  EXPECT_NEAR(static_cast<double>(client->clock_offset().count()), static_cast<double>(ahead), 2);
  EXPECT_EQ(send().kind, UpdateOutcome::Kind::answered);
  EXPECT_EQ(signed_at.size(), 2u);
}

TEST_F(UpdateClientTest, TheZoneIsWhereTheSoaIs) {
  start([](const DnsMessage& q, ClientTransport) {
    return std::vector<FakeDns::Said>{{test::answer_to(*q.question()).soa(name("example.org"), 1, 1).build()}};
  });
  std::optional<Result<DnsName>> zone;
  client->find_zone(name("mob.example.org"), [&](Result<DnsName> z) { zone = std::move(z); });
  ASSERT_TRUE(test::run_until(io, [&] { return zone.has_value(); }));
  EXPECT_EQ(zone->value(), name("example.org"));
  zone.reset();
  client->find_zone(name("mob.example.com"), [&](Result<DnsName> z) { zone = std::move(z); });
  ASSERT_TRUE(test::run_until(io, [&] { return zone.has_value(); }));
  EXPECT_FALSE(*zone);
}

TEST_F(UpdateClientTest, APublisherFindsItsZoneAndPublishesTheNewestState) {
  std::vector<ByteVector> updates;
  FakeDns primary{io, [&](const DnsMessage& q, ClientTransport) {
                    test::MessageBuilder reply;
                    reply.flags(static_cast<std::uint16_t>(dns::flag_response | q.opcode())).question(*q.question());
                    if (q.opcode() == 0)
                      return std::vector<FakeDns::Said>{{reply.soa(name("example.org"), 1, 1).build()}};
                    updates.emplace_back(q.octets().begin(), q.octets().end());
                    return std::vector<FakeDns::Said>{{reply.build()}};
                  }};
  PublisherSettings settings;
  settings.server = primary.address();
  settings.name = name("mob.example.org");
  settings.tuning.coalesce = 20ms;
  std::vector<PublicationEvent::Kind> events;
  auto publisher = Publisher::open(io, settings, [&](const PublicationEvent& e) { events.push_back(e.kind); });
  ASSERT_TRUE(publisher);
  const auto at = [](std::uint64_t l64) { return PublishedState::of({{10, {7}}}, {{10, {l64}}}); };
  publisher.value()->set_desired(at(1));
  publisher.value()->set_desired(at(2));
  EXPECT_EQ(publisher.value()->status().state, "finding-zone");
  ASSERT_TRUE(test::run_until(io, [&] { return publisher.value()->status().settled; }));
  publisher.value()->set_desired(at(3));
  publisher.value()->set_desired(at(4));
  ASSERT_TRUE(test::run_until(io, [&] { return publisher.value()->status().settled; }));
  const PublisherStatus status = publisher.value()->status();
  EXPECT_EQ(status.acknowledged, at(4));
  EXPECT_EQ(status.zone, name("example.org"));
  EXPECT_EQ(updates.size(), 2u);
  EXPECT_EQ(status.updates_acknowledged, 2u);
  EXPECT_EQ(events.size(), 2u);
}

TEST_F(UpdateClientTest, AClientThatGoesCallsNobody) {
  start([](const DnsMessage& q, ClientTransport) { return std::vector<FakeDns::Said>{{good_reply(q).octets, 20ms}}; });
  bool called = false;
  client->send(plan(), [&](const UpdateOutcome&) { called = true; });
  client.reset();
  EXPECT_FALSE(test::run_until(
      io, [&] { return called; }, 60ms));
}

}  // namespace
}  // namespace ilnp
