// SPDX-License-Identifier: Apache-2.0
#include "io/process/daemon_settings.h"

namespace ilnp {

std::shared_ptr<const Schema> daemon_schema(std::string program, std::vector<SectionHelp> sections,
                                            std::vector<Option> options, const DaemonOptionTexts& texts) {
  using enum OptionType;
  sections.insert(sections.end(), {{"control", "The socket that ilnpctl talks to."},
                                   {"state", "Files that the daemon keeps."},
                                   {"log", "What is written to the journal or to standard error."}});
  options.insert(
      options.end(),
      {{.key = "control.socket", .type = path, .help = "Unix socket.", .fallback = texts.control_socket},
       {.key = "control.group", .type = string, .help = "Group that may use it besides root.", .fallback = ""},
       {.key = "state.directory", .type = path, .help = texts.state_directory, .fallback = "/var/lib/ilnp"},
       {.key = "state.runtime_directory", .type = path, .help = texts.runtime_directory, .fallback = "/run/ilnp"},
       {.key = "log.level",
        .type = string,
        .help = "Least severe level written.",
        .fallback = "info",
        .choices = {"trace", "debug", "info", "warning", "error"},
        .reloadable = true},
       {.key = "log.format",
        .type = string,
        .help = "Text or JSON lines on standard error.",
        .fallback = "text",
        .choices = {"text", "json"}}});
  return std::make_shared<const Schema>(std::move(program), std::move(sections), std::move(options));
}

DaemonSettings daemon_settings(const Configuration& configuration) {
  const Section& control = configuration.section("control");
  const Section& state = configuration.section("state");
  const Section& log = configuration.section("log");
  return {.control_socket = control.text("socket"),
          .control_group = control.text("group"),
          .state_directory = state.text("directory"),
          .runtime_directory = state.text("runtime_directory"),
          .log_level = parse_log_level(log.text("level")).value_or(LogLevel::info),
          .log_format = log.text("format") == "json" ? LogFormat::json : LogFormat::text};
}

}  // namespace ilnp
