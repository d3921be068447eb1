// SPDX-License-Identifier: Apache-2.0
#include "ctl/commands.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <sstream>
#include <thread>

#include "tests/unit/ctl/sample_answers.h"

namespace ilnp {
namespace {

using nlohmann::json;

/// A daemon that follows a script: for each connection, what it sends after the first request line.
class ScriptedDaemon : public testing::Test {
 protected:
  ScriptedDaemon() {
    std::string pattern = testing::TempDir() + "ctl-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = (directory_ / "host.sock").string();
  }
  ~ScriptedDaemon() override {
    if (thread_.joinable()) thread_.join();
    std::filesystem::remove_all(directory_);
  }

  void script(std::vector<std::string> answers) {
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener, 8), 0);
    const timeval limit{20, 0};
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    thread_ = std::thread{[this, listener, answers = std::move(answers)] {
      for (const std::string& answer : answers) serve(accept(listener, nullptr, nullptr), answer);
      close(listener);
    }};
  }

  int run(std::vector<std::string> arguments) {
    out_.str({});
    problems_.str({});
    arguments.insert(arguments.begin(), {"--socket", path_});
    return control_main(std::move(arguments), false, out_, problems_);
  }
  const std::string& path() const { return path_; }
  std::string out() const { return out_.str(); }
  std::string problems() const { return problems_.str(); }
  /// What the daemon was asked, in order; call it when the script is finished.
  std::vector<std::string> requests() {
    thread_.join();
    return requests_;
  }

 private:
  void serve(int connection, const std::string& answer) {
    if (connection < 0) return;
    std::string request;
    char octet = 0;
    while (read(connection, &octet, 1) == 1 && octet != '\n') request += octet;
    bodies_.push_back(json::parse(request));
    requests_.push_back(bodies_.back().value("command", ""));
    [[maybe_unused]] const ssize_t sent = send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
    close(connection);
  }

  std::filesystem::path directory_;
  std::string path_;
  std::ostringstream out_, problems_;
  std::thread thread_;
  std::vector<std::string> requests_;

 protected:
  std::vector<json> bodies_;
};

std::string line(const json& object) { return object.dump() + "\n"; }

json with_state(const char* state) {
  json status = sample_status();
  status["state"] = state;
  return status;
}

TEST_F(ScriptedDaemon, StatusTellsTheStateByItsExitCode) {
  script({line(with_state("ok")), line(with_state("degraded")), line(with_state("down")), line(with_state("ok"))});
  EXPECT_EQ(run({"status"}), 0);
  EXPECT_TRUE(out().starts_with("OK  ilnp-host")) << out();
  EXPECT_EQ(run({"status"}), 1);
  EXPECT_EQ(run({"status"}), 2);
  EXPECT_EQ(run({"status", "--json"}), 0);
  EXPECT_EQ(json::parse(out()), with_state("ok")) << "--json passes the daemon's answer on as it is";
  EXPECT_EQ(requests(), std::vector<std::string>(4, "status"));
}

TEST_F(ScriptedDaemon, EveryCommandAsksItsQuestion) {
  script({line(sample_sessions()), line(sample_locators()), line({{"counters", {{"a.b", 1}}}}),
          line({{"applied", json::array()}}), line({{"text", "ilnp_a_b_total 1\n"}}),
          line({{"schema", "ilnp.accepted/1"}})});
  EXPECT_EQ(run({"show", "sessions"}), 0);
  EXPECT_NE(out().find("server.example.com"), std::string::npos);
  EXPECT_EQ(run({"show", "locators"}), 0);
  EXPECT_NE(out().find("2001-0db8-00a1-0000"), std::string::npos);
  EXPECT_EQ(run({"show", "counters"}), 0);
  EXPECT_NE(out().find("a.b      1"), std::string::npos);
  EXPECT_EQ(run({"reload"}), 0);
  EXPECT_EQ(out(), "nothing changed\n");
  EXPECT_EQ(run({"show", "metrics"}), 0);
  EXPECT_EQ(out(), "ilnp_a_b_total 1\n");
  EXPECT_EQ(run({"accept-store"}), 0);
  EXPECT_NE(out().find("accepted"), std::string::npos);
  EXPECT_EQ(requests(),
            (std::vector<std::string>{"sessions", "locators", "counters", "reload", "metrics", "accept_store"}));
}

TEST_F(ScriptedDaemon, MigrateSaysWhatItWasTold) {
  const std::string done =
      R"({"schema":"ilnp.migrate/1","outcome":"done","epoch":7,"record":{"nid":"0200+00ff+fe00+1234",
    "phase":"prepared","epoch":7,"at":{"site":"dc1","locator":"fd00-0001-0000-0010"},
    "other":{"site":"dc2","locator":"fd00-0002-0000-0007"}}})";
  std::string line = done;
  std::erase(line, '\n');
  script({line + "\n", line + "\n"});
  EXPECT_EQ(run({"migrate", "prepare", "0200+00ff+fe00+1234", "--to", "dc2", "--home", "dc1", "--visible",
                 "--when-heard", "--epoch", "3"}),
            0);
  EXPECT_NE(out().find("done\n"), std::string::npos);
  EXPECT_NE(out().find("dc2/fd00-0002-0000-0007"), std::string::npos);
  EXPECT_EQ(run({"migrate", "abort", "fd00:1::42"}), 0);
  requests();  // the script is finished
  EXPECT_EQ(bodies_[0], json::parse(R"({"command":"migrate","step":"prepare","node":"0200+00ff+fe00+1234","to":"dc2",
    "home":"dc1","visible":true,"when_heard":true,"epoch":3})"));
  EXPECT_EQ(bodies_[1], json::parse(R"({"command":"migrate","step":"abort","node":"fd00:1::42"})"));
}

