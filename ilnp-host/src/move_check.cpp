// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/move_check.h"

#include <algorithm>
#include <array>

namespace ilnp {

namespace {

// Frames of the first moments may be lost: switches learn, and the machine itself has just woken up.
constexpr std::array solicitations{milliseconds{0},   milliseconds{20},  milliseconds{50}, milliseconds{100},
                                   milliseconds{200}, milliseconds{400}, milliseconds{800}};
constexpr std::array probes{milliseconds{0}, milliseconds{20}, milliseconds{40}};

}  // namespace

bool MoveCheck::begin(TimePoint now, Sign sign) {
  if (is_under_way() && now - begun_ < same_move) {
    if (sign <= sign_) return false;
    sign_ = sign;
    judge(now);
    return true;
  }
  start(now, sign);
  judge(now);
  return true;
}

void MoveCheck::start(TimePoint now, Sign sign) {
  // What was found in the check before is not found again.
  const TimePoint before = is_under_way() ? begun_ + same_move : TimePoint{};
  begun_ = now;
  fresh_from_ = std::max(now - look_back, before);
  begun_order_ = ++order_;
  sign_ = sign;
  other_mac_ = 0;
  expected_.clear();
  solicited_ = probed_ = 0;
  advertised_ = answered_ = verdict_given_ = false;
  for (auto& [address, router] : routers_) router.told = false;
}

void MoveCheck::expect(TimePoint now, std::vector<Locator> prefixes) {
  expected_ = std::move(prefixes);
  judge(now);
}

void MoveCheck::on_router(TimePoint now, const Address& router) {
  if (routers_.size() >= max_routers || routers_.contains(router)) return;
  ++order_;
  routers_[router] = {now, order_, order_, order_, false, false};
  judge(now);
}

void MoveCheck::on_other_mac(TimePoint now, const Address& router) {
  start(now, Sign::strong);
  other_mac_ = order_ + 1;
  routers_.erase(router);
  on_router(now, router);
}

void MoveCheck::on_router_advertisement(TimePoint now, const Address& router, std::span<const Locator> prefixes) {
  advertised_ = true;
  ++order_;  // one for all of it
  for (const Locator prefix : prefixes)
    if (Prefix* known = hear_prefix(now, prefix, true)) known->advertised = order_;
  if (const auto it = routers_.find(router); it != routers_.end()) {
    it->second.advertised = it->second.answered = order_;
    it->second.behind = false;
  }
  judge(now);
}

void MoveCheck::on_answer(TimePoint now, const Address& router) {
  const auto it = routers_.find(router);
  if (it == routers_.end()) return;
  answered_ = true;
  it->second.answered = ++order_;
  it->second.behind = false;
  judge(now);
}

void MoveCheck::on_prefix(TimePoint now, Locator prefix, bool advertised) {
  ++order_;
  Prefix* known = hear_prefix(now, prefix, advertised);
  if (known == nullptr || !advertised) return;
  known->advertised = order_;
  known->left_in = 0;
  judge(now);
}

/// Null: there are too many.
MoveCheck::Prefix* MoveCheck::hear_prefix(TimePoint now, Locator prefix, bool advertised) {
  if (const auto it = prefixes_.find(prefix); it != prefixes_.end()) {
    Prefix& known = it->second;
    // Left, and advertised again: as new as one that was never here.
    if (advertised && known.since_order < known.left_in) known.since = now, known.since_order = order_;
    return &known;
  }
  if (prefixes_.size() >= max_prefixes) return nullptr;
  return &(prefixes_[prefix] = {now, order_, order_, 0});
}

/// Where the oldest of what was not known before stands in the order; 0: there is nothing, or no prefix with it yet.
MoveCheck::Order MoveCheck::evidence() const {
  Order oldest = 0, newest_prefix = 0;
  const auto look_at = [&](const auto& heard) {
    if (heard.since >= fresh_from_ && (oldest == 0 || heard.since_order < oldest)) oldest = heard.since_order;
  };
  for (const auto& [address, router] : routers_) look_at(router);
  for (const auto& [locator, prefix] : prefixes_) {
    look_at(prefix);
    newest_prefix = std::max(newest_prefix, prefix.advertised);
  }
  if (other_mac_ != 0) oldest = other_mac_;
  return newest_prefix >= oldest ? oldest : 0;
}

void MoveCheck::judge(TimePoint now) {
  if (!is_under_way()) return;
  if (const Order evident = evidence(); evident != 0) judge_by_evidence(now, evident);
  judge_by_hint();
}

void MoveCheck::judge_by_evidence(TimePoint now, Order evident) {
  bool may_still_be_there = false;
  for (auto& [address, router] : routers_) {
    const bool answered = router.answered > begun_order_;
    router.behind = is_of_before(router, evident) && !answered;
    if (!is_of_before(router, evident)) continue;
    may_still_be_there = may_still_be_there || answered || (sign_ == Sign::weak && now < begun_ + verdict);
  }
  for (auto& [locator, prefix] : prefixes_)
    if (prefix.advertised < evident && (prefix.left_in == 0 || prefix.left_in == begun_order_))
      prefix.left_in = may_still_be_there ? 0 : begun_order_;
}

void MoveCheck::judge_by_hint() {
  const auto is_expected = [&](Locator prefix) {
    return std::find(expected_.begin(), expected_.end(), prefix) != expected_.end();
  };
  const bool confirmed = std::any_of(prefixes_.begin(), prefixes_.end(), [&](const auto& p) {
    return is_expected(p.first) && p.second.advertised > begun_order_;
  });
  if (!confirmed) return;
  for (auto& [locator, prefix] : prefixes_)
    if (!is_expected(locator) && prefix.advertised < begun_order_ && prefix.left_in == 0) prefix.left_in = begun_order_;
}

MoveCheck::Steps MoveCheck::on_time(TimePoint now) {
  Steps steps;
  if (!is_under_way()) return steps;
  for (; solicited_ < solicitations.size() && now >= begun_ + solicitations[solicited_]; ++solicited_)
    steps.solicit = steps.solicit || solicited_ == 0 || !(advertised_ || (sign_ == Sign::weak && answered_));
  bool probe = false;
  for (; probed_ < probes.size() && now >= begun_ + probes[probed_]; ++probed_) probe = true;
  verdict_given_ = now >= begun_ + verdict;
  judge(now);
  for (auto& [address, router] : routers_) {
    const bool answered = router.answered > begun_order_;
    if (probe && !answered && steps.probe.size() < max_probed) steps.probe.push_back(address);
    if (!router.behind || router.told || !verdict_given_) continue;
    router.told = true;
    steps.silent.push_back(address);
  }
  if (now >= begun_ + end) begun_ = never;
  return steps;
}

TimePoint MoveCheck::next_deadline() const {
  if (!is_under_way()) return never;
  TimePoint next = begun_ + end;
  if (solicited_ < solicitations.size()) next = std::min(next, begun_ + solicitations[solicited_]);
  if (probed_ < probes.size()) next = std::min(next, begun_ + probes[probed_]);
  const auto is_to_be_told = [](const auto& r) { return r.second.behind && !r.second.told; };
  if (!verdict_given_ || std::any_of(routers_.begin(), routers_.end(), is_to_be_told))
    next = std::min(next, begun_ + verdict);
  return next;
}

bool MoveCheck::has_left(Locator prefix) const {
  const auto it = prefixes_.find(prefix);
  return it != prefixes_.end() && it->second.left_in != 0;
}

bool MoveCheck::is_left_behind(const Address& router) const {
  const auto it = routers_.find(router);
  return it != routers_.end() && it->second.behind;
}

}  // namespace ilnp
