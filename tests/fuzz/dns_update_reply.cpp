// SPDX-License-Identifier: Apache-2.0
// Any octets as the reply to a signed update: without the secret nobody makes one that is believed.
#include "io/resolver/tsig.h"
#include "tests/fuzz/fuzz.h"

using namespace ilnp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ByteVector request_mac(32, 0x5a);
  static const TsigKey key{*DnsName::from_text("mob-key"), TsigAlgorithm::hmac_sha256, ByteVector(32, 0x11)};
  const auto message = DnsMessage::parse({data, size});
  if (message) {
    const TsigCheck check = verify_reply(message.value(), key, request_mac, 1795236080);
    FUZZ_REQUIRE(check.verdict != TsigVerdict::good && check.verdict != TsigVerdict::error_badtime);
    FUZZ_REQUIRE((check.verdict == TsigVerdict::missing) == (message.value().tsig() == nullptr));
  }
  const auto parsed = parse_tsig_key({reinterpret_cast<const char*>(data), size});
  if (parsed) FUZZ_REQUIRE(parsed.value().name().wire().size() <= 255);
  return 0;
}
