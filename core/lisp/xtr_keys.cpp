// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/xtr_keys.h"

#include <algorithm>

namespace ilnp::lisp {

AuthenticationKey key_of(const Secret& secret) {
  constexpr std::size_t truncated_sha256 = 16;
  const bool is_cut = secret.truncated && secret.name.algorithm == algorithm::hmac_sha256;
  return {secret.octets, is_cut ? truncated_sha256 : 0, secret.truncated};
}

const Secret* find_secret(std::span<const Secret> secrets, const KeyName& name) {
  const auto found = std::ranges::find(secrets, name, &Secret::name);
  return found == secrets.end() ? nullptr : &*found;
}

PeerHabits habits_of(PeerProfile profile) {
  switch (profile) {
    case PeerProfile::oor:
      return {.key_is_algorithm = true, .allows_sha1 = true, .always_notify = true};
    case PeerProfile::lispers:
      return {.bit_31_means_seconds = true, .nonces_may_stand = true};
    case PeerProfile::opendaylight:
      return {.key_is_algorithm = true};
    case PeerProfile::frr:
      return {.key_is_algorithm = true, .allows_sha1 = true};
    case PeerProfile::openlisp:
      return {.key_is_algorithm = true, .allows_sha1 = true, .swaps_drop_and_ask = true};
    case PeerProfile::generic:
      break;
  }
  return {};
}

std::vector<Secret> secrets_for(PeerProfile profile, const std::vector<Secret>& secrets) {
  const PeerHabits habits = habits_of(profile);
  std::vector<Secret> usable;
  for (Secret secret : secrets) {
    if (secret.name.algorithm == algorithm::hmac_sha1 && !habits.allows_sha1) continue;
    if (habits.key_is_algorithm) secret.name.key = 0;
    usable.push_back(std::move(secret));
  }
  return usable;
}

XtrSettings tuned(XtrSettings settings) {
  for (XtrMapServer& server : settings.map_servers) {
    const PeerHabits habits = habits_of(server.profile);
    server.secrets = secrets_for(server.profile, server.secrets);
    server.subscriber_secrets = secrets_for(server.profile, server.subscriber_secrets);
    settings.cache.bit_31_means_seconds |= habits.bit_31_means_seconds;
    settings.resolution.swaps_drop_and_ask |= habits.swaps_drop_and_ask;
  }
  std::erase_if(settings.map_servers, [](const XtrMapServer& server) { return server.secrets.empty(); });
  return settings;
}

}  // namespace ilnp::lisp
