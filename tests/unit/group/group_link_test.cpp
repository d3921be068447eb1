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

  Loop loop_;
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

}  // namespace
}  // namespace ilnp
