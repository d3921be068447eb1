// SPDX-License-Identifier: Apache-2.0
#include "core/records/dns_message.h"

namespace ilnp {

const char* to_string(MessageError error) {
  switch (error) {
    case MessageError::short_header:
      return "shorter than a header";
    case MessageError::too_many_questions:
      return "more than one question";
    case MessageError::too_many_records:
      return "too many records";
    case MessageError::bad_name:
      return "malformed name";
    case MessageError::truncated:
      return "a record is cut short";
    case MessageError::trailing_octets:
      return "octets after the last record";
    case MessageError::opt_misplaced:
      return "OPT misplaced or repeated";
    case MessageError::tsig_misplaced:
      return "TSIG misplaced or repeated";
  }
  return "unknown";
}

std::string rcode_text(unsigned rcode) {
  static constexpr std::array names{"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
                                    "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE"};
  if (rcode < names.size()) return names[rcode];
  switch (rcode) {
    case 16:
      return "BADSIG";
    case 17:
      return "BADKEY";
    case 18:
      return "BADTIME";
    case 22:
      return "BADTRUNC";
    default:
      return "RCODE" + std::to_string(rcode);
  }
}

std::string dns_type_text(std::uint16_t type) {
  switch (type) {
    case dns::type_a:
      return "A";
    case dns::type_ns:
      return "NS";
    case dns::type_cname:
      return "CNAME";
    case dns::type_soa:
      return "SOA";
    case dns::type_ptr:
      return "PTR";
    case dns::type_txt:
      return "TXT";
    case dns::type_aaaa:
      return "AAAA";
    case dns::type_nid:
      return "NID";
    case dns::type_l32:
      return "L32";
    case dns::type_l64:
      return "L64";
    case dns::type_lp:
      return "LP";
    default:
      return "TYPE" + std::to_string(type);
  }
}

Result<DnsMessage, MessageError> DnsMessage::parse(Bytes octets, std::size_t most_records) {
  if (octets.size() < 12) return MessageError::short_header;
  DnsMessage message{octets};
  if (const auto bad = message.read_question(load_u16(octets.data() + 4))) return *bad;
  if (const auto bad = message.read_records(message.question_end_, most_records)) return *bad;
  if (const auto bad = message.check_pseudo_records()) return *bad;
  return message;
}

std::optional<MessageError> DnsMessage::read_question(std::uint16_t count) {
  if (count > 1) return MessageError::too_many_questions;
  if (count == 0) return std::nullopt;
  std::size_t end = 0;
  auto name = DnsName::from_message(octets_, 12, end);
  // Nothing but the header lies before it that a pointer could lead to, and our answers copy the question as it is.
  if (!name || name->wire().size() != end - 12) return MessageError::bad_name;
  if (octets_.size() - end < 4) return MessageError::truncated;
  question_ = DnsQuestion{std::move(*name), load_u16(octets_.data() + end), load_u16(octets_.data() + end + 2)};
  question_end_ = end + 4;
  return std::nullopt;
}

std::optional<MessageError> DnsMessage::read_records(std::size_t at, std::size_t most_records) {
  for (int section = 0; section < 3; ++section) {
    const std::uint16_t count = load_u16(octets_.data() + 6 + 2 * section);
    for (std::uint16_t i = 0; i < count; ++i) {
      if (records_.size() == most_records) return MessageError::too_many_records;
      const auto end = skip_dns_name(octets_, at);
      if (!end) return MessageError::bad_name;
      ByteReader in{octets_.subspan(*end)};
      DnsRecord record{static_cast<DnsSection>(section), at, in.u16(), in.u16(), in.u32(), 0, {}};
      record.rdata = in.take(in.u16());
      if (!in.ok()) return MessageError::truncated;
      record.rdata_at = *end + 10;
      at = record.rdata_at + record.rdata.size();
      records_.push_back(record);
    }
  }
  if (at != octets_.size()) return MessageError::trailing_octets;
  return std::nullopt;
}

std::optional<MessageError> DnsMessage::check_pseudo_records() {
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const DnsRecord& record = records_[i];
    if (record.type == dns::type_opt) {
      if (opt_ || record.section != DnsSection::additional || octets_[record.at] != 0)
        return MessageError::opt_misplaced;
      opt_ = i;
    }
    if (record.type == dns::type_tsig) {
      if (record.section != DnsSection::additional || i + 1 != records_.size()) return MessageError::tsig_misplaced;
      tsig_ = i;
    }
  }
  return std::nullopt;
}

unsigned DnsMessage::rcode() const {
  const unsigned low = flags() & dns::mask_rcode;
  return opt() != nullptr ? (opt()->ttl >> 24 << 4 | low) : low;
}

DnsName DnsMessage::owner(const DnsRecord& record) const {
  std::size_t end = 0;
  return *DnsName::from_message(octets_, record.at, end);  // checked when the message was parsed
}

std::optional<DnsName> DnsMessage::name_in(const DnsRecord& record, std::size_t offset) const {
  if (record.rdata.size() <= offset) return std::nullopt;
  std::size_t end = 0;
  auto name = DnsName::from_message(octets_, record.rdata_at + offset, end);
  if (!name || end != record.rdata_at + record.rdata.size()) return std::nullopt;
  return name;
}

ByteVector make_query(std::uint16_t id, const DnsQuestion& question, bool with_edns) {
  ByteVector out;
  ByteWriter w{out};
  w.u16(id);
  w.u16(dns::flag_recursion_desired);
  w.u16(1);
  w.u16(0);
  w.u16(0);
  w.u16(with_edns ? 1 : 0);
  w.bytes(question.name.wire());
  w.u16(question.type);
  w.u16(question.klass);
  if (with_edns) {
    w.u8(0);
    w.u16(dns::type_opt);
    w.u16(1232);  // no fragments on any ordinary path
    w.u32(0);
    w.u16(0);
  }
  return out;
}

bool answers(const DnsMessage& message, std::uint16_t id, const DnsQuestion& question, std::uint16_t opcode) {
  return message.is_response() && message.id() == id && message.opcode() == opcode && message.question() == question;
}

}  // namespace ilnp
