// SPDX-License-Identifier: Apache-2.0
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "io/process/privileges.h"
#include "sbr/src/daemon.h"
#include "sbr/src/kernel_setup.h"
#include "sbr/src/settings.h"

namespace {

using namespace ilnp;

constexpr int exit_ok = 0, exit_failed = 2, exit_usage = 3;

struct Options {
  std::string config = "/etc/ilnp/sbr.toml";
  std::string config_directory;
  bool check = false;
  bool print_reference = false, print_example = false;
};

Configured read(const Options& options) {
  return load_configuration(sbr_schema(), options.config, options.config_directory);
}

Result<SbrSettings, std::vector<Problem>> settings_of(const Configured& configuration) {
  if (!configuration) return configuration.error();
  return sbr_settings(configuration.value());
}

int fail(const std::string& message) {
  std::fprintf(stderr, "ilnp-sbr: %s\n", message.c_str());
  return exit_failed;
}

int clean_up(const SbrSettings& settings) {
  if (auto done = KernelSetup::clean_up(settings); !done) return fail(done.error().message);
  std::printf("removed: router addresses, packet filter table\n");
  return exit_ok;
}

int run(const Options& options, const Configuration& configuration, const SbrSettings& settings) {
  start_logging({.program = "ilnp-sbr", .level = settings.log_level, .format = settings.log_format});
  Daemon daemon{settings};
  if (auto started = daemon.start(); !started) return fail(started.error().message);
  if (auto dropped = drop_privileges(); !dropped) return fail(dropped.error().message);
  daemon.set_reload(Reload{configuration, [options] { return read(options); },
                           [&daemon](const Configuration& fresh) -> Result<void, std::vector<Problem>> {
                             const auto checked = sbr_settings(fresh);
                             if (!checked) return checked.error();
                             daemon.apply_settings(fresh);
                             return ok();
                           }});
  sd_notify(0, "READY=1");
  daemon.run();
  return exit_ok;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Site border router for ILNPv6: inside locators become outside ones and back, nodes move unseen"};
  app.set_version_flag("--version", std::string{"ilnp-sbr "} + ILNP_VERSION);
  app.add_option("-c,--config", options.config, "Configuration file (TOML)")->capture_default_str();
  app.add_option("--config-dir", options.config_directory, "Directory whose *.toml files are read after it");
  app.add_flag("--check", options.check, "Check the configuration and exit: 0 good, 3 mistakes (all are printed)");
  app.add_flag("--print-reference", options.print_reference, "Print the reference of all options (Markdown)");
  app.add_flag("--print-example", options.print_example, "Print an example configuration");
  auto* cleanup = app.add_subcommand("cleanup", "Take back everything that a crashed ilnp-sbr left in the kernel");
  cleanup->fallthrough();
  app.footer(
      "Options of the configuration file:\n" + option_help(*sbr_schema()) +
      "\nSignals: TERM and INT end it and take everything back; USR2 ends it and leaves the kernel's state to "
      "the\nnext one; HUP reads the configuration again.\nExit codes: 0 ok, 2 failed, 3 usage or configuration.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  if (options.print_reference || options.print_example) {
    std::cout << (options.print_reference ? markdown_reference(*sbr_schema()) : example_file(*sbr_schema()));
    return exit_ok;
  }
  const Configured configuration = read(options);
  const auto settings = settings_of(configuration);
  if (!settings) {
    std::cerr << to_string(settings.error());
    return exit_usage;
  }
  if (options.check) {
    std::cout << options.config << ": good\n";
    return exit_ok;
  }
  return cleanup->parsed() ? clean_up(settings.value()) : run(options, configuration.value(), settings.value());
}
