// SPDX-License-Identifier: Apache-2.0
#include "io/resolver/stub_resolver.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <set>

#include "tests/unit/resolver/fake_dns.h"

namespace ilnp {
namespace {

using test::answer_to;
using test::ask;
using test::FakeDns;
using test::FakeZone;
using test::name;
using namespace std::chrono_literals;

const DnsName srv = name("srv.example.org");
constexpr std::uint64_t nid_bits = 0x02144ffffe20ee64;
constexpr std::uint64_t identity_prefix = 0xfd494c4e50366631;
const Address identity{{identity_prefix}, {nid_bits}};

FakeZone ilnp_zone() {
  FakeZone zone;
  zone.set(srv, dns::type_nid, [](auto& m) { m.nid(srv, 10, nid_bits, 300); });
  zone.set(srv, dns::type_l64, [](auto& m) { m.l64(srv, 10, 0x20010db800c00001, 20); });
  zone.set(srv, dns::type_aaaa, [](auto& m) { m.aaaa(srv, "2001:db8:c0:1:214:4fff:fe20:ee64"); });
  zone.set(srv, dns::type_a, [](auto& m) { m.answer(srv, dns::type_a, 60, ByteVector{192, 0, 2, 1}); });
  return zone;
}

class StubTest : public testing::Test {
 protected:
  /// Tests that wait for `hold` to end have a shorter one.
  static StubSettings patient() {
    StubSettings settings;
    settings.hold = 20s;
    return settings;
  }
  void start(FakeDns::Script script, StubSettings settings = patient()) {
    upstream_ = std::make_unique<FakeDns>(io, std::move(script));
    settings.upstream = {upstream_->address()};
    start_with(std::move(settings));
  }
  void start_with(StubSettings settings) {
    settings.listen = {{boost::asio::ip::make_address("127.0.0.1"), 0}};
    stub.reset();  // it refers to the resolver
    resolver_ = IlnpResolver::open(io, {}).value();
    StubHooks hooks;
    hooks.on_ilnp_name = [this](const ResolvedName& found) {
      resolved.push_back(found);
      std::vector<Address> out;
      for (const NidRecord& nid : found.nids) out.push_back({{identity_prefix}, nid.nid});
      return policy_excludes ? std::vector<Address>{} : out;
    };
    hooks.name_of = [](const Address& address) {
      return address == identity ? std::optional<std::string>{"srv.example.org"} : std::nullopt;
    };
    stub = StubResolver::open(io, std::move(settings), *resolver_, std::move(hooks)).value();
  }
  std::optional<ByteVector> query(const DnsName& owner, std::uint16_t type,
                                  Asking::Transport by = Asking::Transport::udp, Duration most = 20s) {
    return ask(io, stub->listening().front(), make_query(0x4242, {owner, type, dns::class_in}), by, most);
  }
  /// The addresses in an answer.
  static std::vector<Address> addresses(const std::optional<ByteVector>& answer) {
    std::vector<Address> out;
    const auto message = DnsMessage::parse(answer.value());
    for (const DnsRecord& record : message.value().records()) {
      if (record.type == dns::type_aaaa) out.push_back(Address::load(record.rdata.data()));
    }
    return out;
  }
  static unsigned rcode(const std::optional<ByteVector>& answer) {
    return DnsMessage::parse(answer.value()).value().rcode();
  }

