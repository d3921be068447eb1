// SPDX-License-Identifier: Apache-2.0
// Why a LISP message is not read. Names are API: counters appear under them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ilnp::lisp {

enum class ReadError : std::uint8_t {
  truncated,              ///< fewer octets than a field or a count says
  trailing_octets,        ///< more octets than the fields explain
  wrong_type,             ///< not a message of the kind that was asked for
  unknown_type,           ///< a type, or sub-type of 15, that nobody told us about
  unknown_version,        ///< of Change-Priority
  bad_flags,              ///< flags that contradict each other
  record_count,           ///< none, more than we read, or not as many as there are
  no_itr_rloc,            ///< a Map-Request that nobody could answer
  no_usable_record,       ///< only EIDs of kinds that we have no use for
  no_eid,                 ///< a record about nothing (AFI 0)
  unknown_afi,            ///< of an address whose end cannot be found
  unknown_lcaf,           ///< of an EID
  vendor_lcaf,            ///< of a vendor that we do not know (RFC 9306)
  bad_lcaf,               ///< its length disagrees with what is in it
  bad_prefix_length,      ///< longer than an address of the family
  algorithm_refused,      ///< none, unknown, or too weak for the message
  authentication_length,  ///< not one that the algorithm has
  authentication_failed,
  nested_encapsulation,  ///< an Encapsulated Control Message inside another one
  security_data,         ///< LISP-SEC (RFC 9303)
  inner_header,          ///< IP or UDP header inside an Encapsulated Control Message
  inner_checksum,
  inner_port,
  inner_type,  ///< not a Map-Request
  count
};

constexpr const char* name_of(ReadError error) {
  constexpr std::array names{"truncated",
                             "trailing_octets",
                             "wrong_type",
                             "unknown_type",
                             "unknown_version",
                             "bad_flags",
                             "record_count",
                             "no_itr_rloc",
                             "no_usable_record",
                             "no_eid",
                             "unknown_afi",
                             "unknown_lcaf",
                             "vendor_lcaf",
                             "bad_lcaf",
                             "bad_prefix_length",
                             "algorithm_refused",
                             "authentication_length",
                             "authentication_failed",
                             "nested_encapsulation",
                             "security_data",
                             "inner_header",
                             "inner_checksum",
                             "inner_port",
                             "inner_type"};
  static_assert(names.size() == static_cast<std::size_t>(ReadError::count));
  return names[static_cast<std::size_t>(error)];
}

}  // namespace ilnp::lisp
