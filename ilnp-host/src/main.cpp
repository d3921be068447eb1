// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "ilnp-host/src/daemon.h"
#include "ilnp-host/src/kernel_state.h"
#include "ilnp-host/src/settings.h"
#include "io/process/privileges.h"

namespace {

using namespace ilnp;

constexpr int exit_ok = 0, exit_failed = 2, exit_usage = 3;
constexpr int mmap_threshold = 256 * 1024;

struct Options {
  std::string config = "/etc/ilnp/host.toml";
  std::string config_directory;
  bool check = false;
  bool no_dns = false;
  bool print_reference = false, print_example = false;
  bool config_given = false;
};

/// Defaults when no file was named and the default one does not exist.
Configured read(const Options& options) {
  std::error_code failure;
  if (!options.config_given && !std::filesystem::exists(options.config, failure))
    return Configuration::defaults(host_schema());
  return load_configuration(host_schema(), options.config, options.config_directory);
}

Result<HostSettings, std::vector<Problem>> settings_of(const Configured& configuration, const Options& options) {
  if (!configuration) return configuration.error();
  auto settings = host_settings(configuration.value());
  if (settings && options.no_dns) settings.value().publish.enabled = false;
  return settings;
}

int fail(const std::string& message) {
  std::fprintf(stderr, "ilnp-host: %s\n", message.c_str());
  return exit_failed;
}

int clean_up(const HostSettings& settings) {
  const std::filesystem::path runtime = settings.runtime_directory;
  const auto done = KernelState::clean_up(settings.tun, (runtime / "addresses").string());
  if (!done) return fail(done.error().message);
  std::error_code failure;
  std::filesystem::remove(runtime / "sessions", failure);
  std::printf("removed: %s, device %s, packet filter tables\n", done.value().c_str(), settings.tun.c_str());
  return exit_ok;
}

int run(const Options& options, const Configuration& configuration, const HostSettings& settings) {
  // What the state file of many sessions took goes back to the system; by itself the C library would keep it.
  mallopt(M_MMAP_THRESHOLD, mmap_threshold);
  start_logging({.program = "ilnp-host", .level = settings.log_level, .format = settings.log_format});
  Daemon daemon{settings};
  if (auto started = daemon.start(); !started) return fail(started.error().message);
  if (auto dropped = drop_privileges(); !dropped) return fail(dropped.error().message);
  daemon.set_reload(Reload{configuration, [options] { return read(options); },
                           [&daemon, options](const Configuration& fresh) -> Result<void, std::vector<Problem>> {
                             const auto checked = settings_of(fresh, options);
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
  CLI::App app{"Keeps TCP, UDP and ICMP sessions bound to Node Identifiers while locators change (ILNPv6)"};
  app.set_version_flag("--version", std::string{"ilnp-host "} + ILNP_VERSION);
  auto* config = app.add_option("-c,--config", options.config, "Configuration file (TOML)")->capture_default_str();
  app.add_option("--config-dir", options.config_directory, "Directory whose *.toml files are read after it");
  app.add_flag("--check", options.check, "Check the configuration and exit: 0 good, 3 mistakes (all are printed)");
  app.add_flag("--no-dns", options.no_dns, "Do not publish this node's records, whatever publish.enabled says");
  app.add_flag("--print-reference", options.print_reference, "Print the reference of all options (Markdown)");
  app.add_flag("--print-example", options.print_example, "Print an example configuration");
  auto* cleanup = app.add_subcommand("cleanup", "Take back everything that a crashed ilnp-host left in the kernel");
  cleanup->fallthrough();
  app.footer("Options of the configuration file:\n" + option_help(*host_schema()) +
             "\nSignals: TERM and INT end it and take everything back; USR2 ends it and leaves the kernel's state to "
             "the\nnext one; HUP reads the log level again.\nExit codes: 0 ok, 2 failed, 3 usage or configuration.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  options.config_given = config->count() != 0;
  if (options.print_reference || options.print_example) {
    std::cout << (options.print_reference ? markdown_reference(*host_schema()) : example_file(*host_schema()));
    return exit_ok;
  }
  const Configured configuration = read(options);
  const auto settings = settings_of(configuration, options);
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
