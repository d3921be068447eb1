// SPDX-License-Identifier: Apache-2.0
// Links between loopback addresses that only this process uses, with certificates of the test's own authority.
#include "io/group/group_link.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <map>

#include "tests/unit/group/certificates.h"

namespace ilnp {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

constexpr std::uint16_t port = 14364;

/// 127.x.y.n, by our process ID: tests run at the same time.
std::string address(int n) {
  const auto id = static_cast<unsigned>(getpid());
  return "127." + std::to_string(1 + id / 200 % 250) + "." + std::to_string(id % 200) + "." + std::to_string(n);
}

GroupMember member(int n) {
  GroupMember out{"gateway " + std::to_string(n)};
  out.xtr.fill(static_cast<std::uint8_t>(n));
  out.site = static_cast<std::uint64_t>(n);
  return out;
}

ByteVector text(std::string_view words) { return {words.begin(), words.end()}; }

/// Says and hears what it wants, from whichever end of a connection.
class Stranger {
 public:
  Stranger(Loop& loop, asio::ssl::context::method method) : context{method}, stream{loop.context(), context} {}

  void use(const TlsFiles& files) {
    // The stream has its own: what the context is told later does not reach it.
    SSL* const ssl = stream.native_handle();
    EXPECT_EQ(SSL_use_certificate_file(ssl, files.certificate.c_str(), SSL_FILETYPE_PEM), 1);
    EXPECT_EQ(SSL_use_PrivateKey_file(ssl, files.key.c_str(), SSL_FILETYPE_PEM), 1);
  }
  /// Hands are shaken after that, if `with_tls`, and `words` said.
  void connect(const std::string& from, const std::string& to, bool with_tls, ByteVector words) {
    said = std::move(words);
    auto& socket = stream.next_layer();
    socket.open(tcp::v4());
    socket.bind({asio::ip::make_address(from), 0});
    socket.async_connect({asio::ip::make_address(to), port}, [this, with_tls](const auto& failure) {
      if (failure) return end();
      is_connected = true;
      if (with_tls) return shake_hands(asio::ssl::stream_base::client);
      asio::async_write(stream.next_layer(), asio::buffer(said), [](auto&&...) {});
      stream.next_layer().async_wait(tcp::socket::wait_read, [this](const auto&) { end(); });
    });
  }
  void shake_hands(asio::ssl::stream_base::handshake_type as) {
    stream.async_handshake(as, [this](const auto& failure) {
      if (failure) return end();
      is_shaken = true;
      if (!said.empty()) say(std::exchange(said, {}));
      if (reads) read();
    });
  }
  void say(ByteVector words) {
    said = std::move(words);
    asio::async_write(stream, asio::buffer(said), [](auto&&...) {});
  }
  void read() {
    stream.async_read_some(asio::buffer(piece), [this](const auto& failure, std::size_t octets) {
      if (failure) return end();
      heard.insert(heard.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(octets));
      read();
    });
  }

  asio::ssl::context context;  ///< believes everybody
  asio::ssl::stream<tcp::socket> stream;
  bool reads = true, is_connected = false, is_shaken = false, has_ended = false;
  ByteVector heard;

 private:
  void end() { has_ended = true; }