  boost::asio::io_context io;
  std::unique_ptr<FakeDns> upstream_;
  std::unique_ptr<IlnpResolver> resolver_;
  std::unique_ptr<StubResolver> stub;
  std::vector<ResolvedName> resolved;
  bool policy_excludes = false;
};

TEST_F(StubTest, AnIlnpNameIsAnsweredWithItsIdentityAddress) {
  start(ilnp_zone());
  for (const auto by : {Asking::Transport::udp, Asking::Transport::tcp}) {
    const auto answer = query(srv, dns::type_aaaa, by);
    EXPECT_EQ(addresses(answer), std::vector<Address>{identity});
    const auto message = DnsMessage::parse(*answer);
    EXPECT_TRUE(answers(message.value(), 0x4242, {srv, dns::type_aaaa, dns::class_in}));
    EXPECT_EQ(message.value().records()[0].ttl, 20u);
    EXPECT_NE(message.value().opt(), nullptr);
  }
  EXPECT_EQ(stub->counters().ilnp_answers, 2u);
  ASSERT_EQ(resolved.size(), 2u);
  EXPECT_EQ(resolved[0].locators[0].locator.bits, 0x20010db800c00001u);
}

TEST_F(StubTest, AnIlnpNameHasNoIpv4AddressHere) {
  start(ilnp_zone());
  const auto answer = query(srv, dns::type_a);
  ASSERT_TRUE(answer);
  EXPECT_EQ(rcode(answer), 0u);
  EXPECT_TRUE(DnsMessage::parse(*answer).value().records().size() == 1);  // the OPT
  EXPECT_EQ(stub->counters().a_suppressed, 1u);
}

TEST_F(StubTest, ANameThatPolicyExcludesIsAnsweredAsUpstreamDoes) {
  policy_excludes = true;
  start(ilnp_zone());
  EXPECT_EQ(addresses(query(srv, dns::type_aaaa)), std::vector{*parse_address("2001:db8:c0:1:214:4fff:fe20:ee64")});
  EXPECT_EQ(stub->counters().passed_through, 1u);
}

TEST_F(StubTest, EverythingElsePassesOctetForOctet) {
  const ByteVector odd = answer_to({srv, 65280, dns::class_in})
                             .flags(0x87b5)  // every flag that a server may set, and an odd RCODE
                             .answer(srv, 65280, 7, ByteVector(300, 0xa5))
                             .record(DnsSection::authority, name("x"), 65281, 1, ByteVector{1, 2, 3}, 77)
                             .opt(4096, 0x00008000)
                             .build();
  start([&](const DnsMessage& q, ClientTransport) {
    return q.question()->type == 65280 ? std::vector<FakeDns::Said>{{odd}} : std::vector<FakeDns::Said>{};
  });
  for (const auto by : {Asking::Transport::udp, Asking::Transport::tcp}) {
    ByteVector expected = odd;
    store_u16(expected.data(), 0x4242);
    EXPECT_EQ(query(srv, 65280, by), expected);
  }
}

TEST_F(StubTest, TheQuestionGoesUpstreamAsItCame) {
  ByteVector seen;
  start([&](const DnsMessage& q, ClientTransport) {
    seen.assign(q.octets().begin(), q.octets().end());
    return std::vector<FakeDns::Said>{{answer_to(*q.question()).build()}};
  });
  ByteVector asked = make_query(0x4242, {srv, dns::type_txt, dns::class_in});
  asked[13] = 'S';  // letter case is the client's
  asked[3] = 0x30;  // AD and CD
  ASSERT_TRUE(ask(io, stub->listening().front(), asked));
  EXPECT_NE(load_u16(seen.data()), 0x4242);
  store_u16(seen.data(), 0x4242);
  EXPECT_EQ(seen, asked);
}

TEST_F(StubTest, AnAnswerOf64KibPassesOverTcp) {
  ByteVector big(65000, 7);
  start([&](const DnsMessage& q, ClientTransport transport) {
    auto builder = answer_to(*q.question());
    if (transport == ClientTransport::udp) return std::vector<FakeDns::Said>{{builder.flags(0x8380).build()}};
    return std::vector<FakeDns::Said>{{builder.answer(srv, dns::type_txt, 1, big).build()}};
  });
  EXPECT_TRUE(DnsMessage::parse(query(srv, dns::type_txt).value()).value().is_truncated());
  EXPECT_GT(query(srv, dns::type_txt, Asking::Transport::tcp).value().size(), 65000u);
}

TEST_F(StubTest, AServerThatIsNotThereGivesServfailAtOnce) {
  StubSettings settings;
  settings.upstream = {{boost::asio::ip::make_address("127.0.0.1"), 1}};  // nobody listens: ICMP says so
  settings.total_timeout = 60s;
  start_with(settings);
  EXPECT_EQ(rcode(query(srv, dns::type_txt)), dns::servfail);
  EXPECT_EQ(rcode(query(srv, dns::type_aaaa)), dns::servfail);
  EXPECT_EQ(rcode(query(srv, dns::type_txt, Asking::Transport::tcp)), dns::servfail);
  EXPECT_EQ(stub->counters().servfail, 3u);
}

TEST_F(StubTest, ASilentServerGivesServfailInTime) {
  StubSettings settings;
  settings.try_timeout = 20ms;
  settings.total_timeout = 100ms;
  start([](const DnsMessage&, ClientTransport) { return std::vector<FakeDns::Said>{}; }, settings);
  EXPECT_EQ(rcode(query(srv, dns::type_txt)), dns::servfail);
  EXPECT_GE(upstream_->asked.size(), 3u);  // it was asked again meanwhile
}

TEST_F(StubTest, TheNextServerIsAskedAndThenPreferred) {
  FakeDns second{io, ilnp_zone()};
  FakeDns broken{io, [](const DnsMessage& q, ClientTransport) {
                   return std::vector<FakeDns::Said>{{answer_to(*q.question()).rcode(dns::servfail).build()}};
                 }};
  StubSettings settings;
  settings.upstream = {{boost::asio::ip::make_address("127.0.0.1"), 1}, broken.address(), second.address()};
  start_with(settings);
  EXPECT_EQ(rcode(query(srv, dns::type_txt)), 0u);
  const auto before = broken.asked.size();
  EXPECT_EQ(rcode(query(srv, dns::type_txt)), 0u);
  EXPECT_EQ(broken.asked.size(), before);
}

TEST_F(StubTest, WhenEveryServerComplainsTheComplaintIsPassedOn) {
  start([](const DnsMessage& q, ClientTransport) {
    return std::vector<FakeDns::Said>{{answer_to(*q.question()).rcode(dns::refused).build()}};
  });
  EXPECT_EQ(rcode(query(srv, dns::type_txt)), dns::refused);
}

TEST_F(StubTest, OnlyTheAnswerToOurQuestionIsTaken) {
  start([](const DnsMessage& q, ClientTransport) {
    const DnsQuestion question = *q.question();
    const auto forged = answer_to(question).answer(question.name, dns::type_txt, 1, ByteVector{3, 'b', 'a', 'd'});
    std::vector<FakeDns::Said> said;
    said.push_back({forged.build(), {}, true});  // another ID
    said.back().octets[0] = static_cast<std::uint8_t>(q.id() >> 8 ^ 1);
    said.push_back({answer_to({name("other"), dns::type_txt, dns::class_in}).build()});
    said.push_back({answer_to({question.name, dns::type_a, dns::class_in}).build()});
    said.push_back({make_query(q.id(), question)});                        // a question is no answer
    said.push_back({test::MessageBuilder{forged}.tsig().tsig().build()});  // two TSIG records
    said.push_back({ByteVector(5, 0xff)});
    said.push_back({forged.build()});
    said.back().octets.push_back(0);  // trailing octet
    said.push_back(
        {answer_to(question).answer(question.name, dns::type_txt, 1, ByteVector{4, 'g', 'o', 'o', 'd'}).build()});
    return said;
  });
  const auto answer = query(srv, dns::type_txt);
  ASSERT_TRUE(answer);
  EXPECT_EQ(DnsMessage::parse(*answer).value().records()[0].rdata.size(), 5u);
  EXPECT_EQ(stub->counters().mismatched_answers, 4u);
  EXPECT_EQ(stub->counters().malformed_answers, 3u);
}

TEST_F(StubTest, ContradictingAndLoopingAnswersLeaveThePlainAddress) {
  const auto lies = std::vector<std::function<void(FakeZone&)>>{
      [](FakeZone& z) {
        z.set(srv, dns::type_l64, [](auto& m) { m.cname(srv, "a.org").l64(name("a.org"), 1, 0x20010db800000001); });
      },
      [](FakeZone& z) {
        z.set(srv, dns::type_nid, [](auto& m) { m.cname(srv, "a.org").cname(name("a.org"), "srv.example.org"); });
      },
      [](FakeZone& z) {
        z.set(srv, dns::type_l64, [](auto& m) { m.answer(srv, dns::type_l64, 1, ByteVector(9, 0x20)); });
      },
      [](FakeZone& z) { z.set(srv, dns::type_l64, [](auto& m) { m.l64(srv, 1, 0xfe80000000000000); }); },
      [](FakeZone& z) { z.set(srv, dns::type_nid, [](auto& m) { m.nid(srv, 1, 0); }); },
  };
  for (std::size_t i = 0; i < lies.size(); ++i) {
    FakeZone zone = ilnp_zone();
    lies[i](zone);
    start(zone);
    EXPECT_EQ(addresses(query(srv, dns::type_aaaa)), std::vector{*parse_address("2001:db8:c0:1:214:4fff:fe20:ee64")})
        << i;
    EXPECT_TRUE(resolved.empty()) << i;
  }
}

TEST_F(StubTest, APlainAnswerWaitsForALocatorThatComesInTime) {
  FakeZone zone = ilnp_zone();
  zone.set(
      srv, dns::type_l64, [](auto& m) { m.l64(srv, 10, 0x20010db800c00001, 20); }, 50ms);
  start(zone);
  EXPECT_EQ(addresses(query(srv, dns::type_aaaa)), std::vector<Address>{identity});
  EXPECT_EQ(stub->counters().held, 1u);
  EXPECT_EQ(stub->counters().hold_expired, 0u);
}

TEST_F(StubTest, APlainAnswerDoesNotWaitForEver) {
  FakeZone zone = ilnp_zone();
  zone.silent(srv, dns::type_l64);
  start(zone, {});
  EXPECT_EQ(addresses(query(srv, dns::type_aaaa)), std::vector{*parse_address("2001:db8:c0:1:214:4fff:fe20:ee64")});
  EXPECT_EQ(stub->counters().hold_expired, 1u);
}

TEST_F(StubTest, LocatorsBehindAnLpGetOneMoreRoundTrip) {
  FakeZone zone;
  const auto late = 60ms;  // longer than `hold`
  zone.set(
      srv, dns::type_nid, [](auto& m) { m.nid(srv, 10, nid_bits); }, late);
  zone.set(
      srv, dns::type_l64, [](auto& m) { m.soa(name("org"), 1, 1); }, late);
  zone.set(
      srv, dns::type_lp, [](auto& m) { m.lp(srv, 10, "l64.org"); }, late);
  zone.set(
      srv, dns::type_aaaa, [](auto& m) { m.aaaa(srv, "2001:db8::1"); }, late);
  zone.set(
      name("l64.org"), dns::type_l64, [](auto& m) { m.l64(name("l64.org"), 1, 0x20010db800c00001); }, late);
  StubSettings settings;
  settings.hold = 20ms;
  std::vector<Address> answered;
  for (int tries = 0; answered != std::vector<Address>{identity} && tries < 10; ++tries) {  // a busy machine is late
    start(zone, settings);
    answered = addresses(query(srv, dns::type_aaaa));
  }
  EXPECT_EQ(answered, std::vector<Address>{identity});
}

TEST_F(StubTest, WithoutAnyAddressUpstreamThereIsNothingToHurryFor) {
  FakeZone zone;
  zone.set(srv, dns::type_nid, [](auto& m) { m.nid(srv, 10, nid_bits); });
  zone.set(
      srv, dns::type_l64, [](auto& m) { m.l64(srv, 10, 0x20010db800c00001); }, 200ms);
  start(zone);
  EXPECT_EQ(addresses(query(srv, dns::type_aaaa)), std::vector<Address>{identity});
}

TEST_F(StubTest, ReverseNamesOfIdentityAddressesAreKnownHere) {
  start(FakeZone{});
  const auto known = query(DnsName::reverse_of(identity), dns::type_ptr);
  const auto message = DnsMessage::parse(known.value());
  ASSERT_EQ(message.value().records()[0].type, dns::type_ptr);
  EXPECT_EQ(message.value().name_in(message.value().records()[0]), srv);
  EXPECT_TRUE(upstream_->asked.empty());
  const Address stranger{{identity_prefix}, {7}};
  ASSERT_TRUE(query(DnsName::reverse_of(stranger), dns::type_ptr));
  ASSERT_TRUE(query(DnsName::reverse_of(*parse_address("2001:db8::1")), dns::type_ptr));
  EXPECT_EQ(upstream_->asked.size(), 2u);
}

TEST_F(StubTest, QueriesThatAreNoneAreRefusedOrIgnored) {
  start(FakeZone{});
  const NameServer& at = stub->listening().front();
  ByteVector trailing = make_query(0x4242, {srv, dns::type_a, dns::class_in});
  trailing.push_back(0);
  EXPECT_EQ(rcode(ask(io, at, trailing)), dns::formerr);
  ByteVector none(12, 0);
  EXPECT_EQ(rcode(ask(io, at, none)), dns::formerr);
  ByteVector notify = make_query(0x4242, {srv, dns::type_soa, dns::class_in});
  notify[2] = 0x20;
  EXPECT_EQ(rcode(ask(io, at, notify)), dns::notimp);
  ByteVector response = make_query(0x4242, {srv, dns::type_a, dns::class_in});
  response[2] = 0x80;
  EXPECT_FALSE(ask(io, at, response, Asking::Transport::udp, 50ms));
  EXPECT_FALSE(ask(io, at, ByteVector{1, 2, 3}, Asking::Transport::udp, 50ms));
  EXPECT_EQ(stub->counters().malformed_queries, 4u);
}

TEST_F(StubTest, MoreQueriesThanAllowedAreDroppedAndCounted) {
  StubSettings settings;
  settings.most_queries = 3;
  start([](const DnsMessage&, ClientTransport) { return std::vector<FakeDns::Said>{}; }, settings);
  std::vector<std::unique_ptr<Asking>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<Asking>(
        io, stub->listening().front(), Asking::Transport::udp, make_query(1, {srv, dns::type_txt, dns::class_in}),
        [](Bytes) { return true; }, [](const std::string&) {}));
  }
  EXPECT_TRUE(test::run_until(io, [&] { return stub->counters().overload_drops == 2; }));
}

