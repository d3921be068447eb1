// SPDX-License-Identifier: Apache-2.0
// Values out of text, for tests.
#pragma once

#include "core/lisp/ip_address.h"
#include "core/lisp/mapping.h"

namespace ilnp::lisp {

inline IpAddress ip(const char* text) { return parse_ip_address(text).value(); }
inline Eid eid(const char* text, std::uint32_t instance = 0) { return {instance, ip(text)}; }
inline EidPrefix eid_prefix(const char* text, std::uint32_t instance = 0) {
  return {instance, parse_ip_prefix(text).value()};
}
inline RlocRecord rloc(const char* address, std::uint8_t priority = 1, std::uint8_t weight = 100) {
  return {ip(address), priority, weight};
}
/// Of an ETR, for half an hour.
inline MappingRecord mapping(const char* prefix, std::vector<RlocRecord> rlocs, std::uint32_t ttl = 30) {
  MappingRecord record;
  record.ttl = ttl;
  record.eid = eid_prefix(prefix);
  record.is_authoritative = true;
  record.rlocs = std::move(rlocs);
  return record;
}
inline MappingRecord negative(const char* prefix, Action action, std::uint32_t ttl = 15) {
  MappingRecord record = mapping(prefix, {}, ttl);
  record.action = action;
  return record;
}

}  // namespace ilnp::lisp
