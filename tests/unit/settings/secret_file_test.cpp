// SPDX-License-Identifier: Apache-2.0
#include "io/settings/secret_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace ilnp {
namespace {

class SecretFile : public testing::Test {
 protected:
  SecretFile() {
    std::string pattern = testing::TempDir() + "secret-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ / "key";
  }
  ~SecretFile() override { std::filesystem::remove_all(directory_); }
  void create(mode_t mode, const std::string& content = "secret") {
    std::ofstream{path_} << content;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }
  std::string problem() {
    const auto content = read_secret_file(path_, 100);
    return content ? std::string{"accepted"} : content.error().message.substr(path_.string().size() + 2);
  }

  std::filesystem::path directory_, path_;
};

TEST_F(SecretFile, IsReadWhenOnlyItsOwnerCanReadIt) {
  for (mode_t mode : {0600u, 0400u}) {
    create(mode);
    const auto content = read_secret_file(path_);
    ASSERT_TRUE(content) << content.error().message;
    EXPECT_EQ(std::string(content.value().begin(), content.value().end()), "secret");
    std::filesystem::remove(path_);
  }
}

TEST_F(SecretFile, IsRefusedWithAnyPermissionForOthers) {
  for (mode_t mode : {0640u, 0604u, 0620u, 0601u, 0666u}) {
    create(mode);
    EXPECT_NE(problem().find("must be 0600 or stricter"), std::string::npos) << std::oct << mode;
    std::filesystem::remove(path_);
  }
}

TEST_F(SecretFile, IsRefusedWhenSomebodyElseOwnsIt) {
  if (geteuid() != 0) GTEST_SKIP() << "giving files away needs root";
  create(0600);
  ASSERT_EQ(chown(path_.c_str(), 12345, 0), 0);
  EXPECT_EQ(problem(), "belongs to user 12345, must belong to root or to this user");
}

TEST_F(SecretFile, IsNeverALinkAPipeOrADirectory) {
  EXPECT_EQ(problem(), "cannot be opened: No such file or directory");
  create(0600);
  std::filesystem::rename(path_, directory_ / "real");
  std::filesystem::create_symlink(directory_ / "real", path_);
  EXPECT_EQ(problem(), "is a symbolic link");
  std::filesystem::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(problem(), "is not a regular file");
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_EQ(problem(), "is not a regular file");
}

TEST_F(SecretFile, IsBounded) {
  create(0600, std::string(100, 'x'));
  EXPECT_EQ(problem(), "accepted");
  create(0600, std::string(101, 'x'));
  EXPECT_EQ(problem(), "is larger than 100 octets");
}

TEST_F(SecretFile, IsWrittenPrivatelyAndReplacedWhole) {
  create(0644, "old");
  const ByteVector content{1, 2, 3};
  for (const Outlives outlives : {Outlives::power_loss, Outlives::process}) {
    ASSERT_TRUE(write_secret_file(path_, content, outlives));
    EXPECT_EQ(read_secret_file(path_).value(), content);
    create(0644, "old");
  }
  ASSERT_TRUE(write_secret_file(path_, content));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{directory_}, {}), 1) << "no temporary file is left";
  EXPECT_FALSE(write_secret_file(directory_ / "missing" / "key", content));
}

}  // namespace
}  // namespace ilnp
