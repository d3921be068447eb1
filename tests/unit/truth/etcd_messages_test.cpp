// SPDX-License-Identifier: Apache-2.0
#include "io/truth/etcd_messages.h"

#include <gtest/gtest.h>

#include "io/truth/base64.h"

namespace ilnp {
namespace {

using enum AnswerProblem;

const std::string header = R"("header":{"cluster_id":"14841639068965178418","revision":"7","raft_term":"2"})";

TEST(Base64, IsReadStrictly) {
  for (const char* text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    EXPECT_EQ(from_base64(to_base64(text)), text);
  EXPECT_EQ(to_base64("fooba"), "Zm9vYmE=");
  for (const char* bad : {"Zg=", "Zg", "Z===", "Zg==Zg==", "Zm9 ", "\nZm9v", "Zm-v", "=Zm9", "===="}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
}

TEST(EtcdMessages, ARangeIsReadAsEtcdWritesIt) {
  const auto answer = parse_range_answer("{" + header + R"(,"kvs":[{"key":"L2E=","create_revision":"2",
      "mod_revision":"5","version":"1","value":"djE="}],"more":true,"count":"9"})");
  ASSERT_TRUE(answer) << explain(answer.error());
  EXPECT_EQ(answer.value().header.cluster, 14841639068965178418u);
  EXPECT_EQ(answer.value().header.revision, 7u);
  EXPECT_EQ(answer.value().header.term, 2u);
  ASSERT_EQ(answer.value().values.size(), 1u);
  EXPECT_EQ(answer.value().values[0].key, "/a");
  EXPECT_EQ(answer.value().values[0].value, "v1");
  EXPECT_EQ(answer.value().values[0].revision, 5u);
  EXPECT_TRUE(answer.value().more);
  EXPECT_TRUE(parse_range_answer("{" + header + "}").value().values.empty());
}

TEST(EtcdMessages, WhatEtcdDoesNotWriteIsRefusedWithTheReason) {
  const auto problem = [](const std::string& text) {
    const auto answer = parse_range_answer(text);
    return answer ? std::optional<AnswerProblem>{} : answer.error();
  };
  const auto with_value = [&](const std::string& value) {
    return problem("{" + header + R"(,"kvs":[)" + value + "]}");
  };
  ASSERT_EQ(with_value(R"({"key":"L2E=","mod_revision":"5"})"), std::nullopt);
  EXPECT_EQ(problem(""), not_json);
  EXPECT_EQ(problem("<html>"), not_json);
  EXPECT_EQ(problem("{" + header), not_json);
  EXPECT_EQ(problem("[]"), bad_shape);
  EXPECT_EQ(problem("{}"), no_header);
  EXPECT_EQ(problem(R"({"header":{"revision":"7"}})"), no_header);
  EXPECT_EQ(problem(R"({"header":{"cluster_id":"1"}})"), no_header);
  EXPECT_EQ(problem(R"({"header":{"cluster_id":"x","revision":"7"}})"), bad_number);
  EXPECT_EQ(problem(R"({"header":{"cluster_id":"99999999999999999999999","revision":"7"}})"), bad_number);
  EXPECT_EQ(problem(R"({"header":{"cluster_id":-1,"revision":"7"}})"), bad_number);
  EXPECT_EQ(problem("{" + header + R"(,"kvs":{}})"), bad_shape);
  EXPECT_EQ(problem("{" + header + R"(,"more":"yes"})"), bad_shape);
  EXPECT_EQ(with_value("7"), bad_shape);
  EXPECT_EQ(with_value(R"({"key":"L2E="})"), bad_shape);
  EXPECT_EQ(with_value(R"({"mod_revision":"5"})"), bad_shape);
  EXPECT_EQ(with_value(R"({"key":"L2E","mod_revision":"5"})"), bad_base64);
  EXPECT_EQ(with_value(R"({"key":7,"mod_revision":"5"})"), bad_shape);
  EXPECT_EQ(problem(std::string(40, '[')), too_deep);
  EXPECT_EQ(problem(std::string(max_etcd_answer + 1, ' ')), too_long);
}

TEST(EtcdMessages, ASwapSaysWhetherItHappened) {
  EXPECT_TRUE(parse_swap_answer("{" + header + R"(,"succeeded":true,"responses":[]})").value().succeeded);
  EXPECT_FALSE(parse_swap_answer("{" + header + "}").value().succeeded);
  EXPECT_FALSE(parse_swap_answer("{" + header + R"(,"succeeded":1})"));
}

TEST(EtcdMessages, AWatchTellsOfChangesAndOfItsEnd) {
  const auto created = parse_watch_message(R"({"result":{)" + header + R"(,"created":true}})");
  ASSERT_TRUE(created);
  EXPECT_TRUE(created.value().created);
  const auto events = parse_watch_message(R"({"result":{)" + header + R"(,"fragment":true,"events":[
      {"kv":{"key":"L2E=","mod_revision":"5","value":"djE="}},{"type":"DELETE","kv":{"key":"L2E=","mod_revision":"6"}}]}})");
  ASSERT_TRUE(events) << explain(events.error());
  EXPECT_TRUE(events.value().is_fragment);
  ASSERT_EQ(events.value().events.size(), 2u);
  EXPECT_FALSE(events.value().events[0].is_removal);
  EXPECT_TRUE(events.value().events[1].is_removal);
  EXPECT_EQ(events.value().events[1].value.revision, 6u);
  const auto end = parse_watch_message(R"({"result":{)" + header + R"(,"canceled":true,"compact_revision":"9"}})");
  EXPECT_EQ(end.value().compact_revision, 9u);
  const auto refused = parse_watch_message(R"({"error":{"grpc_code":14,"message":"no\nleader"}})");
  EXPECT_TRUE(refused.value().canceled);
  EXPECT_EQ(refused.value().cancel_reason, "no?leader");
  EXPECT_FALSE(parse_watch_message("{}"));
  EXPECT_FALSE(parse_watch_message(R"({"result":{"events":[]}})"));
  EXPECT_FALSE(parse_watch_message(R"({"result":{)" + header + R"(,"events":[{"type":"MOVE","kv":{}}]}})"));
  EXPECT_FALSE(parse_watch_message(R"({"result":{)" + header + R"(,"events":[{"type":"PUT"}]}})"));
}

