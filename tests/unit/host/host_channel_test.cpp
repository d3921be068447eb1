// SPDX-License-Identifier: Apache-2.0
// A pseudo-terminal stands in for the virtio-serial port.
#include "ilnp-host/src/host_channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <termios.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace ilnp {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_line = 64;

/// The hypervisor's end.
class Port {
 public:
  Port() : master_{posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)} {
    if (!master_.is_open() || grantpt(master_.get()) != 0 || unlockpt(master_.get()) != 0) std::abort();
    termios raw{};
    tcgetattr(master_.get(), &raw);
    cfmakeraw(&raw);
    tcsetattr(master_.get(), TCSANOW, &raw);
  }
  std::string path() const { return ptsname(master_.get()); }
  void say(const std::string& text) {
    ASSERT_EQ(::write(master_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string hear() {
    char octets[4096];
    const ssize_t got = ::read(master_.get(), octets, sizeof octets);
    return got > 0 ? std::string(octets, static_cast<std::size_t>(got)) : std::string{};
  }

 private:
  Descriptor master_;
};

class HostChannelTest : public testing::Test {
 protected:
  HostChannelTest() {
    std::string pattern = testing::TempDir() + "channel-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~HostChannelTest() override { std::filesystem::remove_all(directory_); }

  HostChannel& open(const std::string& port) {
    const auto on_line = [this](std::string_view line) {
      heard_.emplace_back(line);
      loop_.stop();
      return "heard " + std::string{line};
    };
    channel_ = std::make_unique<HostChannel>(loop_, port, max_line, on_line, directory_.string());
    channel_->look();
    return *channel_;
  }

  Loop loop_;
  std::filesystem::path directory_;
  std::vector<std::string> heard_;
  std::unique_ptr<HostChannel> channel_;
};

TEST_F(HostChannelTest, LineIsHeardAndAnswered) {
  Port port;
  EXPECT_TRUE(open(port.path()).is_connected());
  port.say("one\n");
  loop_.run_for(20s);
  EXPECT_EQ(heard_, std::vector<std::string>{"one"});
  EXPECT_EQ(port.hear(), "heard one\n");
}

TEST_F(HostChannelTest, LineMayComeInPiecesAndManyAtOnce) {
  Port port;
  open(port.path());
  port.say("on");
  loop_.run_for(10ms);
  EXPECT_TRUE(heard_.empty());
  port.say("e\n\ntwo\nthree");
  loop_.run_for(20s);
  EXPECT_EQ(heard_, (std::vector<std::string>{"one", "two"}));
}

TEST_F(HostChannelTest, LineThatIsTooLongIsSkippedToItsEnd) {
  Port port;
  HostChannel& channel = open(port.path());
  port.say(std::string(max_line, 'x') + "\n" + std::string(max_line + 1, 'y') + "\n" + "good\n");
  loop_.run_for(20s);
  EXPECT_EQ(heard_, (std::vector<std::string>{std::string(max_line, 'x'), "good"}));
  EXPECT_EQ(channel.counters().too_long, 1u);
}

TEST_F(HostChannelTest, OtherEndMayGoAndComeBack) {
  auto port = std::make_unique<Port>();
  const auto link = (directory_ / "port").string();
  std::filesystem::create_symlink(port->path(), link);
  HostChannel& channel = open(link);
  port->say("half a l");
  loop_.run_for(10ms);
  port.reset();
  loop_.run_for(10ms);
  EXPECT_FALSE(channel.is_connected());
  channel.look();
  EXPECT_FALSE(channel.is_connected());
  port = std::make_unique<Port>();
  std::filesystem::remove(link);
  std::filesystem::create_symlink(port->path(), link);
  channel.listen();  // opens nothing
  EXPECT_FALSE(channel.is_connected());
  channel.look();
  EXPECT_TRUE(channel.is_connected());
  port->say("ine\n");
  loop_.run_for(20s);
  EXPECT_EQ(heard_, std::vector<std::string>{"ine"});
}

TEST_F(HostChannelTest, PortIsFoundByItsName) {
  for (const auto& [device, name] :
       {std::pair{"vport0p1", "com.redhat.spice.0"}, std::pair{"vport0p2", "org.ilnp.host.0"}}) {
    std::filesystem::create_directory(directory_ / device);
    std::ofstream{directory_ / device / "name"} << name << "\n";
  }
  EXPECT_EQ(open("org.ilnp.host.0").path(), "/dev/vport0p2");
  EXPECT_EQ(open("org.ilnp.host.1").path(), "");
}

TEST_F(HostChannelTest, WithoutAPortThereIsNone) {
  EXPECT_FALSE(open("").is_connected());
  EXPECT_FALSE(open("org.ilnp.host.0").is_connected());
  EXPECT_FALSE(open((directory_ / "nothing").string()).is_connected());
}

TEST_F(HostChannelTest, FifoIsRefused) {
  const auto path = (directory_ / "fifo").string();
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(open(path).is_connected());
}

}  // namespace
}  // namespace ilnp
