// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648 section 4) by OpenSSL, read strictly.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ilnp {

std::string to_base64(std::string_view octets);
/// Nothing unless it is whole groups of the alphabet, with padding at the end only.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace ilnp
