// SPDX-License-Identifier: Apache-2.0
// Address fields of LISP messages: an Address Family Identifier and an address of that family, or a LISP Canonical
// Address (LCAF, RFC 8060) with its own type and length. Written are only addresses of both families, and EIDs of an
// instance. Read is all of which the end can be found; what we have no use for is told apart from what is unknown.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/lisp/ip_address.h"
#include "core/lisp/reasons.h"

namespace ilnp::lisp {

namespace afi {
inline constexpr std::uint16_t none = 0, ipv4 = 1, ipv6 = 2, distinguished_name = 17, lcaf = 0x4003;
}

/// The types of RFC 8060 that are looked into; the others up to the last one are known, and of no use to us.
namespace lcaf {
inline constexpr std::uint8_t null = 0, afi_list = 1, instance_id = 2, last_known = 16, vendor = 255;
}

inline constexpr std::uint32_t max_instance = 0xff'ffff;  ///< as many bits as the data plane has

/// What stands where an EID is expected.
struct EidField {
  enum class Kind : std::uint8_t {
    none,      ///< AFI 0
    address,   ///< eid
    unusable,  ///< a name, a place on earth, a multicast group ...: its record is left out
  };
  Kind kind = Kind::none;
  Eid eid;
};

/// An unknown LCAF type is an error: what the message is about cannot be told.
Result<EidField, ReadError> read_eid(ByteReader& in);

/// Where an RLOC is expected: none for AFI 0 and for whatever is no address, which is skipped by its length. An AFI
/// list stands for its first address.
Result<std::optional<IpAddress>, ReadError> read_rloc(ByteReader& in);

/// An EID-prefix whose length stands elsewhere in its record; bits beyond it become zero. None when it is unusable.
Result<std::optional<EidPrefix>, ReadError> read_eid_prefix(ByteReader& in, std::uint8_t length);

void write_address(ByteWriter& out, const IpAddress& address);
/// With an Instance-ID LCAF unless the instance is 0. Precondition: instance <= max_instance.
void write_eid(ByteWriter& out, const Eid& eid);
void write_no_address(ByteWriter& out);

}  // namespace ilnp::lisp
