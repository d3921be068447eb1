// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/control_server.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "io/telemetry/control.h"
#include "io/telemetry/control_client.h"

namespace ilnp {
namespace {

using nlohmann::json;
using std::chrono::seconds;

/// A server on its own loop and thread; everything that touches it is run there.
class ControlServerTest : public testing::Test {
 protected:
  template <class F>
  auto on_loop(F work) {
    std::packaged_task<std::invoke_result_t<F>()> task{std::move(work)};
    auto done = task.get_future();
    boost::asio::post(loop_, std::move(task));
    return done.get();
  }

  ControlServerTest() {
    std::string pattern = testing::TempDir() + "ctl-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = (directory_ / "host.sock").string();
    thread_ = std::thread{[this] { loop_.run(); }};
  }
  ~ControlServerTest() override {
    on_loop([this] { server_.reset(); });
    guard_.reset();
    thread_.join();
    std::filesystem::remove_all(directory_);
  }

  /// The problem, or nothing.
  std::string start(ControlServerOptions options = {}) {
    options.path = path_;
    return on_loop([&]() -> std::string {
      auto server = ControlServer::open(loop_, options);
      if (!server) return server.error().message;
      server_ = std::move(server).value();
      server_->on("status", [](const json& request) -> Result<json> {
        return json{{"schema", "ilnp.status/1"}, {"echo", request.value("echo", json{})}};
      });
      server_->on("reload", [](const json&) -> Result<json> { return error("host.toml:1:1: syntax"); });
      server_->on("shape", [](const json& request) -> Result<json> { return json{request.at("missing")}; });
      server_->on_slow("later", [this](const json&, const ControlServer::Reply& reply) { replies_.push_back(reply); });
      server_->on("large", [](const json&) -> Result<json> { return json{{"filler", std::string(8 << 20, 'x')}}; });
      return {};
    });
  }

