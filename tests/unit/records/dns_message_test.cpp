// SPDX-License-Identifier: Apache-2.0
#include "core/records/dns_message.h"

#include <gtest/gtest.h>

#include "tests/unit/records/message_builder.h"

namespace ilnp {
namespace {

using test::answer_to;
using test::MessageBuilder;
using test::name;

const DnsQuestion nid_question{name("srv.example.org"), dns::type_nid, dns::class_in};

MessageError error_of(Bytes octets) {
  const auto message = DnsMessage::parse(octets);
  EXPECT_FALSE(message) << "accepted";
  return message ? MessageError{} : message.error();
}

TEST(DnsMessage, AnAnswerIsReadWhole) {
  const ByteVector octets = answer_to(nid_question).nid(nid_question.name, 10, 0x02144ffffe20ee64).opt().build();
  const auto parsed = DnsMessage::parse(octets);
  ASSERT_TRUE(parsed);
  const DnsMessage& message = parsed.value();
  EXPECT_TRUE(answers(message, 0x1234, nid_question));
  EXPECT_FALSE(answers(message, 0x1235, nid_question));
  EXPECT_FALSE(answers(message, 0x1234, {name("srv.example.org"), dns::type_l64, dns::class_in}));
  ASSERT_EQ(message.records().size(), 2u);
  EXPECT_EQ(message.owner(message.records()[0]), nid_question.name);
  EXPECT_EQ(decode_nid(message.records()[0].rdata), (NidData{10, {0x02144ffffe20ee64}}));
  ASSERT_NE(message.opt(), nullptr);
  EXPECT_EQ(message.opt()->klass, 1232);
}

TEST(DnsMessage, EveryCutIsNoticed) {
  const ByteVector octets = answer_to(nid_question).nid(nid_question.name, 10, 7).opt().build();
  ASSERT_TRUE(DnsMessage::parse(octets));
  for (std::size_t n = 0; n < octets.size(); ++n) EXPECT_FALSE(DnsMessage::parse(Bytes{octets}.first(n))) << n;
}

TEST(DnsMessage, AQuestionThatPointsIntoTheHeaderIsRefused) {
  ByteVector octets(12, 0);
  octets[5] = 1;
  octets.insert(octets.end(), {1, 'a', 0xc0, 6, 0, 1, 0, 1});
  EXPECT_EQ(error_of(octets), MessageError::bad_name);
}

TEST(DnsMessage, CountsThatLieAreNoticed) {
  ByteVector octets = answer_to(nid_question).nid(nid_question.name, 10, 7).build();
  octets[7] = 2;  // two answers promised, one there
  EXPECT_EQ(error_of(octets), MessageError::bad_name);
  octets[7] = 0;
  EXPECT_EQ(error_of(octets), MessageError::trailing_octets);
  octets[7] = 1;
  octets[5] = 2;
  EXPECT_EQ(error_of(octets), MessageError::too_many_questions);
}

TEST(DnsMessage, RecordLengthsThatLieAreNoticed) {
  ByteVector octets = answer_to(nid_question).nid(nid_question.name, 10, 7).build();
  const std::size_t length_at = octets.size() - 12;
  ASSERT_EQ(load_u16(&octets[length_at]), 10);
  store_u16(&octets[length_at], 11);
  EXPECT_EQ(error_of(octets), MessageError::truncated);
  store_u16(&octets[length_at], 9);
  EXPECT_EQ(error_of(octets), MessageError::trailing_octets);
  store_u16(&octets[length_at], 0xffff);
  EXPECT_EQ(error_of(octets), MessageError::truncated);
}

// The 68 octets that make Debian's ldns 1.8.3 lose 640: header, question "example.org. SOA", TSIG twice. Here they are
// refused before anything else reads them; under the leak sanitizer this test also shows that we lose nothing.
TEST(DnsMessage, TwoTsigRecordsAreRefused) {
  const DnsQuestion question{name("example.org"), dns::type_soa, dns::class_in};
  const auto rdata = ByteVector{0, 0, 0, 0, 0, 0};
  MessageBuilder builder = answer_to(question);
  for (int i = 0; i < 2; ++i)
    builder.record(DnsSection::additional, DnsName{}, dns::type_tsig, 0, rdata, dns::class_any);
  ByteVector octets = builder.build();
  octets.resize(68);
  const std::size_t second = 12 + 17 + 17;
  store_u16(&octets[second + 9], 68 - second - 11);
  ASSERT_EQ(octets.size(), 68u);
  EXPECT_EQ(error_of(octets), MessageError::tsig_misplaced);
  for (int i = 0; i < 10000; ++i) ASSERT_FALSE(DnsMessage::parse(octets));
}

TEST(DnsMessage, TsigMustBeTheLastRecordOfAdditional) {
  EXPECT_TRUE(DnsMessage::parse(answer_to(nid_question).opt().tsig().build()));
  EXPECT_EQ(error_of(answer_to(nid_question).tsig().opt().build()), MessageError::tsig_misplaced);
  EXPECT_EQ(error_of(answer_to(nid_question).answer(DnsName{}, dns::type_tsig, 0, {}).build()),
            MessageError::tsig_misplaced);
}

TEST(DnsMessage, OneOptOfTheRootInAdditional) {
  EXPECT_EQ(error_of(answer_to(nid_question).opt().opt().build()), MessageError::opt_misplaced);
  EXPECT_EQ(error_of(answer_to(nid_question).answer(DnsName{}, dns::type_opt, 0, {}).build()),
            MessageError::opt_misplaced);
  EXPECT_EQ(error_of(answer_to(nid_question).record(DnsSection::additional, name("a"), dns::type_opt, 0, {}).build()),
            MessageError::opt_misplaced);
}

TEST(DnsMessage, ARecordLimitBoundsWhatIsListed) {
  MessageBuilder builder = answer_to(nid_question);
  for (std::uint64_t i = 0; i < 5; ++i) builder.nid(nid_question.name, 1, i);
  const ByteVector octets = builder.build();
  EXPECT_TRUE(DnsMessage::parse(octets, 5));
  const auto message = DnsMessage::parse(octets, 4);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error(), MessageError::too_many_records);
}

TEST(DnsMessage, ExtendedRcodeComesFromOpt) {
  const ByteVector octets = answer_to(nid_question).rcode(0).opt(1232, 0x01000000).build();
  EXPECT_EQ(DnsMessage::parse(octets).value().rcode(), 16u);
}

TEST(DnsMessage, NamesInsideRecordDataMustFillIt) {
  const ByteVector good = answer_to(nid_question).lp(nid_question.name, 10, "l64.example.org").build();
  const auto parsed = DnsMessage::parse(good);
  ASSERT_TRUE(parsed);
  const auto lp = decode_lp(parsed.value(), parsed.value().records()[0]);
  EXPECT_EQ(lp, (LpData{10, name("l64.example.org")}));
  ByteVector rdata = encode(LpData{10, name("l64.example.org")});
  rdata.push_back(0);
  const ByteVector longer = answer_to(nid_question).answer(nid_question.name, dns::type_lp, 1, rdata).build();
  const auto lying = DnsMessage::parse(longer);
  ASSERT_TRUE(lying);
  EXPECT_FALSE(decode_lp(lying.value(), lying.value().records()[0]));
}

TEST(DnsMessage, AQueryIsAQuery) {
  const ByteVector octets = make_query(7, nid_question);
  const auto parsed = DnsMessage::parse(octets);
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed.value().is_response());
  EXPECT_EQ(parsed.value().question(), nid_question);
  EXPECT_NE(parsed.value().opt(), nullptr);
  EXPECT_FALSE(answers(parsed.value(), 7, nid_question));
}

}  // namespace
}  // namespace ilnp
