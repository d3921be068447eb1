// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>

#include <filesystem>

#include "ilnp-host/src/daemon.h"
#include "ilnp-host/src/kernel_state.h"
#include "ilnp-host/src/settings.h"
#include "io/process/daemon_main.h"

namespace {

using namespace ilnp;

constexpr int mmap_threshold = 256 * 1024;

Result<void, std::vector<Problem>> check(const Configuration& configuration) {
  const auto settings = host_settings(configuration);
  if (!settings) return settings.error();
  return ok();
}

Result<std::string> clean_up(const Configuration& configuration) {
  const HostSettings settings = host_settings(configuration).value();
  const std::filesystem::path runtime = settings.runtime_directory;
  const auto done = KernelState::clean_up(settings.tun, (runtime / "addresses").string());
  if (!done) return done.error();
  std::error_code failure;
  std::filesystem::remove(runtime / "sessions", failure);
  return done.value() + ", device " + settings.tun + ", packet filter tables";
}

std::unique_ptr<DaemonProcess> make(const Configuration& configuration, bool no_dns) {
  // What the state file of many sessions took goes back to the system; by itself the C library would keep it.
  mallopt(M_MMAP_THRESHOLD, mmap_threshold);
  HostSettings settings = host_settings(configuration).value();
  if (no_dns) settings.publish.enabled = false;
  return std::make_unique<Daemon>(std::move(settings));
}

}  // namespace

int main(int argc, char** argv) {
  bool no_dns = false;
  return daemon_main(
      argc, argv,
      {.about = "Keeps TCP, UDP and ICMP sessions bound to Node Identifiers while locators change (ILNPv6)",
       .configuration = "/etc/ilnp/host.toml",
       .configuration_is_optional = true,
       .on_hangup = "reads the log level again",
       .schema = host_schema(),
       .flags = {{"--no-dns", "Do not publish this node's records, whatever publish.enabled says", &no_dns}},
       .check = check,
       .clean_up = clean_up,
       .make = [&](const Configuration& configuration) { return make(configuration, no_dns); }});
}
