// SPDX-License-Identifier: Apache-2.0
// ICMP and ICMPv6 errors in the other family's words (RFC 7915 sections 4.2, 4.3, 5.2 and 5.3): type and code, MTU and
// pointer, and the quoted packet, which its sender must recognise. RFC 4884 extensions are left out of it. No error
// quotes an error.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/lisp/eam.h"
#include "core/lisp/siit_headers.h"

namespace ilnp::lisp {

/// Widest packets of the networks on both sides, octets: errors promise no more.
struct SiitMtus {
  std::size_t ipv4 = 1500, ipv6 = 1500;
};

/// The ICMPv6 message, its checksum still zero, for the ICMP error `message`: to an IPv6-only node, about a packet of
/// its own.
Result<ByteVector, SiitDrop> icmp_error_to_ipv6(Bytes message, const EamTable& nodes, std::uint32_t instance,
                                                const SiitMtus& mtus);
/// The ICMP message, complete, for the ICMPv6 error `message`, which came between `addresses`: to an IPv4 node.
Result<ByteVector, SiitDrop> icmp_error_to_ipv4(Bytes message, const IpPair& addresses, const EamTable& nodes,
                                                std::uint32_t instance, const SiitMtus& mtus);

}  // namespace ilnp::lisp
