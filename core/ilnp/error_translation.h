// SPDX-License-Identifier: Apache-2.0
// ICMPv6 errors (RFC 4443) quote a packet. The quote must be in the form that its reader knows: identity addresses and
// no nonce header for our kernel, wire addresses for a peer. Pure functions; whether an error deserves belief (was
// such a packet sent, is the nonce ours, are the ports plausible) is decided by the caller between the two calls.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/ilnp/checksum_mode.h"
#include "core/ipv6/header_walk.h"

namespace ilnp {

enum class QuoteError : std::uint8_t {
  not_an_error,  ///< not an ICMPv6 error message in an unfragmented packet
  bad_checksum,  ///< of the error itself: translation writes a new one and must not whitewash damage
  unreadable,    ///< the quote is cut or malformed before its upper layer
};

/// The error message and the packet that it quotes. Offsets in `walk` count from the quoted IPv6 header.
struct QuotedPacket {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t parameter = 0;  ///< MTU of Packet Too Big, pointer of Parameter Problem

  std::uint16_t offset = 0;  ///< of the quoted packet within the error packet
  std::uint16_t length = 0;  ///< octets of it that are there
  HeaderWalk walk;
  bool has_ports = false;  ///< of TCP, UDP, UDP-Lite, DCCP or SCTP, when the quote reaches that far
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  bool has_checksum = false;  ///< the transport checksum field is in the quote

  /// The quoted nonce value; empty when there is none.
  Bytes nonce(Bytes packet) const { return packet.subspan(std::size_t{offset} + walk.nonce_offset, walk.nonce_length); }
  AddressPair addresses() const { return {walk.source, walk.destination}; }
};

/// `outer` is the walk of `packet`. RFC 4884 extensions after the quote are left out of it.
Result<QuotedPacket, QuoteError> parse_quoted(Bytes packet, const HeaderWalk& outer);

/// Gives the quoted packet, at `quote`, other addresses; its checksum takes `checksum` where it is there. Returns what
/// that changes in the sum of the octets, and so in the checksum of the error itself.
SumChange readdress_quote(std::uint8_t* quote, const QuotedPacket& quoted, const AddressPair& addresses,
                          SumChange checksum);

/// An error about a packet that we sent, as our kernel must see it. Quoted addresses become `identity`, the nonce
/// header leaves the quote, the quoted checksum reverts to identity form, the MTU of Packet Too Big shrinks by
/// `overhead` (the octets that we add to the kernel's packets; never below 1280), a pointer of Parameter Problem moves
/// along. The error goes to identity.source; it comes from identity.destination when its sender has that NID, else from
/// where it came (a router has no identity address). Extension headers of the error itself are dropped, as are RFC 4884
/// extensions.
ByteVector translate_error(Bytes packet, const HeaderWalk& outer, const QuotedPacket& quoted,
                           const AddressPair& identity, ChecksumMode mode, std::size_t overhead);

/// An error that our kernel made about a packet that it received in identity form, as the peer must see it: from
/// wire.destination to wire.source, which are the addresses that the quoted packet had on the wire. The quote is cut so
/// that `overhead` more octets (our own nonce header) still fit the minimum MTU. The nonce header that the quoted
/// packet carried is not restored.
ByteVector translate_own_error(Bytes packet, const HeaderWalk& outer, const QuotedPacket& quoted,
                               const AddressPair& wire, ChecksumMode mode, std::size_t overhead);

}  // namespace ilnp