  ControlClient client() {
    auto connected = ControlClient::connect(path_);
    EXPECT_TRUE(connected) << connected.error().message;
    return std::move(connected).value();
  }
  /// Whether it becomes so on the loop within twenty seconds.
  template <class F>
  bool becomes(F is_so) {
    for (const auto end = std::chrono::steady_clock::now() + seconds{20}; std::chrono::steady_clock::now() < end;)
      if (on_loop(is_so)) return true;
    return false;
  }
  void publish(int number) {
    on_loop([&] {
      const Field field{"number", number};
      server_->publish({LogLevel::info, "tick", {&field, 1}, std::chrono::system_clock::now()});
    });
  }
  ControlServerStats stats() {
    return on_loop([&] { return server_->stats(); });
  }
  /// A bare connection, for clients that do not behave.
  int raw_connection() {
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    const timeval limit{20, 0};
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    EXPECT_EQ(connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return descriptor;
  }
  static std::string read_until_closed(int descriptor) {
    std::string text;
    char block[4096];
    for (ssize_t got = 0; (got = read(descriptor, block, sizeof block)) > 0;)
      text.append(block, static_cast<std::size_t>(got));
    return text;
  }

  std::filesystem::path directory_;
  std::string path_;
  boost::asio::io_context loop_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{loop_.get_executor()};
  std::unique_ptr<ControlServer> server_;
  std::vector<ControlServer::Reply> replies_;
  std::thread thread_;
};

TEST_F(ControlServerTest, LaterAnswersComeInOrderAndOnce) {
  ASSERT_EQ(start(), "");
  ControlClient c = client();
  ASSERT_TRUE(c.send({{"command", "later"}}));
  ASSERT_TRUE(c.send({{"command", "status"}, {"echo", 1}}));
  ASSERT_TRUE(becomes([this] { return replies_.size() == 1; }));
  ASSERT_FALSE(c.receive(std::chrono::milliseconds{50})) << "the second request waits for the first";
  on_loop([this] {
    replies_[0]({{"schema", "late"}});
    replies_[0]({{"schema", "twice"}});
  });
  EXPECT_EQ(c.receive(seconds{20}).value()["schema"], "late");
  EXPECT_EQ(c.receive(seconds{20}).value()["echo"], 1);
}

TEST_F(ControlServerTest, LateAnswerForAClientThatHasGone) {
  ASSERT_EQ(start(), "");
  std::optional<ControlClient> c{client()};
  ASSERT_TRUE(c->send({{"command", "later"}}));
  ASSERT_TRUE(becomes([this] { return replies_.size() == 1; }));
  c.reset();
  on_loop([this] { replies_[0]({{"schema", "late"}}); });
  EXPECT_TRUE(becomes([this] { return server_->clients() == 0; })) << "noticed when there is something to tell it";
  on_loop([this] { server_.reset(); });
  on_loop([this] { replies_[0]({{"schema", "late"}}); });
}

TEST_F(ControlServerTest, AnswersRequestsInOrderOnOneConnection) {
  ASSERT_EQ(start(), "");
  ControlClient c = client();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(c.send({{"command", "status"}, {"echo", i}}));
  for (int i = 0; i < 100; ++i) {
    const auto answer = c.receive(seconds{20});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer.value()["echo"], i);
    EXPECT_EQ(answer.value()["schema"], "ilnp.status/1");
  }
}

TEST_F(ControlServerTest, MistakesAreAnsweredAndTheConnectionGoesOn) {
  ASSERT_EQ(start(), "");
  ControlClient c = client();
  EXPECT_EQ(c.request({{"command", "nonsense"}}).error().message, "unknown command \"nonsense\"");
  EXPECT_EQ(c.request({{"x", 1}}).error().message, "the request has no \"command\"");
  EXPECT_EQ(c.request({{"command", "reload"}}).error().message, "host.toml:1:1: syntax");
  EXPECT_NE(c.request({{"command", "shape"}}).error().message.find("missing"), std::string::npos);
  EXPECT_TRUE(c.request({{"command", "status"}}));
  EXPECT_EQ(stats().bad_requests, 3u);
}

TEST_F(ControlServerTest, LargeAnswersArriveWhole) {
  ASSERT_EQ(start(), "");
  ControlClient c = client();
  const auto answer = c.request({{"command", "large"}}, seconds{30});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer.value()["filler"].get<std::string>().size(), 8u << 20);
}

TEST_F(ControlServerTest, AnEndlessRequestIsCutOff) {
  ASSERT_EQ(start(), "");
  const int rude = raw_connection();
  const std::string flood(max_control_request + 20000, 'x');
  send(rude, flood.data(), flood.size(), MSG_NOSIGNAL);
  EXPECT_NE(read_until_closed(rude).find("\"code\":\"too_long\""), std::string::npos);
  close(rude);
  EXPECT_TRUE(client().request({{"command", "status"}}));
}

TEST_F(ControlServerTest, ClientsAreBounded) {
  ASSERT_EQ(start({.max_clients = 2}), "");
  ControlClient first = client();
  ASSERT_TRUE(first.request({{"command", "status"}}));
  {
    ControlClient second = client();
    ASSERT_TRUE(second.request({{"command", "status"}}));
    EXPECT_EQ(client().request({{"command", "status"}}).error().message, "too many clients");
  }
  // The server sees that the second has gone at the latest when it handles what comes after.
  const auto deadline = std::chrono::steady_clock::now() + seconds{20};
  while (on_loop([&] { return server_->clients(); }) > 1 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(client().request({{"command", "status"}}));
}

TEST_F(ControlServerTest, MonitorsReceiveEveryEventInOrder) {
  ASSERT_EQ(start(), "");
  ControlClient watcher = client();
  ASSERT_EQ(watcher.request({{"command", "monitor"}}).value()["event"], "monitor_started");
  ControlClient other = client();
  ASSERT_TRUE(other.request({{"command", "status"}}));
  for (int i = 0; i < 50; ++i) publish(i);
  for (int i = 0; i < 50; ++i) {
    const auto event = watcher.receive(seconds{20});
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event.value()["schema"], "ilnp.event/1");
    EXPECT_EQ(event.value()["event"], "tick");
    EXPECT_EQ(event.value()["number"], i);
  }
  EXPECT_EQ(on_loop([&] { return server_->monitors(); }), 1u);
  EXPECT_FALSE(other.receive(std::chrono::milliseconds{0})) << "who did not ask gets no events";
}

TEST_F(ControlServerTest, ASlowMonitorLosesEventsAndIsToldHowMany) {
  ASSERT_EQ(start({.max_queue = 20000}), "");
  ControlClient watcher = client();
  ASSERT_TRUE(watcher.request({{"command", "monitor"}}));
  constexpr int published = 20000;  // far more than the socket's buffer and the queue hold
  for (int i = 0; i < published; ++i) publish(i);
  const std::uint64_t lost = stats().events_lost;
  ASSERT_GT(lost, 0u);
  std::uint64_t received = 0, reported = 0;
  int last = -1;
  while (received + reported < static_cast<std::uint64_t>(published)) {
    const auto event = watcher.receive(seconds{20});
    ASSERT_TRUE(event) << event.error().message << " after " << received << " and " << reported;
    if (event.value()["event"] == "events_lost") {
      reported += event.value()["count"].get<std::uint64_t>();
    } else {
      EXPECT_GT(event.value()["number"].get<int>(), last);
      last = event.value()["number"].get<int>();
      ++received;
    }
  }
  EXPECT_EQ(reported, lost);
  publish(published);
  EXPECT_EQ(watcher.receive(seconds{20}).value()["number"], published) << "and then goes on";
}

TEST_F(ControlServerTest, TheSocketIsForRootAndItsGroup) {
  ASSERT_EQ(start(), "");
  struct stat status {};
  ASSERT_EQ(lstat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0660u);
}

TEST_F(ControlServerTest, StrangersAreRefusedMembersOfTheGroupAreNot) {
  if (geteuid() != 0) GTEST_SKIP() << "becoming somebody else needs root";
  const group* daemon = getgrgid(1);
  ASSERT_NE(daemon, nullptr);
  ASSERT_EQ(start({.group = daemon->gr_name}), "");
  struct stat status {};
  ASSERT_EQ(lstat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_gid, 1u);
  ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
  ASSERT_EQ(chmod(path_.c_str(), 0666), 0);  // so that the credentials decide, not the mode

  const auto outcome_for = [&](gid_t primary, std::vector<gid_t> supplementary) {
    const pid_t child = fork();
    if (child == 0) {
      if (setgroups(supplementary.size(), supplementary.data()) != 0 || setgid(primary) != 0 || setuid(65534) != 0) {
        std::_Exit(3);
      }
      auto connected = ControlClient::connect(path_);
      if (!connected) std::_Exit(4);
      auto answer = connected.value().request({{"command", "status"}});
      if (answer) std::_Exit(0);
      std::_Exit(answer.error().message.starts_with("only root") ? 1 : 5);
    }
    int exit_status = 0;
    waitpid(child, &exit_status, 0);
    return WEXITSTATUS(exit_status);
  };
  EXPECT_EQ(outcome_for(65534, {}), 1);
  EXPECT_EQ(outcome_for(1, {}), 0);
  EXPECT_EQ(outcome_for(65534, {2, 1}), 0);
  std::vector<gid_t> many(100);
  for (gid_t i = 0; i < 100; ++i) many[i] = 1000 + i;
  EXPECT_EQ(outcome_for(65534, many), 1);
  many.push_back(1);
  EXPECT_EQ(outcome_for(65534, many), 0);
  EXPECT_EQ(stats().refused_credentials, 2u);
}

TEST_F(ControlServerTest, ALiveInstanceIsNamedAndLeftAlone) {
  ASSERT_EQ(start(), "");
  auto second = ControlServer::open(loop_, {.path = path_});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "already running, pid " + std::to_string(getpid()));
  std::filesystem::remove(path_ + ".lock");  // even when somebody tidied up
  second = ControlServer::open(loop_, {.path = path_});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "already running, pid " + std::to_string(getpid()));
  EXPECT_TRUE(client().request({{"command", "status"}}));
}