TEST_F(StubTest, ManyQueriesOnOneConnectionAreAllAnswered) {
  start(FakeZone{});
  boost::asio::ip::tcp::socket socket{io};
  const NameServer& at = stub->listening().front();
  socket.connect({at.address(), at.port()});
  ByteVector stream;
  for (std::uint16_t i = 0; i < 50; ++i) {
    const ByteVector q = make_query(i, {srv, dns::type_txt, dns::class_in});
    ByteWriter w{stream};
    w.u16(static_cast<std::uint16_t>(q.size()));
    w.bytes(q);
  }
  boost::asio::write(socket, boost::asio::buffer(stream));
  std::set<std::uint16_t> ids;
  ByteVector in;
  std::array<std::uint8_t, 4096> buffer{};
  const std::function<void()> read = [&] {
    socket.async_read_some(boost::asio::buffer(buffer), [&](boost::system::error_code bad, std::size_t n) {
      if (bad) return;
      in.insert(in.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n));
      while (in.size() >= 4 && in.size() >= load_u16(in.data()) + std::size_t{2}) {
        ids.insert(load_u16(&in[2]));
        in.erase(in.begin(), in.begin() + load_u16(in.data()) + 2);
      }
      read();
    });
  };
  read();
  EXPECT_TRUE(test::run_until(io, [&] { return ids.size() == 50; })) << ids.size();
  socket.close();
  io.poll();
}

