// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/lu_receiver.h"

#include <algorithm>

namespace ilnp {

LuMemory::ShortDigest LuMemory::digest(const LocatorUpdate& update, Hasher& hasher) {
  LocatorUpdate body = update;
  body.operation = LocatorUpdateOperation::advertisement;
  const Digest full = hasher.sha256(encode_locator_update(body));
  ShortDigest digest;
  std::copy_n(full.begin(), digest.size(), digest.begin());
  return digest;
}

LuMemory::Verdict LuMemory::judge(TimePoint now, const ShortDigest& digest, const Tuning& tuning) {
  // The latest is remembered however old it is: its retransmissions must never look new.
  std::erase_if(seen_, [&](const Seen& s) { return &s != &seen_.back() && now - s.at > tuning.lu_digest_memory; });
  if (!seen_.empty() && seen_.back().digest == digest) return Verdict::retransmission;
  const bool older = std::any_of(seen_.begin(), seen_.end(), [&](const Seen& s) { return s.digest == digest; });
  return older ? Verdict::replay : Verdict::fresh;
}

void LuMemory::remember(TimePoint now, const ShortDigest& digest) {
  if (seen_.size() >= max_seen) seen_.erase(seen_.begin());
  seen_.push_back({digest, now});
}

void LuMemory::merge(const LuMemory& other) {
  for (const Seen& theirs : other.seen_)
    if (std::none_of(seen_.begin(), seen_.end(), [&](const Seen& s) { return s.digest == theirs.digest; }))
      seen_.push_back(theirs);
  std::stable_sort(seen_.begin(), seen_.end(), [](const Seen& a, const Seen& b) { return a.at < b.at; });
  if (seen_.size() > max_seen) seen_.erase(seen_.begin(), seen_.end() - std::ptrdiff_t{max_seen});
}

std::vector<AdvertisedLocator> sanitise(const LocatorUpdate& update, const SanitiseContext& context,
                                        const Tuning& tuning) {
  std::vector<AdvertisedLocator> kept;
  for (const AdvertisedLocator& l : update.locators) {
    const bool ours = std::find(context.own.begin(), context.own.end(), l.locator) != context.own.end();
    const bool repeated =
        std::any_of(kept.begin(), kept.end(), [&](const AdvertisedLocator& k) { return k.locator == l.locator; });
    const bool elsewhere = !ours || l.locator == context.on_link;
    if (!tuning.may_locate(l.locator) || !elsewhere || repeated || l.lifetime.count() == 0) continue;
    kept.push_back(l);
  }
  std::stable_sort(kept.begin(), kept.end(),
                   [](const AdvertisedLocator& a, const AdvertisedLocator& b) { return a.preference < b.preference; });
  if (kept.size() > tuning.lu_max_accepted_locators) kept.resize(tuning.lu_max_accepted_locators);
  return kept;
}

}  // namespace ilnp
