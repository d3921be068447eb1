// SPDX-License-Identifier: Apache-2.0
// A list of an answer that ends where it gets too long.
#pragma once

#include <nlohmann/json.hpp>

namespace ilnp {

class Rows {
 public:
  static constexpr std::size_t most = 10'000;  ///< of one answer; the others are counted

  /// `make()` is the row; it is not made when there is no room for it.
  template <class Make>
  void add(const Make& make) {
    if (list_.size() < most)
      list_.push_back(make());
    else
      ++left_out_;
  }
  nlohmann::json answer(const char* schema, const char* name) && {
    return {{"schema", schema}, {name, std::move(list_)}, {"left_out", left_out_}};
  }

 private:
  nlohmann::json list_ = nlohmann::json::array();
  std::size_t left_out_ = 0;
};

}  // namespace ilnp
