// SPDX-License-Identifier: Apache-2.0
// One thread beside the loop's, for work that takes longer than packets can wait and that touches nothing of anybody's.
#pragma once

#include <csignal>
#include <utility>  // before Asio: Boost 1.74 uses std::exchange without including it

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <optional>

namespace ilnp {

/// Threads that are started while this lives get no signals: those are for the loop's thread.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

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
