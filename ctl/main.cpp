// SPDX-License-Identifier: Apache-2.0
// ilnpctl: the operator's tool. It holds no state and needs no privilege but access to the control socket.
#include <unistd.h>

#include <iostream>

#include "ctl/commands.h"

int main(int count, char** arguments) {
  return ilnp::control_main({arguments + 1, arguments + count}, isatty(STDOUT_FILENO) == 1, std::cout, std::cerr);
}
