// SPDX-License-Identifier: Apache-2.0
#include "ctl/guest.h"

#include <unistd.h>

#include <chrono>

#include "io/telemetry/control_client.h"

namespace ilnp {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

void add_guest(CLI::App& app, ControlInvocation& invocation, GuestOptions& options) {
  CLI::App* guest = app.add_subcommand("guest", "What a hypervisor tells ilnp-host in a virtual machine");
  guest->fallthrough();
  guest->require_subcommand(1);
  CLI::App* moved = guest->add_subcommand("moved", "The machine was moved: it asks its routers where it is");
  moved->fallthrough();
  moved->add_option("--channel", invocation.socket, "Unix socket of the machine's virtio-serial port org.ilnp.host.0")
      ->type_name("PATH")
      ->required();
  moved->add_option("--locator", options.locators, "Where it is now (2001-0db8-00a2-0000); may be repeated")
      ->type_name("LOCATOR");
  moved->add_option("--mac", options.mac, "The interface that it is about; all by default")->type_name("MAC");
  moved->footer(
      "Exit codes: 0 heard, 1 refused, 2 nobody is there or answers within 5 s, 3 wrong usage or no permission.");
  moved->callback([&invocation, &options] {
    invocation.command = "guest";
    invocation.more = {{"schema", "ilnp.host-channel/1"}, {"event", "moved"}, {"id", static_cast<unsigned>(getpid())}};
    if (!options.locators.empty()) invocation.more["locators"] = options.locators;
    if (!options.mac.empty()) invocation.more["mac"] = options.mac;
  });
}

namespace {

/// The answer to what was sent; of others that come before it nothing is known.
Result<json> answer_of_guest(ControlClient& client, const json& sent) {
  const auto deadline = Clock::now() + std::chrono::seconds{5};
  for (;;) {
    auto answer = client.receive(
        std::max(std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()), std::chrono::milliseconds{0}));
    if (!answer) return answer;
    const json& object = answer.value();
    if (object.value("event", json{}) == "error" || object.value("id", json{}) == sent.at("id")) return answer;
  }
}

ExitCode unreachable(const ControlInvocation& invocation, const std::string& why, std::ostream& problems) {
  problems << "guest: " << why << " (" << invocation.socket << ")" << std::endl;
  return why.find("permission") == std::string::npos ? ExitCode::down : ExitCode::usage;
}

}  // namespace

ExitCode tell_guest(const ControlInvocation& invocation, std::ostream& out, std::ostream& problems) {
  auto client = ControlClient::connect(invocation.socket);
  if (!client) return unreachable(invocation, client.error().message, problems);
  if (auto sent = client.value().send(invocation.more); !sent)
    return unreachable(invocation, sent.error().message, problems);
  const auto answer = answer_of_guest(client.value(), invocation.more);
  if (!answer) return unreachable(invocation, answer.error().message, problems);
  const json& heard = answer.value();
  if (invocation.json) out << heard.dump() << std::endl;
  if (heard.value("host_moved", json{}) == true) {
    if (!invocation.json) out << "heard: it asks its routers" << std::endl;
    return ExitCode::ok;
  }
  const json reason = heard.value("error", json("no interface of it is meant"));
  problems << "guest: refused: " << (reason.is_string() ? reason.get<std::string>() : reason.dump()) << std::endl;
  return ExitCode::degraded;
}

}  // namespace ilnp
