// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/rows.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

TEST(Rows, ThoseBeyondTheLimitAreCountedAndNotMade) {
  Rows rows;
  std::size_t made = 0;
  for (std::size_t i = 0; i < Rows::most + 5; ++i)
    rows.add([&] {
      ++made;
      return nlohmann::json{{"number", i}};
    });
  const nlohmann::json answer = std::move(rows).answer("ilnp.x/1", "rows");
  EXPECT_EQ(made, Rows::most);
  EXPECT_EQ(answer.at("rows").size(), Rows::most);
  EXPECT_EQ(answer.at("rows").back().at("number"), Rows::most - 1);
  EXPECT_EQ(answer.at("left_out"), 5u);
}

}  // namespace
}  // namespace ilnp
