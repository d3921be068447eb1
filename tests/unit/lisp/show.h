// SPDX-License-Identifier: Apache-2.0
// How GoogleTest and RapidCheck show values of LISP.
#pragma once

#include <gtest/gtest.h>

#include <ostream>

#include "core/lisp/ip_address.h"
#include "core/lisp/reasons.h"

namespace ilnp::lisp {

inline void PrintTo(ReadError error, std::ostream* out) { *out << name_of(error); }
inline void PrintTo(const IpAddress& address, std::ostream* out) { *out << to_string(address); }
inline void PrintTo(const EidPrefix& eid, std::ostream* out) { *out << to_string(eid); }

}  // namespace ilnp::lisp