TEST_F(ScriptedDaemon, LispSaysWhatItWasTold) {
  const std::string done = R"({"schema":"ilnp.lisp/1","step":"arrive","eid":"10.8.0.7/32","state":"moving_in"})";
  script({done + "\n", done + "\n",
          R"({"schema":"ilnp.eids/1","eids":[]})"
          "\n"});
  EXPECT_EQ(run({"lisp", "arrive", "10.8.0.7", "--rloc", "2001:db8::1,3,50", "--rloc", "192.0.2.1"}), 0);
  EXPECT_EQ(out(), "arrive 10.8.0.7/32: moving_in\n");
  EXPECT_EQ(run({"lisp", "leave", "[7]2001:db8::7"}), 0);
  EXPECT_EQ(run({"lisp", "eids"}), 0);
  EXPECT_EQ(out(), "no mobile EIDs\n");
  requests();  // the script is finished
  EXPECT_EQ(bodies_[0], json::parse(R"({"command":"lisp","step":"arrive","eid":"10.8.0.7",
    "rlocs":["2001:db8::1,3,50","192.0.2.1"]})"));
  EXPECT_EQ(bodies_[1], json::parse(R"({"command":"lisp","step":"leave","eid":"[7]2001:db8::7"})"));
  EXPECT_EQ(bodies_[2], json::parse(R"({"command":"eids"})"));
}

TEST_F(ScriptedDaemon, ARefusedStepExitsWithOne) {
  const std::string busy =
      R"({"schema":"ilnp.error/1","code":"busy","error":"another move is under way","record":null})";
  script({busy + "\n", busy + "\n"});
  EXPECT_EQ(run({"migrate", "release", "0200+00ff+fe00+1234"}), 1);
  EXPECT_EQ(problems(), "migrate: another move is under way\n");
  EXPECT_EQ(run({"--json", "migrate", "release", "0200+00ff+fe00+1234"}), 1);
  EXPECT_EQ(json::parse(out())["code"], "busy") << "the whole answer, for orchestrators";
}

TEST_F(ScriptedDaemon, MovesAreATable) {
  script({R"({"schema":"ilnp.moves/1","records":[{"nid":"0000+0000+0000+0042","address":"fd00-0001-0000-0010",)"
          R"("phase":"settled","epoch":9,"at":{"site":"dc2","locator":"fd00-0001-0000-0010"}}],"left_out":3})"
          "\n"});
  EXPECT_EQ(run({"migrate", "show"}), 0);
  EXPECT_NE(out().find("0000+0000+0000+0042 at fd00-0001-0000-0010  settled"), std::string::npos) << out();
  EXPECT_NE(out().find("and 3 more"), std::string::npos);
}

TEST_F(ScriptedDaemon, ARefusedReloadShowsEveryProblemAndExitsWithOne) {
  script({line({{"schema", "ilnp.error/1"}, {"code", "failed"}, {"error", "a.toml:1:2: x: bad\na.toml:3:4: y: bad"}})});
  EXPECT_EQ(run({"reload"}), 1);
  EXPECT_EQ(problems(), "reload: a.toml:1:2: x: bad\na.toml:3:4: y: bad\n");
  EXPECT_EQ(out(), "");
}

TEST_F(ScriptedDaemon, NoDaemonIsDownInEveryForm) {
  EXPECT_EQ(run({"status"}), 2);
  EXPECT_EQ(out(), "");
  EXPECT_TRUE(problems().starts_with("DOWN\n")) << problems();
  EXPECT_NE(problems().find("next:  systemctl status ilnp-host"), std::string::npos);
  EXPECT_EQ(run({"monitor"}), 2);
  EXPECT_EQ(run({"status", "--json"}), 2);
  EXPECT_EQ(json::parse(out())["state"], "down");
  EXPECT_EQ(problems(), "");
}

TEST(ControlSocket, CommandsOfOneProgramGoToItsOwn) {
  using Arguments = std::vector<std::string>;
  const auto asked = [](Arguments arguments) {
    std::ostringstream out, problems;
    EXPECT_NE(control_main(std::move(arguments), false, out, problems), 0) << "no daemon runs here";
    return problems.str();
  };
  for (const Arguments& command : {Arguments{"accept-store"}, Arguments{"show", "uplinks"}, Arguments{"show", "nodes"},
                                   Arguments{"migrate", "release", "fd00:1::42"}})
    EXPECT_NE(asked(command).find("/run/ilnp/sbr.sock"), std::string::npos) << command.front();
  for (const char* table : {"map-cache", "registrations", "clients", "rlocs", "eids", "sessions", "group"})
    EXPECT_NE(asked({"lisp", table}).find("/run/ilnp/gateway.sock"), std::string::npos) << table;
  EXPECT_NE(asked({"lisp", "arrive", "10.8.0.7"}).find("systemctl status ilnp-gateway"), std::string::npos);
  EXPECT_NE(asked({"reload"}).find("/run/ilnp/host.sock"), std::string::npos);
}

