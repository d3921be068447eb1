// SPDX-License-Identifier: Apache-2.0
// Which secret a message may have been made with, and what another implementation's habits ask of us (specification of
// the project, section 9).
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/time.h"
#include "core/lisp/address_hash.h"
#include "core/lisp/authentication.h"
#include "core/lisp/xtr.h"

namespace ilnp::lisp {

AuthenticationKey key_of(const Secret& secret);
/// The first of that name; nullptr: none.
const Secret* find_secret(std::span<const Secret> secrets, const KeyName& name);

template <class Message>
struct Opened {
  Message message;
  const Secret* secret;  ///< that it was made with
};

/// Tries each secret of the name that the message says. `open(sealed, key, hmac)` is that of the codec.
template <class Open>
auto open_with(const SealedMessage& sealed, std::span<const Secret> secrets, Hmac& hmac, Open open)
    -> Result<Opened<typename std::invoke_result_t<Open, const SealedMessage&, AuthenticationKey, Hmac&>::value_type>,
              ReadError> {
  using Message = typename std::invoke_result_t<Open, const SealedMessage&, AuthenticationKey, Hmac&>::value_type;
  ReadError error = ReadError::authentication_failed;
  for (const Secret& secret : secrets) {
    if (secret.name != sealed.key()) continue;
    auto opened = open(sealed, key_of(secret), hmac);
    if (opened.has_value()) return Opened<Message>{std::move(opened.value()), &secret};
    error = opened.error();
    if (error != ReadError::authentication_failed) break;  // it is authentic, and wrong
  }
  return error;
}

struct PeerHabits {
  bool key_is_algorithm = false;      ///< takes key and algorithm for one number: it is sent key 0
  bool allows_sha1 = false;           ///< algorithm 1, which it has nothing better than
  bool always_notify = false;         ///< M in every Map-Register: its registrations are forgotten otherwise
  bool bit_31_means_seconds = false;  ///< of a TTL
  bool nonces_may_stand = false;      ///< of publications
  bool swaps_drop_and_ask = false;    ///< ACT 2 and 3
};
PeerHabits habits_of(PeerProfile profile);

/// As the peer understands them, without those that are too weak for it.
std::vector<Secret> secrets_for(PeerProfile profile, const std::vector<Secret>& secrets);

/// With the machines' tuning for the Map-Servers that are configured, and without those that we have no key for.
XtrSettings tuned(XtrSettings settings);

/// So many messages a second from one source are looked at, before their authentication is: by keyed hash, sources that
/// share a bucket share its tokens.
class SourceLimit {
 public:
  SourceLimit(std::uint64_t seed, double per_second, double burst)
      : seed_{seed}, per_second_{per_second}, burst_{burst}, buckets_(buckets, Bucket{burst, {}}) {}

  bool allow(TimePoint now, const IpAddress& source) {
    Bucket& bucket = bucket_of(source);
    const double elapsed = std::chrono::duration<double>(now - bucket.last).count();
    bucket.tokens = std::min(burst_, bucket.tokens + std::max(0.0, elapsed) * per_second_);
    bucket.last = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
  /// It was good: only what is not counts.
  void give_back(const IpAddress& source) { bucket_of(source).tokens += 1; }

 private:
  struct Bucket {
    double tokens;
    TimePoint last;
  };
  static constexpr std::size_t buckets = 1024;
  Bucket& bucket_of(const IpAddress& source) { return buckets_[hash_of(seed_, source) % buckets]; }

  std::uint64_t seed_;
  double per_second_, burst_;
  std::vector<Bucket> buckets_;
};

}  // namespace ilnp::lisp
