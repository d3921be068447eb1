// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/flow_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/fakes.h"

namespace ilnp {
namespace {

class FlowFileTest : public ::testing::Test {
 protected:
  FlowFileTest() { std::filesystem::remove(path); }
  ~FlowFileTest() override { std::filesystem::remove(path); }
  std::unique_ptr<FlowFile> open() {
    auto file = FlowFile::open(path, form, random);
    EXPECT_TRUE(file) << (file ? "" : file.error().message);
    return file ? std::move(file.value()) : nullptr;
  }
  /// Writes a flow, lets the mapping go and opens the file again.
  std::size_t flows_after(FlowFile::Form next) {
    {
      const auto file = open();
      FlowTable table{file->memory().seed, file->memory().flows};
      const FlowKey key{{7}, {}, 1, 2, 6};
      table.add({key, 3, true, {}, TimePoint{seconds{5}}}, table.hash(key));
    }
    form = std::move(next);
    const auto file = open();
    why = file->why_new();
    FlowTable table{file->memory().seed, file->memory().flows};
    const FlowKey key{{7}, {}, 1, 2, 6};
    const Flow* found = table.find(key, table.hash(key));
    EXPECT_EQ(found != nullptr && found->uplink == 3, table.size() == 1);
    return table.size();
  }

  std::string path = testing::TempDir() + "ilnp-flows-" + std::to_string(getpid());
  FlowFile::Form form{100, 100, "isp1\nisp2\n", "boot"};
  std::string why;
  test::FakeRandom random{1};
};

TEST_F(FlowFileTest, FlowsOutliveTheProcess) {
  EXPECT_EQ(flows_after(form), 1u);
  EXPECT_EQ(why, "");
}

TEST_F(FlowFileTest, FlowsOfAnotherTimeOrFormAreForgotten) {
  const auto other = [&](auto change) {
    FlowFile::Form next = form;
    change(next);
    return next;
  };
  EXPECT_EQ(flows_after(other([](auto& f) { f.boot_id = "another"; })), 0u);
  EXPECT_EQ(why, "before this boot");
  EXPECT_EQ(flows_after(other([](auto& f) { f.uplinks = "isp2\nisp1\n"; })), 0u);
  EXPECT_EQ(why, "other uplinks");
  EXPECT_EQ(flows_after(other([](auto& f) { f.flows = 300; })), 0u);
  EXPECT_EQ(why, "another size");
  EXPECT_EQ(flows_after(other([](auto& f) { f.boot_id = ""; })), 0u) << "nobody knows when it was written";
}

TEST_F(FlowFileTest, NobodyElseReadsIt) {
  const auto file = open();
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(FlowFileTest, ALinkIsNotFollowed) {
  std::filesystem::create_symlink("/dev/null", path);
  EXPECT_FALSE(FlowFile::open(path, form, random));
}

}  // namespace
}  // namespace ilnp
