// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/questions.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/fakes.h"
#include "tests/unit/lisp/eids.h"

namespace ilnp::lisp {
namespace {

class QuestionsTest : public ::testing::Test {
 protected:
  bool ask(const EidPrefix& eid, Duration delay = {}) { return questions.ask(now, {eid, eid, {}, false}, delay); }
  bool ask(const char* eid) { return ask(eid_prefix(eid)); }
  void ask_after_smr(const char* eid) {
    const EidPrefix prefix = eid_prefix(eid);
    questions.ask(now, {prefix, prefix, {}, true});
  }
  /// The times of what is sent until then.
  std::vector<Duration> run_until(TimePoint end) {
    std::vector<Duration> times;
    while (questions.next_deadline() <= end) {
      now = std::max(now, questions.next_deadline());
      const std::size_t before = actions.send.size();
      questions.on_time(now, actions);
      times.insert(times.end(), actions.send.size() - before, now - begin);
    }
    now = end;
    return times;
  }
  std::vector<Duration> run(Duration length) { return run_until(now + length); }

  const TimePoint begin{seconds{1000}};
  TimePoint now = begin;
  test::FakeRandom random{9};
  Questions questions{{}, random};
  Questions::Actions actions;
};

TEST_F(QuestionsTest, RepeatedTenTimesThenGivenUp) {
  ask("2001:db8:e1d::1/128");
  const std::vector<Duration> expected{seconds{0},  seconds{1},  seconds{3},  seconds{7},  seconds{15},
                                       seconds{23}, seconds{31}, seconds{39}, seconds{47}, seconds{55}};
  EXPECT_EQ(run(seconds{64}), expected);
  EXPECT_TRUE(actions.given_up.empty());
  run(seconds{1});
  ASSERT_EQ(actions.given_up.size(), 1u);
  EXPECT_EQ(actions.given_up[0].eid, eid_prefix("2001:db8:e1d::1/128"));
  EXPECT_EQ(questions.size(), 0u);
  EXPECT_EQ(questions.next_deadline(), never);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(actions.send[static_cast<std::size_t>(i)].attempt, i);
}

TEST_F(QuestionsTest, NonceCountsOnceAndForTenSeconds) {
  ask("2001:db8:e1d::1/128");
  run(seconds{3});
  ASSERT_EQ(actions.send.size(), 3u);
  EXPECT_EQ(questions.take_nonce(now, 12345), nullptr);
  const Question* question = questions.take_nonce(now, actions.send[0].nonce);
  ASSERT_NE(question, nullptr) << "an old one is good as well";
  EXPECT_EQ(question->eid, eid_prefix("2001:db8:e1d::1/128"));
  EXPECT_EQ(questions.take_nonce(now, actions.send[0].nonce), nullptr);
  EXPECT_NE(questions.take_nonce(begin + seconds{11}, actions.send[1].nonce), nullptr) << "sent at 1 s";
  EXPECT_EQ(questions.take_nonce(begin + seconds{13} + milliseconds{1}, actions.send[2].nonce), nullptr);
}

TEST_F(QuestionsTest, AnAnswerEndsAllNonces) {
  ask("2001:db8:e1d::1/128");
  run(seconds{3});
  questions.finish(eid_prefix("2001:db8:e1d::1/128"));
  for (const auto& sent : actions.send) EXPECT_EQ(questions.take_nonce(now, sent.nonce), nullptr);
  EXPECT_TRUE(run(seconds{60}).empty());
}

TEST_F(QuestionsTest, NoncesDiffer) {
  for (std::uint32_t i = 0; i < 50; ++i) ask(EidPrefix::host({0, IpAddress::v4(i)}));
  run(seconds{1});
  std::map<std::uint64_t, int> seen;
  for (const auto& sent : actions.send) EXPECT_EQ(++seen[sent.nonce], 1);
  EXPECT_EQ(seen.size(), 100u);
}

TEST_F(QuestionsTest, PrefixIsAskedForOnceASecondAlsoByANewQuestion) {
  for (int i = 0; i < 100; ++i) {
    ask("10.0.0.1/32");
    run(milliseconds{100});
    questions.finish(eid_prefix("10.0.0.1/32"));
  }
  EXPECT_LE(actions.send.size(), 11u);
  EXPECT_GE(actions.send.size(), 10u);
}

TEST_F(QuestionsTest, FiveHundredASecondInAll) {
  for (std::uint32_t i = 0; i < 2000; ++i) ask(EidPrefix::host({0, IpAddress::v4(i)}));
  const std::size_t sent = run(seconds{1}).size();
  EXPECT_LE(sent, 551u);
  EXPECT_GE(sent, 540u);
}

TEST_F(QuestionsTest, NoMoreThan2048AtOnce) {
  for (std::uint32_t i = 0; i < 2048; ++i) EXPECT_TRUE(ask(EidPrefix::host({0, IpAddress::v4(i)})));
  EXPECT_FALSE(ask("10.0.0.1/32"));
  EXPECT_TRUE(ask("0.0.0.7/32")) << "it is asked already";
  EXPECT_EQ(questions.size(), 2048u);
}

TEST_F(QuestionsTest, Delay) {
  ask(eid_prefix("10.0.0.1/32"), seconds{4});
  EXPECT_TRUE(run(seconds{4} - milliseconds{1}).empty());
  EXPECT_EQ(run(milliseconds{1}).size(), 1u);
}

TEST_F(QuestionsTest, AfterAnSmrTheAnswerOnItsWayIsTooOld) {
  ask("10.0.0.1/32");
  run(milliseconds{100});
  ask_after_smr("10.0.0.1/32");
  EXPECT_EQ(questions.take_nonce(now, actions.send[0].nonce), nullptr);
  EXPECT_EQ(run(seconds{1}), std::vector<Duration>{seconds{1}});
  EXPECT_TRUE(actions.send[1].question.is_smr_invoked);
  ask_after_smr("10.0.0.1/32");
  EXPECT_NE(questions.take_nonce(now, actions.send[1].nonce), nullptr) << "the second SMR changes nothing";
}

TEST_F(QuestionsTest, QuestionsInAPrefix) {
  for (const char* eid : {"10.0.0.1/32", "10.0.1.0/24", "10.0.1.1/32", "10.1.0.1/32"}) ask(eid);
  EXPECT_EQ(questions.asked_in(eid_prefix("10.0.0.0/16")).size(), 3u);
  EXPECT_EQ(questions.asked_in(eid_prefix("10.0.1.0/24")).size(), 2u);
  EXPECT_TRUE(questions.asked_in(eid_prefix("11.0.0.0/8")).empty());
}

}  // namespace
}  // namespace ilnp::lisp