TEST_F(ScriptedDaemon, ADaemonThatDiesOrBabblesIsDownToo) {
  script({"", "{\"schema\":", "this is not JSON\n", "[1]\n"});
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(run({"status"}), 2) << i;
    EXPECT_EQ(out(), "") << i;
  }
}

TEST_F(ScriptedDaemon, NoPermissionIsNotMistakenForDown) {
  script(
      {line({{"schema", "ilnp.error/1"}, {"code", "not_permitted"}, {"error", "only root and the socket's group"}})});
  EXPECT_EQ(run({"status"}), 3);
  EXPECT_TRUE(problems().starts_with("UNKNOWN\n")) << problems();
}

TEST_F(ScriptedDaemon, WatchShowsAgainAndOutlivesARestart) {
  script({line(with_state("ok")), "", line(with_state("degraded"))});
  EXPECT_EQ(run({"status", "--watch", "--interval", "0.01", "--count", "3", "--json"}), 1);
  std::istringstream lines{out()};
  std::vector<std::string> states;
  for (std::string text; std::getline(lines, text);) states.push_back(json::parse(text)["state"]);
  EXPECT_EQ(states, (std::vector<std::string>{"ok", "down", "degraded"}));
}

TEST_F(ScriptedDaemon, MonitorShowsEventsUntilTheDaemonEnds) {
  const std::string events =
      line({{"event", "monitor_started"}, {"time", "t0"}}) +
      line({{"event", "locator_added"}, {"time", "t1"}, {"level", "info"}, {"interface", "eth0"}}) +
      line({{"event", "events_lost"}, {"time", "t2"}, {"level", "warning"}, {"count", 7}});
  script({events, events});
  EXPECT_EQ(run({"monitor"}), 2) << "the daemon went away";
  EXPECT_EQ(out(), "t1 info locator_added interface=eth0\nt2 warning events_lost count=7\n");
  EXPECT_EQ(run({"monitor", "--count", "1", "--json"}), 0);
  EXPECT_EQ(out().find("monitor_started") != std::string::npos, true);
  EXPECT_EQ(std::ranges::count(out(), '\n'), 2);
}

TEST_F(ScriptedDaemon, WrongUsageIsThreeAndHelpIsNot) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{},
                                                                     {"bogus"},
                                                                     {"show"},
                                                                     {"show", "bogus"},
                                                                     {"status", "--bogus"},
                                                                     {"status", "--interval", "0"},
                                                                     {"status", "--count", "x"}}) {
    EXPECT_EQ(run(arguments), 3);
    EXPECT_NE(problems(), "");
  }
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_NE(out().find("Exit codes: 0 ok, 1 degraded"), std::string::npos);
}

/// A guest behind a virtio-serial port. The id of a request is this process's.
class ScriptedGuest : public ScriptedDaemon {
 protected:
  int moved(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"guest", "moved", "--channel", path()});
    return run(std::move(more));
  }
  static std::string heard(bool moved, long id = getpid()) {
    return json{{"schema", "ilnp.host-channel/1"}, {"event", "heard"}, {"host_moved", moved}, {"id", id}}.dump() + "\n";
  }
};

TEST_F(ScriptedGuest, IsToldThatItMoved) {
  script({heard(false, 1) + heard(true)});  // the first is about what somebody else said
  EXPECT_EQ(moved({"--locator", "2001-0db8-00a2-0000", "--mac", "52:54:00:00:00:01"}), 0);
  requests();  // the script is finished
  EXPECT_EQ(bodies_.at(0), json({{"schema", "ilnp.host-channel/1"},
                                 {"event", "moved"},
                                 {"locators", {"2001-0db8-00a2-0000"}},
                                 {"mac", "52:54:00:00:00:01"},
                                 {"id", getpid()}}));
  EXPECT_NE(out().find("heard"), std::string::npos);
}

TEST_F(ScriptedGuest, RefusalIsExitCodeOne) {
  script({R"({"schema":"ilnp.host-channel/1","event":"error","error":"\"event\": unknown"})"
          "\n",
          heard(false)});
  EXPECT_EQ(moved(), 1);
  EXPECT_NE(problems().find("unknown"), std::string::npos);
  EXPECT_EQ(moved(), 1);
  EXPECT_NE(problems().find("no interface"), std::string::npos);
}

TEST_F(ScriptedGuest, NobodyThereIsExitCodeTwo) {
  EXPECT_EQ(moved(), 2);
  script({""});
  EXPECT_EQ(moved(), 2) << "it goes away without an answer";
  EXPECT_EQ(run({"guest", "moved"}), 3) << "no channel";
}

}  // namespace
}  // namespace ilnp
