// SPDX-License-Identifier: Apache-2.0
#include "io/process/daemon_process.h"

#include <csignal>
#include <filesystem>

#include "io/sockets/nft.h"

namespace ilnp {
namespace {

using nlohmann::json;

constexpr Duration restore_interval = seconds{1};  ///< it takes tens of milliseconds, and somebody may insist

}  // namespace

DaemonProcess::~DaemonProcess() { process_log().watch({}); }

Result<void> DaemonProcess::open(const DaemonSettings& settings, std::string filter_table) {
  std::error_code failure;
  std::filesystem::create_directories(settings.runtime_directory, failure);
  std::filesystem::create_directories(std::filesystem::path{settings.control_socket}.parent_path(), failure);
  auto control = ControlServer::open(loop_.context(), {settings.control_socket, settings.control_group});
  if (!control) return control.error();
  control_ = std::move(control.value());
  process_log().watch([this](const Event& event) { control_->publish(event); });
  if (auto opened = keep(NetworkCommands::open(), commands_); !opened) return opened;
  if (auto opened = keep(NetworkMonitor::open(), monitor_); !opened) return opened;
  if (filter_table.empty()) return ok();
  if (auto available = check_nft(); !available) return available;
  if (auto opened = keep(NeighbourDiscoverySocket::open(), neighbour_discovery_); !opened) return opened;
  return keep(FilterWatch::open(std::move(filter_table)), filter_watch_);
}

void DaemonProcess::serve() {
  control_->on("counters", [this](const json&) -> Result<json> {
    return json{{"schema", "ilnp.counters/1"}, {"counters", counters_.to_json()}};
  });
  control_->on("metrics", [this](const json&) -> Result<json> {
    return json{{"schema", "ilnp.metrics/1"}, {"text", counters_.to_prometheus()}};
  });
  control_->on("reload", [this](const json&) -> Result<json> {
    if (!reload_) return error("this daemon has no configuration to read again");
    const auto outcome = reload_();
    if (!outcome) return outcome.error();
    return reload_to_json(outcome.value());
  });
  netlink_watch_ = std::make_unique<Watch>(loop_, monitor_->fd(), [this] { return drain_netlink(); });
  if (filter_watch_) {
    neighbour_watch_ =
        std::make_unique<Watch>(loop_, neighbour_discovery_->fd(), [this] { return drain_neighbour_discovery(); });
    filter_change_watch_ = std::make_unique<Watch>(loop_, filter_watch_->fd(), [this] {
      filter_lost_ = filter_watch_->something_went() || filter_lost_;
      restore_filter();
      return false;
    });
  }
  signals_ = std::make_unique<SignalWatch>(loop_, std::initializer_list<int>{SIGTERM, SIGINT, SIGHUP, SIGUSR2},
                                           [this](int number) { on_signal(number); });
  loop_.post([this] { drain_netlink(); });  // the initial dump: nothing announces it
}

void DaemonProcess::run() {
  loop_.run();
  finish(take_down_);
  log_event(LogLevel::info, "stopped", {{"kernel_state", take_down_ ? "removed" : "kept"}});
}

void DaemonProcess::apply_settings(const Configuration& fresh) {
  process_log().set_level(daemon_settings(fresh).log_level);
}

void DaemonProcess::on_signal(int number) {
  if (number == SIGHUP) {
    if (reload_) (void)reload_();  // it has logged what came of it
    return;
  }
  take_down_ = number != SIGUSR2;
  loop_.stop();
}

bool DaemonProcess::drain_netlink() {
  const auto batch = monitor_->read();
  if (!batch) {
    log_event(LogLevel::error, "netlink_failed", {{"reason", batch.error().message}});
    monitor_->request_resync();
    return false;
  }
  on_network_events(loop_.now(), batch.value().events);
  return batch.value().more;
}

bool DaemonProcess::drain_neighbour_discovery() {
  const NeighbourDiscoverySocket::Batch batch = neighbour_discovery_->receive();
  for (const ReceivedNeighbourMessage& received : batch.messages) on_neighbour_message(received);
  return batch.more;
}

void DaemonProcess::restore_filter() {
  if (!filter_lost_ || loop_.now() < next_filter_restore_) return;
  filter_lost_ = false;
  next_filter_restore_ = loop_.now() + restore_interval;
  log_event(LogLevel::warning, "filter_restored", {});
  put_filter_back();
}

void DaemonProcess::note_filter(const Result<void>& outcome) {
  std::string problem = outcome ? std::string{} : outcome.error().message;
  if (!problem.empty() && problem != filter_problem_)
    log_event(LogLevel::error, "filter_not_set", {{"reason", problem}});
  filter_problem_ = std::move(problem);
}

}  // namespace ilnp
