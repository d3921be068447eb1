// SPDX-License-Identifier: Apache-2.0
#include "io/resolver/name_server.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace ilnp {
namespace {

std::string shown(std::string_view text) {
  const auto server = parse_name_server(text);
  return server ? to_string(server.value()) : "";
}

TEST(NameServer, EveryUsualSpelling) {
  EXPECT_EQ(shown("192.0.2.1"), "192.0.2.1:53");
  EXPECT_EQ(shown("192.0.2.1:5353"), "192.0.2.1:5353");
  EXPECT_EQ(shown("192.0.2.1@5353"), "192.0.2.1:5353");
  EXPECT_EQ(shown("2001:db8::1"), "[2001:db8::1]:53");
  EXPECT_EQ(shown("[2001:db8::1]"), "[2001:db8::1]:53");
  EXPECT_EQ(shown("[2001:db8::1]:5353"), "[2001:db8::1]:5353");
  EXPECT_EQ(shown("2001:db8::1@5353"), "[2001:db8::1]:5353");
}

TEST(NameServer, WhatIsNoAddressOrPortIsRefused) {
  for (const char* bad : {"", "ns.example.org", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "[2001:db8::1",
                          "[::1]53", "[::1]:x", "::1@", "1.2.3"}) {
    EXPECT_FALSE(parse_name_server(bad)) << bad;
  }
}

TEST(NameServer, ResolvConfIsReadForItsServersOnly) {
  char path[] = "/tmp/ilnp-resolv-XXXXXX";
  const int fd = ::mkstemp(path);
  ASSERT_GE(fd, 0);
  ::close(fd);
  std::ofstream{path}
      << "# nameserver 192.0.2.9\nsearch example.org\nnameserver 192.0.2.1\n  nameserver 2001:db8::53 \n"
         "nameserver nonsense\nnameserver\noptions edns0\n";
  const auto servers = read_resolv_conf(path);
  ::unlink(path);
  ASSERT_TRUE(servers);
  ASSERT_EQ(servers.value().size(), 2u);
  EXPECT_EQ(to_string(servers.value()[1]), "[2001:db8::53]:53");
  EXPECT_FALSE(read_resolv_conf(path));
}

}  // namespace
}  // namespace ilnp
