// SPDX-License-Identifier: Apache-2.0
// The answers that a stub resolver makes by itself. The question is copied as it was asked (letter case included), an
// OPT record answers an OPT record (RFC 6891 section 6.1.1), RA is set, AD is not.
#pragma once

#include <span>

#include "core/base/bytes.h"
#include "core/base/time.h"
#include "core/records/dns_message.h"

namespace ilnp {

/// AAAA records; without addresses an answer without data.
ByteVector make_address_answer(const DnsMessage& query, std::span<const Address> addresses, seconds ttl);
ByteVector make_ptr_answer(const DnsMessage& query, const DnsName& target, seconds ttl);
/// No records, the given RCODE (0: no data).
ByteVector make_empty_answer(const DnsMessage& query, dns::Rcode rcode);
/// For a query that is not well-formed beyond its header (at least 12 octets): header only.
ByteVector make_header_answer(Bytes query, dns::Rcode rcode);

}  // namespace ilnp
