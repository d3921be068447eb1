// SPDX-License-Identifier: Apache-2.0
// A look at a text before toml++ reads it, for what that parser (3.3.0, as Debian 12 has it) does not survive:
// - Characters beyond ASCII outside strings and comments run into its "unreachable" code. To know where strings begin
//   as that parser sees it, quotes, brackets and equals signs inside a word are refused too: TOML has no use for them,
//   but the parser reads on through them as a part of the word.
// - The same happens after a backslash in a multi-line string. No option needs those, so they are refused.
// - Keys of very many parts (a.a.a.a ...) become tables that it destroys recursively; deep brackets likewise.
#pragma once

#include <optional>
#include <string_view>

namespace ilnp {

inline constexpr int max_key_parts = 16;
inline constexpr std::size_t max_brackets = 16;  ///< open at the same time

struct ScanProblem {
  unsigned line = 0, column = 0;  ///< from 1; the column in octets
  const char* reason = nullptr;
};

/// The first thing of that kind; everything else is left to the parser to judge.
std::optional<ScanProblem> scan_for_hazards(std::string_view text);

}  // namespace ilnp
