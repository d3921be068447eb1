// SPDX-License-Identifier: Apache-2.0
// Transaction signatures (RFC 8945): our own MAC over our own octets. ldns can sign, but neither with a clock that was
// corrected after BADTIME nor without reading the reply by itself, which it must not (it loses memory on a message
// with two TSIG records).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/time.h"
#include "core/records/dns_message.h"

namespace ilnp {

enum class TsigAlgorithm : std::uint8_t { hmac_sha1, hmac_sha256, hmac_sha384, hmac_sha512 };

/// A shared secret, wiped when it goes. Never printed.
class TsigKey {
 public:
  TsigKey(DnsName name, TsigAlgorithm algorithm, ByteVector secret);
  ~TsigKey();
  TsigKey(const TsigKey&) = delete;
  TsigKey& operator=(const TsigKey&) = delete;
  TsigKey(TsigKey&&) noexcept = default;
  TsigKey& operator=(TsigKey&&) = delete;

  const DnsName& name() const { return name_; }
  TsigAlgorithm algorithm() const { return algorithm_; }
  Bytes secret() const { return secret_; }

 private:
  DnsName name_;
  TsigAlgorithm algorithm_;
  ByteVector secret_;
};

/// "hmac-sha256" and so on, with or without a final dot.
Result<TsigAlgorithm> parse_tsig_algorithm(std::string_view text);
std::string to_string(TsigAlgorithm algorithm);

/// Reads a key in the form of tsig-keygen and nsupdate: key "name" { algorithm hmac-sha256; secret "..."; };
/// The file must be ours or root's and closed to group and others (mode 0600 or stricter).
Result<TsigKey> read_tsig_key(const std::string& path);
Result<TsigKey> parse_tsig_key(std::string_view text);

/// Appends the TSIG record to `message` (ARCOUNT goes up) and returns the MAC, which the reply's signature covers.
ByteVector sign(ByteVector& message, const TsigKey& key, std::uint64_t now_unix, std::uint16_t fudge = 300);

enum class TsigVerdict : std::uint8_t {
  good,
  missing,    ///< no TSIG record
  wrong_key,  ///< other key name or algorithm
  malformed,
  bad_mac,       ///< forged, damaged, or another secret
  bad_time,      ///< genuine, but outside its fudge
  error_badsig,  ///< the server could not verify our signature; such a reply carries no MAC, so anybody may have sent
                 ///< it
  error_badkey,  ///< the server does not know the key; no MAC either
  error_badtime  ///< genuine, signed: our clock is wrong for the server
};
const char* to_string(TsigVerdict verdict);

struct TsigCheck {
  TsigVerdict verdict = TsigVerdict::missing;
  std::uint64_t server_time = 0;  ///< of error_badtime
};

/// Verifies the reply to a request that was signed with `key` and had `request_mac`.
TsigCheck verify_reply(const DnsMessage& reply, const TsigKey& key, Bytes request_mac, std::uint64_t now_unix);

}  // namespace ilnp
