// SPDX-License-Identifier: Apache-2.0
#include "core/site/watched_sessions.h"

#include "core/base/keyed_hash.h"

namespace ilnp {

WatchedNonce WatchedNonce::of(Bytes seen) {
  WatchedNonce nonce;
  if (!Nonce::is_storable(seen.size())) return nonce;
  std::copy(seen.begin(), seen.end(), nonce.octets.begin());
  nonce.length = static_cast<std::uint8_t>(seen.size());
  return nonce;
}

std::uint64_t WatchedSessions::hash(const SessionKey& key) const {
  return keyed_hash(seed_, {key.inside.bits, key.outside.bits});
}

WatchedSession* WatchedSessions::add(const WatchedSession& session) {
  WatchedSession* added = AnsweredTable::add(session, hash(session.key), [this](const WatchedSession& leaving) {
    by_node_.remove(leaving.key.inside, index_of(leaving));
  });
  if (added != nullptr) by_node_.add(session.key.inside, index_of(*added));
  return added;
}

void WatchedSessions::erase(WatchedSession& session) {
  const std::uint32_t place = index_of(session);
  by_node_.remove(session.key.inside, place);
  AnsweredTable::erase(session);
  by_node_.add(session.key.inside, place);  // nobody's, and in use
}

WatchedSession* WatchedSessions::sent(TimePoint now, const SessionKey& key, Locator home, Locator to, Bytes nonce) {
  const WatchedNonce ours = WatchedNonce::of(nonce);
  if (!ours.is_set()) return nullptr;
  WatchedSession* session = find(key);
  if (session == nullptr || (session->nonce.is_set() && !session->nonce.matches(nonce))) {
    // Another session of the same pair: what the correspondent of the old one knew is not what this one knows.
    WatchedSession fresh;
    fresh.key = key;
    fresh.answered = fresh.used = true;
    if (session == nullptr) session = add(fresh);
    *session = fresh;  // answered ones always find a place
  }
  session->nonce = ours;
  session->home = home;
  session->correspondent = to;
  session->answered = true;
  session->last_seen = now;
  return session;
}

WatchedSession* WatchedSessions::received(TimePoint now, const SessionKey& key, Bytes nonce) {
  const WatchedNonce theirs = WatchedNonce::of(nonce);
  WatchedSession* session = find(key);
  if (session == nullptr) {
    if (!theirs.is_set()) return nullptr;
    WatchedSession fresh;
    fresh.key = key;
    session = add(fresh);
    if (session == nullptr) return nullptr;
  }
  if (theirs.is_set() && (!session->answered || !session->inbound.is_set())) session->inbound = theirs;
  if (!session->answered || session->inbound.matches(nonce)) session->last_seen = now;
  return session;
}

}  // namespace ilnp
