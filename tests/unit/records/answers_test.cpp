// SPDX-License-Identifier: Apache-2.0
#include "core/records/answers.h"

#include <gtest/gtest.h>

#include "tests/unit/records/message_builder.h"

namespace ilnp {
namespace {

const DnsQuestion question{*DnsName::from_text("srv.example.org"), dns::type_aaaa, dns::class_in};
const Address identity{{0xfd494c4e50366631}, {0x02144ffffe20ee64}};

DnsMessage parsed(const ByteVector& octets) { return DnsMessage::parse(octets).value(); }

TEST(Answers, AddressesInOctets) {
  ByteVector query = make_query(0x1234, {*DnsName::from_text("a.b"), dns::type_aaaa, dns::class_in}, false);
  query[13] = 'A';
  const ByteVector answer = make_address_answer(parsed(query), {&identity, 1}, seconds{20});
  EXPECT_EQ(answer, (ByteVector{0x12, 0x34, 0x81, 0x80, 0,    1,    0,    1,    0,    0,    0,    0,    1,
                                'A',  1,    'b',  0,    0,    28,   0,    1,    0xc0, 12,   0,    28,   0,
                                1,    0,    0,    0,    20,   0,    16,   0xfd, 0x49, 0x4c, 0x4e, 0x50, 0x36,
                                0x66, 0x31, 0x02, 0x14, 0x4f, 0xff, 0xfe, 0x20, 0xee, 0x64}));
}

TEST(Answers, OptAnswersOptAndKeepsDo) {
  ByteVector query = make_query(1, question);
  EXPECT_EQ(parsed(make_empty_answer(parsed(query), dns::noerror)).opt()->ttl, 0u);
  query[query.size() - 4] = 0x80;
  const ByteVector answer = make_empty_answer(parsed(query), dns::servfail);
  EXPECT_EQ(parsed(answer).opt()->ttl, 0x8000u);
  EXPECT_EQ(parsed(answer).rcode(), dns::servfail);
  const ByteVector plain = make_query(1, question, false);
  EXPECT_EQ(parsed(make_empty_answer(parsed(plain), dns::noerror)).opt(), nullptr);
}

TEST(Answers, FlagsOfTheQueryThatComeBack) {
  ByteVector query = make_query(1, question, false);
  store_u16(&query[2], 0x7fff & ~dns::mask_opcode);
  const ByteVector answer = make_empty_answer(parsed(query), dns::noerror);
  EXPECT_EQ(load_u16(&answer[2]), dns::flag_response | dns::flag_recursion_available | dns::flag_recursion_desired |
                                      dns::flag_checking_disabled);
}

TEST(Answers, TheLongestNameFitsWithEightAddresses) {
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "a.";
  const ByteVector query = make_query(1, {*DnsName::from_text(longest), dns::type_aaaa, dns::class_in}, false);
  const std::vector<Address> eight(8, identity);
  const ByteVector answer = make_address_answer(parsed(query), eight, seconds{0});
  EXPECT_LE(answer.size(), 512u);
  EXPECT_TRUE(DnsMessage::parse(answer));
}

TEST(Answers, APointerNamesItsTarget) {
  const ByteVector query = make_query(1, {DnsName::reverse_of(identity), dns::type_ptr, dns::class_in});
  const ByteVector answer = make_ptr_answer(parsed(query), question.name, seconds{60});
  const DnsMessage message = parsed(answer);
  EXPECT_EQ(message.name_in(message.records()[0]), question.name);
  EXPECT_EQ(message.owner(message.records()[0]), DnsName::reverse_of(identity));
}

TEST(Answers, HeaderOnlyForWhatCannotBeRead) {
  ByteVector query(40, 0xff);
  const ByteVector answer = make_header_answer(query, dns::formerr);
  ASSERT_TRUE(DnsMessage::parse(answer));
  EXPECT_EQ(load_u16(answer.data()), 0xffff);
  EXPECT_EQ(parsed(answer).rcode(), dns::formerr);
}

}  // namespace
}  // namespace ilnp
