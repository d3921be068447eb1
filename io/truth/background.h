// SPDX-License-Identifier: Apache-2.0
// One thread beside the loop's, for work that takes longer than packets can wait and that touches nothing of anybody's.
#pragma once

#include <utility>  // before Asio: Boost 1.74 uses std::exchange without including it

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <optional>

#include "io/loop/signals_blocked.h"

namespace ilnp {

/// The destructor waits for what is under way; what has not begun is dropped.
class Background {
 public:
  Background() {
    const SignalsBlocked blocked;
    thread_.emplace(1);
  }
  ~Background() { thread_->stop(); }
  void run(std::function<void()> work) { boost::asio::post(*thread_, std::move(work)); }

 private:
  std::optional<boost::asio::thread_pool> thread_;
};

}  // namespace ilnp
