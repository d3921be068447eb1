// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/data_header.h"

#include <cassert>

namespace ilnp::lisp {
namespace {

// Bits of the first word.
constexpr std::uint32_t has_nonce = 1u << 31, has_status = 1u << 30, echo = 1u << 29, has_versions = 1u << 28,
                        has_instance = 1u << 27, has_next_protocol = 1u << 26;
constexpr std::uint32_t low_24 = 0xff'ffff;
constexpr int key_shift = 24;

}  // namespace

Result<DataHeader, ReadError> parse_data_header(Bytes payload, bool knows_next_protocol) {
  if (payload.size() < data_header_length) return ReadError::truncated;
  const std::uint32_t first = load_u32(payload.data()), second = load_u32(payload.data() + 4);
  DataHeader header;
  header.key_id = first >> key_shift & 3;
  if (knows_next_protocol && (first & has_next_protocol) != 0) {
    if ((first & (has_nonce | echo | has_versions)) != 0 || (first & 0xff'ff00) != 0) return ReadError::bad_flags;
    header.next_protocol = static_cast<std::uint8_t>(first);
  } else if ((first & has_nonce) != 0) {
    header.nonce = first & low_24;
    header.requests_echo = (first & echo) != 0;
  } else if ((first & has_versions) != 0) {
    header.versions = {static_cast<std::uint16_t>(first >> 12 & 0xfff), static_cast<std::uint16_t>(first & 0xfff)};
  }
  if ((first & has_instance) != 0) header.instance = second >> 8;
  if ((first & has_status) != 0) header.locator_status = header.instance ? second & 0xff : second;
  return header;
}

std::array<std::uint8_t, data_header_length> encode_data_header(const DataHeader& header) {
  assert(!(header.nonce && header.versions) && (header.nonce || !header.requests_echo) && header.key_id < 4);
  assert(!header.next_protocol || (!header.nonce && !header.versions));
  std::uint32_t first = std::uint32_t{header.key_id} << key_shift, second = 0;
  if (header.nonce) first |= has_nonce | (header.requests_echo ? echo : 0) | (*header.nonce & low_24);
  if (header.versions)
    first |= has_versions | (header.versions->source & 0xfffu) << 12 | (header.versions->destination & 0xfffu);
  if (header.next_protocol) first |= has_next_protocol | *header.next_protocol;
  if (header.instance) {
    first |= has_instance;
    second = *header.instance << 8;
  }
  if (header.locator_status) {
    first |= has_status;
    second |= header.instance ? *header.locator_status & 0xff : *header.locator_status;
  }
  std::array<std::uint8_t, data_header_length> octets{};
  store_u32(octets.data(), first);
  store_u32(octets.data() + 4, second);
  return octets;
}

}  // namespace ilnp::lisp