TEST(EtcdMessages, ARefusalIsShownInWords) {
  const EtcdRefusal refusal = parse_refusal(R"({"error":"x","code":11,"message":"compacted"})");
  EXPECT_EQ(refusal.code, 11);
  EXPECT_EQ(refusal.message, "compacted");
  EXPECT_EQ(parse_refusal("<html>").code, 0);
  EXPECT_EQ(parse_refusal(R"({"message":")" + std::string(1000, 'x') + R"("})").message.size(), 200u);
}

TEST(EtcdMessages, RequestsSayWhatEtcdExpects) {
  EXPECT_EQ(swap_request("/a", "v1", 5),
            R"({"compare":[{"key":"L2E=","mod_revision":"5","result":"EQUAL","target":"MOD"}],)"
            R"("success":[{"request_put":{"key":"L2E=","value":"djE="}}]})");
  EXPECT_EQ(swap_request("/a", std::nullopt, 5),
            R"({"compare":[{"key":"L2E=","mod_revision":"5","result":"EQUAL","target":"MOD"}],)"
            R"("success":[{"request_delete_range":{"key":"L2E="}}]})");
  EXPECT_EQ(range_request("/a", "", 0, 0), R"({"key":"L2E="})");
  EXPECT_EQ(range_request("/a", "/b", 10, 7), R"({"key":"L2E=","limit":"10","range_end":"L2I=","revision":"7"})");
}

}  // namespace
}  // namespace ilnp
