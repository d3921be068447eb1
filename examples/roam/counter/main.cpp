// SPDX-License-Identifier: Apache-2.0
// counter: a numbered record every millisecond in both directions over one UDP or TCP session, by host name, through
// the ordinary socket calls. What an unmodified program would see of a move is what its log shows.
//
//   counter serve   --protocol udp --port 7001 --log FILE
//   counter connect --protocol udp --host guest.roam.example --port 7001 --log FILE
//
// One session per process. SIGTERM ends a session in order: the other side learns how many records were sent, and both
// print their tally as one line of JSON. A session with nothing heard for --dead-after is dead: exit status 3.
//
// Log: the 8 octets "ROAMCNT1", then per received record three little-endian 64-bit numbers: sequence, sent, received.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "examples/roam/counter/session.h"

namespace ilnp::counter {
namespace {

int run(int argc, char** argv) {
  Settings settings;
  CLI::App app{"A numbered record every millisecond, in both directions"};
  app.require_subcommand(1);
  CLI::App* serve = app.add_subcommand("serve", "wait for one session");
  CLI::App* connect_ = app.add_subcommand("connect", "start a session");
  connect_->add_option("--host", settings.host)->required();
  connect_->add_option("--answer-within", settings.answer_within, "seconds");
  for (CLI::App* command : {serve, connect_}) {
    command->add_option("--protocol", settings.protocol)->check(CLI::IsMember({"udp", "tcp"}));
    command->add_option("--port", settings.port)->required();
    command->add_option("--log", settings.log)->required();
    command->add_option("--rate", settings.rate, "records per second")->check(CLI::Range(1, 100000));
    command->add_option("--seconds", settings.seconds, "end the session by itself after so long");
    command->add_option("--gather", settings.gather,
                        "seconds between looks at what has come: spares a slow machine a wake-up for each record");
    command->add_option("--dead-after", settings.dead_after, "seconds of silence");
  }
  CLI11_PARSE(app, argc, argv);
  settings.serve = serve->parsed();

  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  const int signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  setpriority(PRIO_PROCESS, 0, -10);  // best effort: it measures others, not the wait for a CPU

  Log log{settings.log};
  if (!log.good()) {
    std::cerr << "counter: cannot write " << settings.log << '\n';
    return 1;
  }
  Result<Descriptor> opened = settings.serve ? served(settings) : connected(settings);
  if (!opened) {
    std::cerr << "counter: " << opened.error().message << '\n';
    return 1;
  }
  Session session{settings, std::move(opened).value(), signals, log};
  session.run();
  std::cout << session.last_summary().dump() << std::endl;
  return session.died() ? 3 : 0;
}

}  // namespace
}  // namespace ilnp::counter

int main(int argc, char** argv) { return ilnp::counter::run(argc, argv); }
