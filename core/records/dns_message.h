// SPDX-License-Identifier: Apache-2.0
// A bounded reader of DNS messages (RFC 1035, RFC 6891, RFC 8945). Every message that reaches us from a network, a
// client's query, an upstream's answer, the reply to an update, passes through it before anything is believed or
// handed on; no other code reads DNS bytes. It refuses what is not whole: lengths that lie, compression pointers that
// do not lead backwards, octets after the last record, a second OPT, a TSIG that is not the one last record.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/records/dns_name.h"

namespace ilnp {

enum class MessageError : std::uint8_t {
  short_header,
  too_many_questions,  ///< more than one: no server answers such a query
  too_many_records,
  bad_name,
  truncated,
  trailing_octets,
  opt_misplaced,  ///< more than one, not in the additional section, or not owned by the root
  tsig_misplaced  ///< more than one, or not the last record of the additional section (RFC 8945 section 5.1)
};
const char* to_string(MessageError error);

namespace dns {
inline constexpr std::uint16_t type_a = 1, type_ns = 2, type_cname = 5, type_soa = 6, type_ptr = 12, type_txt = 16;
inline constexpr std::uint16_t type_aaaa = 28, type_opt = 41, type_rrsig = 46, type_nid = 104, type_l32 = 105;
inline constexpr std::uint16_t type_l64 = 106, type_lp = 107, type_tsig = 250, type_axfr = 252, type_any = 255;
inline constexpr std::uint16_t class_in = 1, class_none = 254, class_any = 255;
inline constexpr std::uint16_t flag_response = 0x8000, flag_authoritative = 0x0400, flag_truncated = 0x0200;
inline constexpr std::uint16_t flag_recursion_desired = 0x0100, flag_recursion_available = 0x0080;
inline constexpr std::uint16_t flag_checking_disabled = 0x0010, mask_opcode = 0x7800, mask_rcode = 0x000f;
inline constexpr std::uint16_t opcode_update = 0x2800;
enum Rcode : std::uint8_t {
  noerror = 0,
  formerr = 1,
  servfail = 2,
  nxdomain = 3,
  notimp = 4,
  refused = 5,
  yxdomain = 6,
  yxrrset = 7,
  nxrrset = 8,
  notauth = 9,
  notzone = 10
};
}  // namespace dns
/// "NOERROR", "NXDOMAIN" ... also the TSIG errors 16 to 18 and 22; "RCODE23" for others.
std::string rcode_text(unsigned rcode);
/// "AAAA", "L64" ... "TYPE65280" for types that we have no name for (RFC 3597).
std::string dns_type_text(std::uint16_t type);

struct DnsQuestion {
  DnsName name;
  std::uint16_t type{};
  std::uint16_t klass{dns::class_in};
  auto operator<=>(const DnsQuestion&) const = default;
};

enum class DnsSection : std::uint8_t { answer, authority, additional };

/// One record of a message; `rdata` and the offsets refer to the message's own octets.
struct DnsRecord {
  DnsSection section{};
  std::size_t at{};  ///< where the owner name starts
  std::uint16_t type{};
  std::uint16_t klass{};
  std::uint32_t ttl{};  ///< as sent; RFC 2181 section 8: values with the top bit set mean zero
  std::size_t rdata_at{};
  Bytes rdata;
};

/// A message whose structure was checked. It borrows the octets: they must outlive it.
class DnsMessage {
 public:
  /// At most this many records are listed; a TCP message of 64 KiB can hold nearly 6000.
  static constexpr std::size_t default_records = 1024;
  static Result<DnsMessage, MessageError> parse(Bytes octets, std::size_t most_records = default_records);

  std::uint16_t id() const { return load_u16(octets_.data()); }
  std::uint16_t flags() const { return load_u16(octets_.data() + 2); }
  bool is_response() const { return (flags() & dns::flag_response) != 0; }
  bool is_truncated() const { return (flags() & dns::flag_truncated) != 0; }
  std::uint16_t opcode() const { return flags() & dns::mask_opcode; }
  /// With the upper bits of an OPT record (RFC 6891 section 6.1.3).
  unsigned rcode() const;

  const std::optional<DnsQuestion>& question() const { return question_; }
  /// The octets of the question as sent: the client's letter case is kept in what we answer.
  Bytes question_octets() const { return octets_.subspan(12, question_end_ - 12); }
  const std::vector<DnsRecord>& records() const { return records_; }
  const DnsRecord* opt() const { return opt_ ? &records_[*opt_] : nullptr; }
  const DnsRecord* tsig() const { return tsig_ ? &records_[*tsig_] : nullptr; }

  DnsName owner(const DnsRecord& record) const;
  /// The one name that fills the record's data from `offset` to its end (CNAME, PTR, LP target); may be compressed.
  std::optional<DnsName> name_in(const DnsRecord& record, std::size_t offset = 0) const;
  Bytes octets() const { return octets_; }

 private:
  explicit DnsMessage(Bytes octets) : octets_{octets} {}
  std::optional<MessageError> read_question(std::uint16_t count);
  std::optional<MessageError> read_records(std::size_t at, std::size_t most_records);
  std::optional<MessageError> check_pseudo_records();

  Bytes octets_;
  std::optional<DnsQuestion> question_;
  std::size_t question_end_ = 12;
  std::vector<DnsRecord> records_;
  std::optional<std::size_t> opt_;
  std::optional<std::size_t> tsig_;
};

/// A query with recursion desired, an OPT record of 1232 octets and nothing else.
ByteVector make_query(std::uint16_t id, const DnsQuestion& question, bool with_edns = true);

/// The message answers the query: same ID, same question, QR set, same opcode.
bool answers(const DnsMessage& message, std::uint16_t id, const DnsQuestion& question, std::uint16_t opcode = 0);

}  // namespace ilnp
