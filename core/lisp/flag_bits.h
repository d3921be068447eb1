// SPDX-License-Identifier: Apache-2.0
// Flags of messages: a bit of a field, or nothing.
#pragma once

#include <cstdint>

namespace ilnp::lisp {

template <class Field>
constexpr Field bit_if(bool set, Field bit) {
  return set ? bit : Field{0};
}

}  // namespace ilnp::lisp
