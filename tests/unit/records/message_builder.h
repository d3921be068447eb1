// SPDX-License-Identifier: Apache-2.0
// Builds DNS answers for tests, true and false ones: every field can be set to a lie.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "core/records/dns_message.h"
#include "core/records/ilnp_records.h"

namespace ilnp::test {

inline DnsName name(std::string_view text) { return *DnsName::from_text(text); }

class MessageBuilder {
 public:
  MessageBuilder& id(std::uint16_t v) { return header_[0] = v, *this; }
  MessageBuilder& flags(std::uint16_t v) { return header_[1] = v, *this; }
  MessageBuilder& rcode(unsigned v) {
    header_[1] = static_cast<std::uint16_t>((header_[1] & 0xfff0) | v);
    return *this;
  }
  MessageBuilder& question(const DnsQuestion& q) {
    ByteWriter w{questions_};
    w.bytes(q.name.wire());
    w.u16(q.type);
    w.u16(q.klass);
    ++header_[2];
    return *this;
  }
  MessageBuilder& record(DnsSection section, const DnsName& owner, std::uint16_t type, std::uint32_t ttl, Bytes rdata,
                         std::uint16_t klass = dns::class_in) {
    ByteVector& out = sections_[static_cast<std::size_t>(section)];
    ByteWriter w{out};
    w.bytes(owner.wire());
    w.u16(type);
    w.u16(klass);
    w.u32(ttl);
    w.u16(static_cast<std::uint16_t>(rdata.size()));
    w.bytes(rdata);
    ++header_[3 + static_cast<std::size_t>(section)];
    return *this;
  }
  MessageBuilder& answer(const DnsName& owner, std::uint16_t type, std::uint32_t ttl, Bytes rdata) {
    return record(DnsSection::answer, owner, type, ttl, rdata);
  }
  MessageBuilder& nid(const DnsName& owner, std::uint16_t preference, std::uint64_t bits, std::uint32_t ttl = 300) {
    return answer(owner, dns::type_nid, ttl, encode(NidData{preference, {bits}}));
  }
  MessageBuilder& l64(const DnsName& owner, std::uint16_t preference, std::uint64_t bits, std::uint32_t ttl = 20) {
    return answer(owner, dns::type_l64, ttl, encode(L64Data{preference, {bits}}));
  }
  MessageBuilder& lp(const DnsName& owner, std::uint16_t preference, std::string_view target,
                     std::uint32_t ttl = 3600) {
    return answer(owner, dns::type_lp, ttl, encode(LpData{preference, name(target)}));
  }
  MessageBuilder& aaaa(const DnsName& owner, std::string_view address, std::uint32_t ttl = 60) {
    return answer(owner, dns::type_aaaa, ttl, parse_address(address)->octets());
  }
  MessageBuilder& cname(const DnsName& owner, std::string_view target, std::uint32_t ttl = 60) {
    return answer(owner, dns::type_cname, ttl, name(target).wire());
  }
  MessageBuilder& soa(const DnsName& zone, std::uint32_t ttl, std::uint32_t minimum) {
    ByteVector rdata;
    ByteWriter w{rdata};
    w.bytes(DnsName{}.wire());
    w.bytes(DnsName{}.wire());
    for (const std::uint32_t field : {1u, 3600u, 600u, 86400u, minimum}) w.u32(field);
    return record(DnsSection::authority, zone, dns::type_soa, ttl, rdata);
  }
  MessageBuilder& opt(std::uint16_t size = 1232, std::uint32_t ttl = 0) {
    return record(DnsSection::additional, DnsName{}, dns::type_opt, ttl, {}, size);
  }
  MessageBuilder& tsig() { return record(DnsSection::additional, DnsName{}, dns::type_tsig, 0, {}, dns::class_any); }
  ByteVector build() const {
    ByteVector out;
    ByteWriter w{out};
    for (const std::uint16_t field : header_) w.u16(field);
    w.bytes(questions_);
    for (const ByteVector& section : sections_) w.bytes(section);
    return out;
  }

 private:
  std::array<std::uint16_t, 6> header_{0x1234, dns::flag_response | dns::flag_recursion_available, 0, 0, 0, 0};
  ByteVector questions_;
  std::array<ByteVector, 3> sections_;
};

/// An answer to `question` that the caller fills.
inline MessageBuilder answer_to(const DnsQuestion& question) {
  MessageBuilder builder;
  builder.question(question);
  return builder;
}

}  // namespace ilnp::test