TEST_F(ControlServerTest, TheSocketOfADeadProcessIsReplaced) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    const bool bound = bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    std::_Exit(bound && listen(descriptor, 1) == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_TRUE(std::filesystem::exists(path_));
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(client().request({{"command", "status"}}));
}

TEST_F(ControlServerTest, AFileThatIsNoSocketIsNeverRemoved) {
  std::ofstream{path_} << "precious";
  EXPECT_EQ(start(), path_ + ": exists and is not a socket");
  EXPECT_EQ(std::filesystem::file_size(path_), 8u);
}

TEST_F(ControlServerTest, NothingIsLeftBehind) {
  ASSERT_EQ(start(), "");
  ControlClient c = client();
  ASSERT_TRUE(c.request({{"command", "status"}}));
  on_loop([this] { server_.reset(); });
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
  EXPECT_EQ(c.request({{"command", "status"}}).error().message, "the daemon closed the connection");
  EXPECT_EQ(ControlClient::connect(path_).error().message, "no daemon listens at " + path_);
  EXPECT_EQ(start(), "") << "the next instance starts at once";
}

TEST_F(ControlServerTest, BadPathsAndGroupsAreErrors) {
  EXPECT_NE(start({.group = "no-such-group-here"}).find("there is no group"), std::string::npos);
  path_ = (directory_ / std::string(200, 'x')).string();
  EXPECT_NE(start().find("not a usable socket path"), std::string::npos);
  path_ = (directory_ / "missing" / "host.sock").string();
  EXPECT_NE(start().find("No such file or directory"), std::string::npos);
}

}  // namespace
}  // namespace ilnp
