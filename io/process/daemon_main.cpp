// SPDX-License-Identifier: Apache-2.0
#include "io/process/daemon_main.h"

#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "io/process/privileges.h"

namespace ilnp {
namespace {

constexpr int exit_ok = 0, exit_failed = 2, exit_usage = 3;

class Main {
 public:
  explicit Main(const DaemonProgram& program)
      : program_{program}, name_{program.schema->program()}, file_{program.configuration} {}

  int run(int argc, char** argv);

 private:
  Configured read() const;
  int run_daemon(const Configuration& configuration) const;
  int clean_up(const Configuration& configuration) const;
  int fail(const std::string& message) const;

  const DaemonProgram& program_;
  const std::string& name_;
  std::string file_, directory_;
  bool file_named_ = false;
};

/// What the program finds wrong is a mistake like every other.
Configured Main::read() const {
  std::error_code failure;
  const bool defaults = program_.configuration_is_optional && !file_named_ && !std::filesystem::exists(file_, failure);
  Configured read =
      defaults ? Configuration::defaults(program_.schema) : load_configuration(program_.schema, file_, directory_);
  if (read)
    if (const auto checked = program_.check(read.value()); !checked) return checked.error();
  return read;
}

int Main::fail(const std::string& message) const {
  std::fprintf(stderr, "%s: %s\n", name_.c_str(), message.c_str());
  return exit_failed;
}

int Main::clean_up(const Configuration& configuration) const {
  const auto done = program_.clean_up(configuration);
  if (!done) return fail(done.error().message);
  std::printf("removed: %s\n", done.value().c_str());
  return exit_ok;
}

int Main::run_daemon(const Configuration& configuration) const {
  const DaemonSettings settings = daemon_settings(configuration);
  start_logging({.program = name_, .level = settings.log_level, .format = settings.log_format});
  const std::unique_ptr<DaemonProcess> daemon = program_.make(configuration);
  if (auto started = daemon->start(); !started) return fail(started.error().message);
  if (auto dropped = drop_privileges(); !dropped) return fail(dropped.error().message);
  daemon->set_reload(Reload{configuration, [this] { return read(); },
                            [&](const Configuration& fresh) { daemon->apply_settings(fresh); }});
  sd_notify(0, "READY=1");
  daemon->run();
  return exit_ok;
}

int Main::run(int argc, char** argv) {
  bool check = false, print_reference = false, print_example = false;
  CLI::App app{program_.about};
  app.set_version_flag("--version", name_ + " " + ILNP_VERSION);
  auto* file = app.add_option("-c,--config", file_, "Configuration file (TOML)")->capture_default_str();
  app.add_option("--config-dir", directory_, "Directory whose *.toml files are read after it");
  app.add_flag("--check", check, "Check the configuration and exit: 0 good, 3 mistakes (all are printed)");
  for (const DaemonProgram::Flag& flag : program_.flags) app.add_flag(flag.name, *flag.given, flag.help);
  app.add_flag("--print-reference", print_reference, "Print the reference of all options (Markdown)");
  app.add_flag("--print-example", print_example, "Print an example configuration");
  auto* cleanup = app.add_subcommand("cleanup", "Take back everything that a crashed " + name_ + " left in the kernel");
  cleanup->fallthrough();
  app.footer("Options of the configuration file:\n" + option_help(*program_.schema) +
             "\nSignals: TERM and INT end it and take everything back; USR2 ends it and leaves the kernel's state to "
             "the\nnext one; HUP " +
             program_.on_hangup + ".\nExit codes: 0 ok, 2 failed, 3 usage or configuration.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  file_named_ = file->count() != 0;
  if (print_reference || print_example) {
    std::cout << (print_reference ? markdown_reference(*program_.schema) : example_file(*program_.schema));
    return exit_ok;
  }
  const Configured configuration = read();
  if (!configuration) {
    std::cerr << to_string(configuration.error());
    return exit_usage;
  }
  if (check) {
    std::cout << file_ << ": good\n";
    return exit_ok;
  }
  return cleanup->parsed() ? clean_up(configuration.value()) : run_daemon(configuration.value());
}

}  // namespace

int daemon_main(int argc, char** argv, const DaemonProgram& program) { return Main{program}.run(argc, argv); }

}  // namespace ilnp
