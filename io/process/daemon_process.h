// SPDX-License-Identifier: Apache-2.0
// What every daemon is besides its work: a loop, signals, the control socket with events, counters and reload, and the
// kernel's news of the network, of neighbours and of our packet filter. A daemon derives from it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/loop/loop.h"
#include "io/netlink/filter_watch.h"
#include "io/netlink/network_commands.h"
#include "io/netlink/network_monitor.h"
#include "io/process/daemon_settings.h"
#include "io/process/reload.h"
#include "io/sockets/neighbour_discovery_socket.h"
#include "io/telemetry/control_server.h"
#include "io/telemetry/counters.h"

namespace ilnp {

/// Keeps in `place` what was opened, or says why it was not.
template <class T>
Result<void> keep(Result<T> opened, std::unique_ptr<T>& place) {
  if (!opened) return opened.error();
  place = std::make_unique<T>(std::move(opened.value()));
  return ok();
}

class DaemonProcess {
 public:
  virtual ~DaemonProcess();
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  /// Opens everything that needs privileges; the network is changed from here on.
  virtual Result<void> start() = 0;
  /// Runs until a signal ends it. SIGTERM, SIGINT: everything in the kernel is taken back. SIGUSR2: it stays for the
  /// daemon that follows (an upgrade). SIGHUP: the configuration is read again.
  void run();
  /// On SIGHUP and on the control socket's request. An error names every mistake, and then nothing has changed.
  void set_reload(std::function<Result<ReloadOutcome>()> reload) { reload_ = std::move(reload); }
  /// What can change while packets flow, from a configuration that was found good: here the log level.
  virtual void apply_settings(const Configuration& fresh);

 protected:
  DaemonProcess() : started_at_{loop_.now()} {}

  /// First the control socket, which is the guard against a second instance. `filter_table`: of our packet filter;
  /// a daemon without one hears neither of it nor of neighbours.
  Result<void> open(const DaemonSettings& settings, std::string filter_table = {});
  /// The last step of start(): from now on the loop calls what follows.
  void serve();
  virtual void on_network_events(TimePoint now, const std::vector<NetworkEvent>& events) = 0;
  virtual void on_neighbour_message(const ReceivedNeighbourMessage&) {}
  /// Somebody took our packet filter away.
  virtual void put_filter_back() {}
  /// The end of run().
  virtual void finish(bool take_down) = 0;

  /// Takes news of the network that is waiting, before its turn; false: nothing is left.
  bool drain_netlink();
  /// When it is gone: at once, but not again and again. Called now and then.
  void restore_filter();
  /// How the last attempt to set our packet filter ended. A refusal is told once, and is a problem until an attempt
  /// succeeds.
  void note_filter(const Result<void>& outcome);
  const std::string& filter_problem() const { return filter_problem_; }

  Loop loop_;
  TimePoint started_at_;
  CounterRegistry counters_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<NetworkCommands> commands_;
  std::unique_ptr<NeighbourDiscoverySocket> neighbour_discovery_;

 private:
  bool drain_neighbour_discovery();
  void on_signal(int number);

  std::unique_ptr<NetworkMonitor> monitor_;
  std::unique_ptr<FilterWatch> filter_watch_;
  std::unique_ptr<SignalWatch> signals_;
  std::unique_ptr<Watch> netlink_watch_, neighbour_watch_, filter_change_watch_;
  std::function<Result<ReloadOutcome>()> reload_;
  bool filter_lost_ = false;
  std::string filter_problem_;
  bool take_down_ = true;
  TimePoint next_filter_restore_{};
};

}  // namespace ilnp
