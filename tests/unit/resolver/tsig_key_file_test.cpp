// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "io/resolver/tsig.h"

namespace ilnp {
namespace {

const char* const good_key =
    "key \"mob-key\" {\n\talgorithm hmac-sha256;\n\tsecret \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\";\n};\n";

class TsigKeyFileTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/ilnp-key-XXXXXX";
    const int fd = ::mkstemp(path);
    ASSERT_GE(fd, 0);
    ::close(fd);
    path_ = path;
  }
  void TearDown() override { ::unlink(path_.c_str()); }
  std::string message_of(std::string_view content, mode_t mode = 0600) {
    std::ofstream{path_} << content;
    ::chmod(path_.c_str(), mode);
    const auto key = read_tsig_key(path_);
    return key ? "" : key.error().message;
  }
  std::string path_;
};

TEST_F(TsigKeyFileTest, AsTsigKeygenWritesIt) {
  ASSERT_EQ(message_of(good_key), "");
  const auto key = read_tsig_key(path_);
  EXPECT_EQ(key.value().name().text(), "mob-key.");
  EXPECT_EQ(key.value().algorithm(), TsigAlgorithm::hmac_sha256);
  ASSERT_EQ(key.value().secret().size(), 32u);
  for (std::uint8_t i = 0; i < 32; ++i) EXPECT_EQ(key.value().secret()[i], i);
}

TEST_F(TsigKeyFileTest, CommentsOrderAndQuotesAreFree) {
  EXPECT_EQ(
      message_of("# ours\nkey mob.example. { secret AAEC; // short\n algorithm HMAC-MD5; };"),
      "key file " + path_ + ": algorithm 'HMAC-MD5' is not one of hmac-sha1, hmac-sha256, hmac-sha384, hmac-sha512");
  EXPECT_EQ(message_of("# ours\nkey mob.example. { secret AAEC; // short\n algorithm HMAC-SHA512.; };"), "");
  EXPECT_EQ(read_tsig_key(path_).value().secret().size(), 3u);
}

TEST_F(TsigKeyFileTest, AFileThatOthersMayReadIsRefused) {
  for (const mode_t mode : {0640u, 0604u, 0644u, 0660u, 0777u}) {
    EXPECT_NE(message_of(good_key, mode).find("0600"), std::string::npos) << std::oct << mode;
  }
  EXPECT_EQ(message_of(good_key, 0400), "");
}

TEST_F(TsigKeyFileTest, WhatIsWrongIsSaidAndNoSecretWithIt) {
  const std::string secret = "c2VjcmV0IHNlY3JldA";
  for (const std::string& bad : {std::string{}, std::string{"nonsense"}, std::string{"key \"a\" {"},
                                 "key \"a\" { secret \"" + secret + "!\"; algorithm hmac-sha256; };",
                                 "key \"a\" { secret \"" + secret + "==\"; };",
                                 "key \"a\" { secret \"" + secret + "==\" algorithm hmac-sha256; };",
                                 "key \"a..b\" { secret \"" + secret + "==\"; algorithm hmac-sha256; };",
                                 "key \"a\" { colour \"" + secret + "==\"; };", std::string(5000, ' ')}) {
    const std::string said = message_of(bad);
    EXPECT_NE(said, "") << bad;
    EXPECT_EQ(said.find(secret), std::string::npos) << said;
  }
}

TEST_F(TsigKeyFileTest, NoFileAndNoRegularFile) {
  EXPECT_FALSE(read_tsig_key("/nowhere/key"));
  EXPECT_FALSE(read_tsig_key("/tmp"));
}

}  // namespace
}  // namespace ilnp
