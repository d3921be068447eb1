// SPDX-License-Identifier: Apache-2.0
// Runs a short-lived program to its end, with text in and text out.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"

namespace ilnp {

struct FinishedProcess {
  int exit_status = 0;  ///< 128 + signal when it was killed
  std::string output;
  std::string errors;
};

/// `arguments[0]` is the program's path. Ends the child and fails when it takes longer than `limit`.
Result<FinishedProcess> run_program(const std::vector<std::string>& arguments, const std::string& input,
                                    Duration limit = seconds{5});

}  // namespace ilnp