  ByteVector said;
  std::array<std::uint8_t, 65536> piece;
};

ByteVector after_hello(const GroupMember& who, Bytes more = {}) {
  ByteVector out = group_hello(who);
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

std::vector<GroupFrame> frames_in(Bytes octets) {
  GroupFrames reader;
  std::vector<GroupFrame> out;
  while (!octets.empty()) {
    auto frame = reader.take(octets);
    EXPECT_TRUE(frame);
    if (frame && frame.value()) out.push_back(std::move(*frame.value()));
  }
  return out;
}

class GroupLinkTest : public ::testing::Test {
 protected:
  struct Gateway {
    std::unique_ptr<GroupLink> link;
    std::map<GroupPart, ByteVector> parts;  ///< the newest of whomever
    int parts_seen = 0;
    std::map<std::string, bool> alive;  ///< by name

    std::uint64_t count(GroupCounter counter) const { return link->counters()[counter]; }
    bool is_alive(int n) const {
      const auto found = alive.find(member(n).name);
      return found != alive.end() && found->second;
    }
  };

  GroupSettings settings(int n, std::initializer_list<int> peers) {
    GroupSettings out{{address(n), port}, {}, authority_.issue(address(n))};
    out.heartbeat = seconds{4};  // a test that is kept waiting must not take anybody for dead
    for (const int peer : peers) out.peers.push_back({address(peer), port});
    return out;
  }

  Result<void> open(Gateway& gateway, int n, const GroupSettings& with) {
    auto opened = GroupLink::open(loop_, with, member(n),
                                  {[&gateway](const GroupMember&, GroupPart part, ByteVector content) {
                                     gateway.parts[part] = std::move(content);
                                     ++gateway.parts_seen;
                                   },
                                   [&gateway](const GroupMember& who, bool is_alive) {
                                     EXPECT_NE(gateway.alive[who.name], is_alive) << "only when it changes";
                                     gateway.alive[who.name] = is_alive;
                                   }});
    if (!opened) return opened.error();
    gateway.link = std::move(opened.value());
    return ok();
  }
  void open(Gateway& gateway, int n, std::initializer_list<int> peers) {
    ASSERT_TRUE(open(gateway, n, settings(n, peers)));
  }

  template <class Condition>
  bool wait_until(Condition condition) {
    const TimePoint end = loop_.now() + seconds{30};
    while (!condition()) {
      if (loop_.now() > end) return false;
      loop_.run_for(milliseconds{2});
    }
    return true;
  }

  /// Calls gateway 1 from address(from), with a certificate or without. Stays until the end of the test.
  Stranger& call(int from, const TlsFiles* files, ByteVector words,
                 asio::ssl::context::method method = asio::ssl::context::tls_client) {
    Stranger& stranger = *strangers_.emplace_back(std::make_unique<Stranger>(loop_, method));
    if (files != nullptr) stranger.use(*files);
    stranger.connect(address(from), address(1), true, std::move(words));
    return stranger;
  }
  bool is_refused(Gateway& one, const Stranger& stranger, GroupCounter reason) {
    return wait_until([&] { return stranger.has_ended && one.count(reason) == 1; });
  }

  Loop loop_;
  std::vector<std::unique_ptr<Stranger>> strangers_;
  TestAuthority authority_{"the group"};
};

TEST_F(GroupLinkTest, PartsThatWerePutBeforeAndAfterTheConnection) {
  Gateway one, two;
  open(one, 1, {2});
  one.link->put(GroupPart::sessions, text("secret"));
  one.link->put(GroupPart::presences, text("present"));
  open(two, 2, {1});
  ASSERT_TRUE(wait_until([&] { return two.parts_seen == 2; }));
  EXPECT_EQ(two.parts[GroupPart::sessions], text("secret"));
  EXPECT_EQ(two.parts[GroupPart::presences], text("present"));
  one.link->put(GroupPart::sessions, text("newer"));
  two.link->put(GroupPart::clients, text("log"));
  EXPECT_TRUE(wait_until([&] { return two.parts[GroupPart::sessions] == text("newer"); }));
  EXPECT_TRUE(wait_until([&] { return one.parts[GroupPart::clients] == text("log"); }));
  EXPECT_TRUE(one.is_alive(2) && two.is_alive(1));
  const GroupStatus status = two.link->status();
  ASSERT_EQ(status.members.size(), 1u);
  EXPECT_EQ(status.members[0].member, member(1));
  EXPECT_TRUE(status.members[0].is_alive);
  ASSERT_EQ(status.peers.size(), 1u);
  EXPECT_EQ(status.peers[0].address, address(1) + ":14364");
  EXPECT_TRUE(status.peers[0].is_connected);
}

TEST_F(GroupLinkTest, APartOfTwentyMebibytesArrivesWhole) {
  Gateway one, two;
  open(one, 1, {2});
  open(two, 2, {1});
  ByteVector large(20 << 20);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::uint8_t>(i * 2654435761u >> 24);
  one.link->put(GroupPart::sessions, large);
  ASSERT_TRUE(wait_until([&] { return two.parts_seen == 1; }));
  EXPECT_TRUE(two.parts[GroupPart::sessions] == large);
  EXPECT_TRUE(two.is_alive(1)) << "its heartbeats waited behind the part";
}

TEST_F(GroupLinkTest, WhatIsTooLargeIsNotSent) {
  Gateway one, two;
  open(one, 1, {2});
  open(two, 2, {1});
  one.link->put(GroupPart::sessions, text("small"));
  one.link->put(GroupPart::sessions, ByteVector(max_group_part + 1));
  EXPECT_EQ(one.count(GroupCounter::too_large), 1u);
  ASSERT_TRUE(wait_until([&] { return two.parts_seen == 1; }));
  EXPECT_EQ(two.parts[GroupPart::sessions], text("small"));
}

TEST_F(GroupLinkTest, ASlowPeerGetsTheNewestAndNothingInBetween) {
  asio::io_context& context = loop_.context();
  tcp::acceptor acceptor{context, {asio::ip::make_address(address(2)), port}};
  Stranger slow{loop_, asio::ssl::context::tls_server};
  slow.use(authority_.issue(address(2)));
  slow.reads = false;
  acceptor.async_accept(slow.stream.next_layer(),
                        [&](const auto&) { slow.shake_hands(asio::ssl::stream_base::server); });
  Gateway one;
  open(one, 1, {2});
  const ByteVector first(24 << 20, 1);  // more than the buffers of both sockets
  one.link->put(GroupPart::sessions, first);
  ASSERT_TRUE(wait_until([&] { return one.count(GroupCounter::parts_sent) == 1; }));
  for (std::uint8_t n = 2; n < 50; ++n) {
    one.link->put(GroupPart::sessions, ByteVector(100, n));
    one.link->put(GroupPart::clients, ByteVector{n});
    loop_.run_for(milliseconds{1});
  }
  EXPECT_EQ(one.count(GroupCounter::parts_sent), 1u);
  slow.read();
  ASSERT_TRUE(wait_until([&] { return slow.heard.size() >= (24u << 20) && one.count(GroupCounter::parts_sent) == 3; }));
  ASSERT_TRUE(wait_until([&] { return slow.heard.size() >= one.count(GroupCounter::octets_sent); }));
  std::vector<std::pair<GroupPart, ByteVector>> parts;
  for (GroupFrame& frame : frames_in(slow.heard))
    if (auto* part = std::get_if<GroupPartContent>(&frame)) parts.emplace_back(part->part, std::move(part->content));
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_TRUE(parts[0].second == first);
  EXPECT_EQ(parts[1], (std::pair{GroupPart::clients, ByteVector{49}})) << "the others have their turn";
  EXPECT_EQ(parts[2], (std::pair{GroupPart::sessions, ByteVector(100, 49)}));
}

TEST_F(GroupLinkTest, AGatewayThatDiedAndComesAgainGetsEverything) {
  Gateway one, two;
  open(one, 1, {2});
  open(two, 2, {1});
  one.link->put(GroupPart::sessions, text("s"));
  one.link->put(GroupPart::clients, text("c"));
  ASSERT_TRUE(wait_until([&] { return two.parts_seen == 2 && one.is_alive(2); }));
  two.link.reset();
  ASSERT_TRUE(wait_until([&] { return !one.is_alive(2) && !one.link->status().peers[0].is_connected; }));
  EXPECT_EQ(one.count(GroupCounter::silent), 0u) << "the end of a connection needs no waiting";
  EXPECT_FALSE(one.link->status().members.at(0).is_alive);
  EXPECT_NE(one.link->status().peers[0].last_error, "");
  one.link->put(GroupPart::clients, text("newer"));
  Gateway again;
  open(again, 2, {1});
  ASSERT_TRUE(wait_until([&] { return again.parts_seen == 2 && one.is_alive(2); }));
  EXPECT_EQ(again.parts[GroupPart::sessions], text("s"));
  EXPECT_EQ(again.parts[GroupPart::clients], text("newer"));
  EXPECT_EQ(one.link->status().members.size(), 1u) << "the same one";
}

TEST_F(GroupLinkTest, CertificatesMayBeRenewedInTheirFiles) {
  Gateway one, two;
  open(one, 1, {2});
  TestAuthority successor{"another"};
  const GroupSettings former = settings(2, {1});
  GroupSettings renewed = former;
  renewed.tls = successor.issue(address(2));
  ASSERT_TRUE(open(two, 2, renewed));
  ASSERT_TRUE(wait_until([&] { return !one.link->status().peers[0].last_error.empty(); }));
  EXPECT_TRUE(one.alive.empty() && two.alive.empty()) << "nobody of ours has signed it";
  std::filesystem::copy_file(former.tls.ca, renewed.tls.ca, std::filesystem::copy_options::overwrite_existing);
  for (const auto file : {&TlsFiles::certificate, &TlsFiles::key})
    std::filesystem::copy_file(former.tls.*file, renewed.tls.*file, std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(wait_until([&] { return one.is_alive(2) && two.is_alive(1); }));
}

TEST_F(GroupLinkTest, NothingIsSentToWhoIsNotThePeer) {
  const TlsFiles of_another = authority_.issue(address(9));
  tcp::acceptor acceptor{loop_.context(), {asio::ip::make_address(address(2)), port}};
  Stranger impostor{loop_, asio::ssl::context::tls_server};
  impostor.use(of_another);
  acceptor.async_accept(impostor.stream.next_layer(),
                        [&](const auto&) { impostor.shake_hands(asio::ssl::stream_base::server); });
  Gateway one;
  open(one, 1, {2});
  one.link->put(GroupPart::sessions, text("secret"));
  ASSERT_TRUE(wait_until([&] { return impostor.has_ended; }));
  EXPECT_FALSE(impostor.is_shaken);
  EXPECT_TRUE(wait_until([&] {
    return one.link->status().peers[0].last_error.find("IP address mismatch") != std::string::npos;
  })) << one.link->status().peers[0].last_error;
  EXPECT_EQ(one.count(GroupCounter::parts_sent), 0u);
}

TEST_F(GroupLinkTest, CertificatesThatAreNotThePeersAreRefused) {
  TestAuthority another{"somebody else"};
  const TlsFiles of_another_authority = another.issue(address(2)), of_another_address = authority_.issue(address(9));
  for (const TlsFiles* files : {&of_another_authority, &of_another_address, static_cast<const TlsFiles*>(nullptr)}) {
    Gateway one;
    open(one, 1, {2});
    Stranger& stranger = call(2, files, group_hello(member(2)));
    EXPECT_TRUE(is_refused(one, stranger, GroupCounter::refused_certificate)) << one.link->status().last_refusal;
    EXPECT_TRUE(one.alive.empty());
    EXPECT_EQ(one.link->status().last_refusal.substr(0, address(2).size()), address(2));
  }
}

TEST_F(GroupLinkTest, AddressesThatAreNoPeersAreRefusedBeforeTls) {
  const TlsFiles files = authority_.issue(address(9));
  Gateway one;
  open(one, 1, {2});
  Stranger& stranger = call(9, &files, group_hello(member(9)));
  EXPECT_TRUE(is_refused(one, stranger, GroupCounter::refused_address));
  EXPECT_FALSE(stranger.is_shaken);
}

TEST_F(GroupLinkTest, GarbageAndOldVersionsOfTls) {
  const TlsFiles files = authority_.issue(address(2));
  Gateway one;
  open(one, 1, {2});
  Stranger babbler{loop_, asio::ssl::context::tls_client};
  babbler.connect(address(2), address(1), false, text("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(is_refused(one, babbler, GroupCounter::handshake_failed));
  Stranger& old = call(2, &files, group_hello(member(2)), asio::ssl::context::tlsv12_client);
  EXPECT_TRUE(wait_until([&] { return old.has_ended && one.count(GroupCounter::handshake_failed) == 2; }));
  EXPECT_FALSE(old.is_shaken);
}

TEST_F(GroupLinkTest, AMemberThatBabblesIsDropped) {
  const TlsFiles files = authority_.issue(address(2));
  const ByteVector no_hello{group_alive.begin(), group_alive.end()};
  const ByteVector too_long = after_hello(member(2), ByteVector{255, 255, 255, 255, 3});
  for (const ByteVector& words : {no_hello, too_long}) {
    Gateway one;
    open(one, 1, {2});
    Stranger& stranger = call(2, &files, words);
    EXPECT_TRUE(is_refused(one, stranger, GroupCounter::bad_frames));
    EXPECT_FALSE(one.is_alive(2));
  }
}

TEST_F(GroupLinkTest, SomebodyWithOurIdentityIsDropped) {
  const TlsFiles files = authority_.issue(address(2));
  Gateway one;
  open(one, 1, {2});
  Stranger& stranger = call(2, &files, group_hello(member(1)));
  EXPECT_TRUE(is_refused(one, stranger, GroupCounter::own_identity));
  EXPECT_TRUE(one.alive.empty());
}

TEST_F(GroupLinkTest, WhoHasNothingToSayIsAlive) {
  Gateway one, two;
  for (const int n : {1, 2}) {
    GroupSettings with = settings(n, {3 - n});
    with.heartbeat = milliseconds{300};
    ASSERT_TRUE(open(n == 1 ? one : two, n, with));
  }
  const std::size_t hello = group_hello(member(1)).size();
  const auto heartbeats = [&](const Gateway& of) {
    const std::uint64_t octets = of.count(GroupCounter::octets_received);
    return octets < hello ? 0 : (octets - hello) / group_alive.size();
  };
  EXPECT_TRUE(wait_until([&] { return heartbeats(one) >= 7 && heartbeats(two) >= 7; })) << "five would be silence";
  EXPECT_TRUE(one.is_alive(2) && two.is_alive(1));
  EXPECT_EQ(one.count(GroupCounter::connects) + two.count(GroupCounter::connects), 2u);
}

TEST_F(GroupLinkTest, ASilentMemberIsDead) {
  const TlsFiles files = authority_.issue(address(2));
  Gateway one;
  GroupSettings with = settings(1, {2});
  with.heartbeat = milliseconds{40};
  ASSERT_TRUE(open(one, 1, with));
  Stranger& stranger = call(2, &files, group_hello(member(2)));
  ASSERT_TRUE(wait_until([&] { return one.is_alive(2); }));
  ASSERT_TRUE(wait_until([&] { return !one.is_alive(2); }));
  EXPECT_EQ(one.count(GroupCounter::silent), 1u);
  EXPECT_TRUE(wait_until([&] { return stranger.has_ended; }));
}

TEST_F(GroupLinkTest, ANewConnectionOfAMemberReplacesTheFormer) {
  const TlsFiles files = authority_.issue(address(2));
  Gateway one;
  GroupSettings patient = settings(1, {2});
  patient.heartbeat = seconds{60};  // the former does not end by its silence
  ASSERT_TRUE(open(one, 1, patient));
  Stranger& former = call(2, &files, group_hello(member(2)));
  ASSERT_TRUE(wait_until([&] { return one.is_alive(2); }));
  const auto head = group_part_head(GroupPart::clients, 1);
  ByteVector words = after_hello(member(2), head);
  words.push_back(7);
  Stranger& newer = call(2, &files, words);
  ASSERT_TRUE(wait_until([&] { return former.has_ended && one.parts_seen == 1; }));
  EXPECT_TRUE(one.is_alive(2));
  newer.stream.next_layer().close();
  EXPECT_TRUE(wait_until([&] { return !one.is_alive(2); }));
}

TEST_F(GroupLinkTest, ConnectionsHaveABound) {
  Gateway one;
  open(one, 1, {2});
  std::vector<std::unique_ptr<Stranger>> silent;
  for (int i = 0; i < 2; ++i) {
    silent.push_back(std::make_unique<Stranger>(loop_, asio::ssl::context::tls_client));
    silent.back()->connect(address(2), address(1), false, {});
    ASSERT_TRUE(wait_until([&] { return silent.back()->is_connected; }));
  }
  loop_.run_for(milliseconds{20});
  Stranger third{loop_, asio::ssl::context::tls_client};
  third.connect(address(2), address(1), false, {});
  EXPECT_TRUE(is_refused(one, third, GroupCounter::refused_full));
  EXPECT_TRUE(wait_until([&] { return silent[0]->has_ended && silent[1]->has_ended; })) << "hands have to be shaken";
  EXPECT_EQ(one.count(GroupCounter::handshake_failed), 2u);
}

TEST_F(GroupLinkTest, MembersHaveABound) {
  const TlsFiles files = authority_.issue(address(2));
  Gateway one;
  open(one, 1, {2, 3});
  Gateway three;
  open(three, 3, {1});
  ASSERT_TRUE(wait_until([&] { return one.is_alive(3); }));
  three.link.reset();
  ASSERT_TRUE(wait_until([&] { return !one.is_alive(3); }));
  for (int n = 4; n < 8; ++n) {  // each time with another xTR-ID
    Stranger& stranger = call(2, &files, group_hello(member(n)));
    ASSERT_TRUE(wait_until([&] { return one.is_alive(n); }));
    stranger.stream.next_layer().close();
    ASSERT_TRUE(wait_until([&] { return !one.is_alive(n) && stranger.has_ended; }));
  }
  const GroupStatus status = one.link->status();
  ASSERT_EQ(status.members.size(), 2u);
  EXPECT_EQ(status.members.front().member, member(3)) << "of another address";
  EXPECT_EQ(status.members.back().member, member(7));
}

TEST_F(GroupLinkTest, FilesThatCannotBeUsedAreNamed) {
  const auto why = [&](const GroupSettings& with) {
    Gateway one;
    const auto opened = open(one, 1, with);
    return opened ? std::string{} : opened.error().message;
  };
  GroupSettings with = settings(1, {2});
  with.tls.key = authority_.issue(address(2)).key;
  EXPECT_EQ(why(with), with.tls.key.string() + ": key values mismatch") << "the key of another certificate";
  with = settings(1, {2});
  std::filesystem::permissions(with.tls.key, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  EXPECT_NE(why(with).find(with.tls.key.string()), std::string::npos) << why(with);
  with = settings(1, {2});
  with.tls.ca = "/nowhere";
  EXPECT_NE(why(with).find("/nowhere"), std::string::npos);
  with = settings(1, {2});
  with.listen.address = "192.0.2.77";
  EXPECT_NE(why(with).find("192.0.2.77:14364"), std::string::npos) << why(with);
}

}  // namespace
}  // namespace ilnp
