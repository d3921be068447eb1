// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/daemon.h"
#include "gateway/src/kernel_setup.h"
#include "gateway/src/settings.h"
#include "io/process/daemon_main.h"

namespace {

using namespace ilnp;

Result<void, std::vector<Problem>> check(const Configuration& configuration) {
  const auto settings = gateway_settings(configuration);
  if (!settings) return settings.error();
  return ok();
}

Result<std::string> clean_up(const Configuration& configuration) {
  if (auto done = KernelSetup::clean_up(gateway_settings(configuration).value()); !done) return done.error();
  return "TUN devices, host routes";
}

}  // namespace

int main(int argc, char** argv) {
  return daemon_main(
      argc, argv,
      {.about = "LISP router: EIDs of a site and of mobile hosts in tunnels to other sites, and the mapping system",
       .configuration = "/etc/ilnp/gateway.toml",
       .on_hangup = "reads the configuration again",
       .schema = gateway_schema(),
       .check = check,
       .clean_up = clean_up,
       .make = [](const Configuration& c) { return std::make_unique<GatewayDaemon>(gateway_settings(c).value()); }});
}
