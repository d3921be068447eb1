// SPDX-License-Identifier: Apache-2.0
#include "io/process/daemon_main.h"
#include "sbr/src/daemon.h"
#include "sbr/src/kernel_setup.h"
#include "sbr/src/settings.h"

namespace {

using namespace ilnp;

Result<void, std::vector<Problem>> check(const Configuration& configuration) {
  const auto settings = sbr_settings(configuration);
  if (!settings) return settings.error();
  return ok();
}

Result<std::string> clean_up(const Configuration& configuration) {
  if (auto done = KernelSetup::clean_up(sbr_settings(configuration).value()); !done) return done.error();
  return "router addresses, packet filter table";
}

}  // namespace

int main(int argc, char** argv) {
  return daemon_main(
      argc, argv,
      {.about = "Site border router for ILNPv6: inside locators become outside ones and back, nodes move unseen",
       .configuration = "/etc/ilnp/sbr.toml",
       .on_hangup = "reads the configuration again",
       .schema = sbr_schema(),
       .check = check,
       .clean_up = clean_up,
       .make = [](const Configuration& c) { return std::make_unique<Daemon>(sbr_settings(c).value()); }});
}
