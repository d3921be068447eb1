// SPDX-License-Identifier: Apache-2.0
// The only file that names Boost.Outcome: g++ 12 has no std::expected yet.
#pragma once

#include <boost/outcome/result.hpp>
#include <boost/outcome/success_failure.hpp>
#include <string>
#include <utility>

namespace ilnp {

/// The world failed (a socket, netlink, DNS, a file): what was tried and why it failed, in words for an operator.
struct Error {
  std::string message;
};

/// A value or an error. E is an enum for bad bytes from the network, Error for a failure of the world.
template <class T, class E = Error>
using Result = boost::outcome_v2::result<T, E, boost::outcome_v2::policy::terminate>;

inline auto ok() { return boost::outcome_v2::success(); }

inline Error error(std::string message) { return Error{std::move(message)}; }

}  // namespace ilnp