TEST_F(StubTest, ResolvConfIsFollowedAndNeverOurselves) {
  char path[] = "/tmp/ilnp-resolv-XXXXXX";
  ::close(::mkstemp(path));
  FakeDns first{io, FakeZone{}}, second{io, FakeZone{}};
  const auto write_conf = [&](const std::string& server) { std::ofstream{path} << "nameserver " << server << "\n"; };
  write_conf(to_string(first.address()));
  StubSettings settings;
  settings.resolv_conf = path;
  start_with(settings);
  ASSERT_EQ(stub->upstream(), std::vector<NameServer>{first.address()});
  write_conf(to_string(second.address()));
  stub->network_changed();
  EXPECT_EQ(stub->upstream(), std::vector<NameServer>{second.address()});
  ASSERT_TRUE(query(srv, dns::type_txt));
  EXPECT_EQ(second.asked.size(), 1u);
  write_conf(to_string(stub->listening().front()));
  stub->network_changed();
  EXPECT_TRUE(stub->upstream().empty());
  EXPECT_EQ(rcode(query(srv, dns::type_txt)), dns::servfail);
  EXPECT_EQ(rcode(query(srv, dns::type_aaaa)), dns::servfail);
  ::unlink(path);
}

TEST_F(StubTest, TwoStubsOnOneAddressAreRefused) {
  start(FakeZone{});
  StubSettings settings;
  settings.listen = {stub->listening().front()};
  const auto second = StubResolver::open(io, settings, *resolver_, {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find(to_string(stub->listening().front())), std::string::npos);
}

}  // namespace
}  // namespace ilnp
