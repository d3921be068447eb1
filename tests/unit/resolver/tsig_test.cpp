// SPDX-License-Identifier: Apache-2.0
#include "io/resolver/tsig.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <memory>

#include "io/resolver/update_client.h"
#include "tests/unit/records/message_builder.h"
#include "tests/unit/resolver/tsig_reply.h"

#include "io/resolver/ldns.h"

namespace ilnp {
namespace {

using test::name;

using test::worked_time;

TsigKey key(std::string_view key_name = "mob-key", TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256,
            std::uint8_t first = 0) {
  ByteVector secret;
  for (std::uint8_t i = 0; i < 32; ++i) secret.push_back(static_cast<std::uint8_t>(first + i));
  return {name(key_name), algorithm, secret};
}

/// The update of docs/protocol: the NID set exists; L64 and AAAA are replaced.
UpdatePlan worked_plan() {
  const auto wanted = PublishedState::of({{10, {0x5c1a97d304be6f21}}}, {{10, {0x20010db8000b0001}}});
  return plan_publication(name("example.org"), name("mob.example.org"), wanted, {}, TtlPolicy::mobile(),
                          {NidGuard::Kind::present, {}});
}

ByteVector from_hex(std::string_view text) {
  ByteVector out;
  int high = -1;
  for (const char c : text) {
    if (c == ' ' || c == '\n') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<std::uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  return out;
}

// BIND 9.18 answered these octets with NOERROR, and its reply's MAC verified.
const char* const worked_octets =
    "494c 2800 0001 0001 0004 0001 0765 7861 6d70 6c65 036f 7267 0000 0600 0103 6d6f"
    "6207 6578 616d 706c 6503 6f72 6700 0068 00ff 0000 0000 0000 036d 6f62 0765 7861"
    "6d70 6c65 036f 7267 0000 6a00 ff00 0000 0000 0003 6d6f 6207 6578 616d 706c 6503"
    "6f72 6700 001c 00ff 0000 0000 0000 036d 6f62 0765 7861 6d70 6c65 036f 7267 0000"
    "6a00 0100 0000 0000 0a00 0a20 010d b800 0b00 0103 6d6f 6207 6578 616d 706c 6503"
    "6f72 6700 001c 0001 0000 0000 0010 2001 0db8 000b 0001 5c1a 97d3 04be 6f21 076d"
    "6f62 2d6b 6579 0000 fa00 ff00 0000 0000 3d0b 686d 6163 2d73 6861 3235 3600 0000"
    "6b01 20f0 012c 0020 f88d 17fb 347f 6962 ceed ce4b 93f1 fcf0 ab23 de7a 78d2 2e6d"
    "eb76 1c9a 652a 09a3 494c 0000 0000";

TEST(Tsig, TheWorkedUpdateOctetForOctet) {
  ByteVector message = encode_update(0x494c, worked_plan());
  const ByteVector mac = sign(message, key(), worked_time);
  EXPECT_EQ(message, from_hex(worked_octets));
  EXPECT_EQ(mac.size(), 32u);
}

const ByteVector request_mac(32, 0x5a);

using test::ReplyFields;

ByteVector reply_of(const ReplyFields& fields, unsigned rcode = 0) {
  return test::signed_reply(0x494c, rcode, key(), request_mac, fields);
}

TsigCheck check(Bytes reply, std::uint64_t now = worked_time, const TsigKey& with = key()) {
  const auto message = DnsMessage::parse(reply);
  EXPECT_TRUE(message);
  return verify_reply(message.value(), with, request_mac, now);
}

TEST(Tsig, AGenuineReplyVerifies) { EXPECT_EQ(check(reply_of({})).verdict, TsigVerdict::good); }

TEST(Tsig, EveryFlippedBitIsNoticed) {
  const ByteVector good = reply_of({});
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    ByteVector forged = good;
    forged[bit / 8] = static_cast<std::uint8_t>(forged[bit / 8] ^ 1u << bit % 8);
    const auto message = DnsMessage::parse(forged);
    if (!message) continue;
    // Three things are outside the MAC: the header's ID (the original one is covered), and the letter case of names.
    const bool id = bit < 16;
    const bool letter_case = (good[bit / 8] ^ forged[bit / 8]) == 0x20;
    const auto verdict = verify_reply(message.value(), key(), request_mac, worked_time).verdict;
    if (id || letter_case) continue;
    EXPECT_NE(verdict, TsigVerdict::good) << "bit " << bit;
  }
}

TEST(Tsig, AReplyToAnotherRequestDoesNotVerify) {
  const ByteVector reply = reply_of({});
  const ByteVector other_mac(32, 0x5b);
  EXPECT_EQ(verify_reply(DnsMessage::parse(reply).value(), key(), other_mac, worked_time).verdict,
            TsigVerdict::bad_mac);
}

TEST(Tsig, AnotherSecretOrKeyDoesNotVerify) {
  EXPECT_EQ(check(reply_of({}), worked_time, key("mob-key", TsigAlgorithm::hmac_sha256, 1)).verdict,
            TsigVerdict::bad_mac);
  EXPECT_EQ(check(reply_of({}), worked_time, key("other-key")).verdict, TsigVerdict::wrong_key);
  EXPECT_EQ(check(reply_of({}), worked_time, key("mob-key", TsigAlgorithm::hmac_sha512)).verdict,
            TsigVerdict::wrong_key);
}

TEST(Tsig, NoSignatureIsNoAnswer) {
  const ByteVector plain = test::MessageBuilder{}.build();
  EXPECT_EQ(check(plain).verdict, TsigVerdict::missing);
}

TEST(Tsig, OldAndFutureRepliesAreToldApartFromForgedOnes) {
  EXPECT_EQ(check(reply_of({}), worked_time + 300).verdict, TsigVerdict::good);
  EXPECT_EQ(check(reply_of({}), worked_time + 301).verdict, TsigVerdict::bad_time);
  EXPECT_EQ(check(reply_of({}), worked_time - 301).verdict, TsigVerdict::bad_time);
}

TEST(Tsig, ErrorsWithoutMacAreNamed) {
  EXPECT_EQ(check(reply_of({.error = 17, .other = {}, .with_mac = false}, dns::notauth)).verdict,
            TsigVerdict::error_badkey);
  EXPECT_EQ(check(reply_of({.error = 16, .other = {}, .with_mac = false}, dns::notauth)).verdict,
            TsigVerdict::error_badsig);
  EXPECT_EQ(check(reply_of({.other = {}, .with_mac = false})).verdict, TsigVerdict::bad_mac);
  EXPECT_EQ(check(reply_of({.error = 18, .other = {0, 0, 0, 0, 0, 1}, .with_mac = false}, dns::notauth)).verdict,
            TsigVerdict::bad_mac);
}

TEST(Tsig, BadTimeTellsTheServersClockUnderSignature) {
  const TsigCheck told =
      check(reply_of({.error = 18, .other = {0, 0, 0x6b, 1, 0x2f, 0x40}}, dns::notauth), worked_time);
  EXPECT_EQ(told.verdict, TsigVerdict::error_badtime);
  EXPECT_EQ(told.server_time, 0x6b012f40u);
}

TEST(Tsig, LengthsInsideTheRecordThatLieAreMalformed) {
  for (const int change : {-1, 1}) {
    ByteVector reply = reply_of({});
    const std::size_t mac_size_at = reply.size() - 6 - 32 - 2;
    ASSERT_EQ(load_u16(&reply[mac_size_at]), 32);
    store_u16(&reply[mac_size_at], static_cast<std::uint16_t>(32 + change));
    EXPECT_EQ(check(reply).verdict, TsigVerdict::malformed);
  }
}

// Two implementations agree: ldns signs, we verify; for every algorithm that ldns 1.8.3 has.
TEST(Tsig, WhatLdnsSignsVerifiesHere) {
  const auto base64_of_00_to_1f = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
  for (const auto algorithm : {TsigAlgorithm::hmac_sha1, TsigAlgorithm::hmac_sha256, TsigAlgorithm::hmac_sha512}) {
    const std::unique_ptr<ldns_pkt, void (*)(ldns_pkt*)> packet{ldns_pkt_new(), ldns_pkt_free};
    ldns_pkt_set_id(packet.get(), 7);
    ldns_pkt_set_qr(packet.get(), 1);
    ByteVector mac_data{0, 32};
    mac_data.insert(mac_data.end(), request_mac.begin(), request_mac.end());
    const std::unique_ptr<ldns_rdf, void (*)(ldns_rdf*)> mac{
        ldns_rdf_new_frm_data(LDNS_RDF_TYPE_INT16_DATA, mac_data.size(), mac_data.data()), ldns_rdf_deep_free};
    ASSERT_EQ(ldns_pkt_tsig_sign(packet.get(), "mob-key.", base64_of_00_to_1f, 300,
                                 (to_string(algorithm) + ".").c_str(), mac.get()),
              LDNS_STATUS_OK);
    std::uint8_t* octets = nullptr;
    std::size_t size = 0;
    ASSERT_EQ(ldns_pkt2wire(&octets, packet.get(), &size), LDNS_STATUS_OK);
    const ByteVector reply(octets, octets + size);
    free(octets);
    const auto now = static_cast<std::uint64_t>(time(nullptr));
    EXPECT_EQ(check(reply, now, key("mob-key", algorithm)).verdict, TsigVerdict::good) << to_string(algorithm);
  }
}

}  // namespace
}  // namespace ilnp
