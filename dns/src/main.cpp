// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <variant>

#include "dns/src/check.h"
#include "dns/src/publish.h"
#include "dns/src/resolve.h"
#include "dns/src/settings.h"

namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

}  // namespace

int main(int argc, char** argv) {
  using namespace ilnp;
  const auto parsed = parse_command_line(argc, argv, std::cout, std::cerr);
  if (const auto* code = std::get_if<ExitCode>(&parsed)) return static_cast<int>(*code);
  const ExitCode code = std::visit(Overloaded{[](const PublishSettings& s) { return publish(s, std::cout, std::cerr); },
                                              [](const ResolveSettings& s) { return resolve(s, std::cout, std::cerr); },
                                              [](const CheckSettings& s) { return check(s, std::cout, std::cerr); }},
                                   std::get<Command>(parsed));
  return static_cast<int>(code);
}
