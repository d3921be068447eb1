// SPDX-License-Identifier: Apache-2.0
// Any octets as a DNS message: what is accepted is whole, and every reader of its records stays inside.
#include "core/records/dns_message.h"

#include "core/records/answers.h"
#include "core/records/ilnp_records.h"
#include "tests/fuzz/fuzz.h"

using namespace ilnp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes octets{data, size};
  const auto parsed = DnsMessage::parse(octets);
  if (size >= 12) FUZZ_REQUIRE(make_header_answer(octets, dns::formerr).size() == 12);
  if (!parsed) return 0;
  const DnsMessage& message = parsed.value();
  std::size_t tsigs = 0, opts = 0, end = 12;
  if (message.question()) end += message.question_octets().size();
  for (const DnsRecord& record : message.records()) {
    FUZZ_REQUIRE(record.at == end);
    end = record.rdata_at + record.rdata.size();
    FUZZ_REQUIRE(end <= size);
    tsigs += record.type == dns::type_tsig;
    opts += record.type == dns::type_opt;
    const DnsName owner = message.owner(record);
    FUZZ_REQUIRE(owner.wire().size() <= 255);
    FUZZ_REQUIRE(DnsName::from_text(owner.text()) == owner);
    if (const auto target = message.name_in(record)) FUZZ_REQUIRE(DnsName::from_wire(target->wire()) == target);
    if (const auto lp = decode_lp(message, record)) FUZZ_REQUIRE(decode_lp(encode(*lp)) == lp);
    if (const auto nid = decode_nid(record.rdata)) FUZZ_REQUIRE(parse_nid_data(to_text(*nid)) == nid);
  }
  FUZZ_REQUIRE(end == size);
  FUZZ_REQUIRE(tsigs <= 1 && opts <= 1);
  FUZZ_REQUIRE(tsigs == 0 || message.records().back().type == dns::type_tsig);
  if (message.question()) {
    const Address address{{0xfd494c4e50366631}, {1}};
    const ByteVector answer = make_address_answer(message, {&address, 1}, seconds{20});
    const auto again = DnsMessage::parse(answer);
    FUZZ_REQUIRE(again && again.value().question() == message.question() && again.value().id() == message.id());
  }
  return 0;
}
