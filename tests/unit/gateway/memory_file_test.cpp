// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/memory_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "io/crypto/crypto.h"

namespace ilnp {
namespace {

lisp::XtrIdentity somebody(std::uint8_t number) {
  lisp::XtrIdentity out;
  out.xtr.fill(number);
  out.site = 0xffff'ffff'ffff'fff0 + number;
  return out;
}

lisp::XtrMemory full() {
  lisp::XtrMemory memory;
  memory.registration_nonce = 0xffff'ffff'ffff'fffe;
  memory.change_nonce = 7;
  memory.change_highest[{somebody(1), 3}] = 0x8000'0000'0000'0001;
  memory.subscriptions.emplace_back(*lisp::parse_eid_prefix("[7]10.0.0.0/8"), 11);
  memory.server_nonces[{somebody(2), {65535, 255}}] = 13;
  memory.server_nonces[{somebody(2), {65535, 254}}] = 12;
  return memory;
}

void expect_same(const lisp::XtrMemory& a, const lisp::XtrMemory& b) {
  EXPECT_EQ(a.registration_nonce, b.registration_nonce);
  EXPECT_EQ(a.change_nonce, b.change_nonce);
  EXPECT_EQ(a.change_highest, b.change_highest);
  EXPECT_EQ(a.subscriptions, b.subscriptions);
  EXPECT_EQ(a.server_nonces, b.server_nonces);
}

class MemoryFileTest : public ::testing::Test {
 protected:
  MemoryFileTest() {
    char name[] = "/tmp/ilnp-gateway-memory.XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~MemoryFileTest() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
};

TEST(GatewayMemory, TextComesBackAsItWas) {
  const auto back = parse_memory(to_text(full()));
  ASSERT_TRUE(back);
  expect_same(*back, full());
  EXPECT_TRUE(parse_memory(to_text(lisp::XtrMemory{})));
}

TEST(GatewayMemory, WhatIsDamagedIsNothing) {
  const std::string text = to_text(full());
  for (std::size_t length = 0; length + 2 < text.size(); ++length)
    EXPECT_FALSE(parse_memory(std::string_view{text}.substr(0, length))) << length;
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    return parse_memory(changed);
  };
  EXPECT_FALSE(with("ilnp.gateway_memory/1", "ilnp.gateway_memory/2"));
  EXPECT_FALSE(with("[7]10.0.0.0/8", "[7]10.0.0.1/8"));
  EXPECT_FALSE(with("0101010101", "010101010x"));
  EXPECT_FALSE(with("\"change_nonce\":7", "\"change_nonce\":\"7\""));
  for (const char* number : {"-7", "7.5", "1e300", "18446744073709551616", "true"})
    EXPECT_FALSE(with("\"change_nonce\":7", std::string{"\"change_nonce\":"} + number)) << number;
  EXPECT_FALSE(with("\"key\":255", "\"key\":256"));
  EXPECT_FALSE(parse_memory("[]"));
}

TEST_F(MemoryFileTest, OutlivesItsWriterAndIsPrivate) {
  MemoryFile first{directory_};
  EXPECT_FALSE(first.load()) << "there is none yet";
  ASSERT_TRUE(first.save(full()));
  struct stat status {};
  ASSERT_EQ(::stat((directory_ + "/gateway.nonces").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  MemoryFile second{directory_};
  const auto memory = second.load();
  ASSERT_TRUE(memory);
  expect_same(*memory, full());
  std::filesystem::permissions(directory_ + "/gateway.nonces", std::filesystem::perms{0644});
  EXPECT_FALSE(second.load()) << "somebody else may have written it";
}

TEST_F(MemoryFileTest, TheXtrIdIsDrawnOnce) {
  OpensslRandom random;
  const auto id = MemoryFile{directory_}.xtr_id(random);
  ASSERT_TRUE(id) << id.error().message;
  const auto again = MemoryFile{directory_}.xtr_id(random);
  ASSERT_TRUE(again);
  EXPECT_EQ(id.value(), again.value());
  const std::string path = directory_ + "/gateway.xtr-id";
  std::ofstream{path} << "not one\n";
  EXPECT_FALSE(MemoryFile{directory_}.xtr_id(random)) << "a damaged one is not replaced in silence";
}

TEST_F(MemoryFileTest, AFullDiskIsReported) {
  MemoryFile file{directory_ + "/gone"};
  std::filesystem::remove_all(directory_ + "/gone");
  EXPECT_FALSE(file.save(full()));
  EXPECT_TRUE(file.is_failing());
  std::filesystem::create_directories(directory_ + "/gone");
  EXPECT_TRUE(file.save(full()));
  EXPECT_FALSE(file.is_failing());
}

}  // namespace
}  // namespace ilnp
