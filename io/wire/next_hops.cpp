// SPDX-License-Identifier: Apache-2.0
#include "io/wire/next_hops.h"

#include <algorithm>

namespace ilnp {

NextHops::State* NextHops::find(const NextHop& hop) {
  const auto it = hops_.find(hop);
  if (it != hops_.end()) return &it->second;
  return hops_.size() < max_next_hops ? &hops_[hop] : nullptr;
}

void NextHops::ask(TimePoint now, const NextHop& hop, State& state) {
  state.confirmed_at = now;
  const std::vector<unsigned> known{hop.ifindex != 0 ? hop.ifindex : state.ifindex};
  // A failure shows as packets that wait in vain, which are counted.
  for (const unsigned ifindex : known.front() != 0 ? known : anywhere_) {
    ++counters_.resolutions;
    (void)commands_.resolve_neighbour(ifindex, hop.address);
  }
}

void NextHops::prepare(TimePoint now, const NextHop& hop) {
  State* state = find(hop);
  if (state != nullptr && !state->resolved) ask(now, hop, *state);
}

void NextHops::send(TimePoint now, const NextHop& hop, const Packet& packet) {
  State* state = find(hop);
  if (state == nullptr) {
    ++counters_.unresolved;
    return;
  }
  if (now - state->confirmed_at > confirm_interval) ask(now, hop, *state);
  if (state->resolved) {
    ports_.send(state->ifindex, packet, state->mac);
    return;
  }
  if (state->waiting.size() >= max_waiting || waiting_octets_ + packet.size() > max_waiting_octets) {
    ++counters_.unresolved;
    return;
  }
  const Bytes bytes = packet.bytes();
  waiting_octets_ += bytes.size();
  state->waiting.push_back({ByteVector(bytes.begin(), bytes.end()), packet.offload, now + wait});
}

void NextHops::on_neighbour(TimePoint now, const NeighbourChanged& neighbour) {
  const bool gone = neighbour.removed || neighbour.state == NeighbourState::failed;
  const bool is_anywhere = std::find(anywhere_.begin(), anywhere_.end(), neighbour.ifindex) != anywhere_.end();
  for (const unsigned ifindex : {neighbour.ifindex, 0u}) {
    if (ifindex == 0 && !is_anywhere) continue;
    const NextHop hop{ifindex, neighbour.address};
    if (gone) {
      failed(hop, neighbour.ifindex);
    } else if (neighbour.has_mac()) {
      // Every resolved neighbour is remembered: the kernel does not repeat what we ask for when it knows it already.
      if (State* state = ifindex != 0 || hops_.contains(hop) ? find(hop) : nullptr) resolved(now, *state, neighbour);
    }
  }
}

void NextHops::resolved(TimePoint now, State& state, const NeighbourChanged& neighbour) {
  state.mac = neighbour.mac;
  state.ifindex = neighbour.ifindex;
  state.resolved = true;
  state.silent.clear();
  const std::vector<Waiting> waiting = std::move(state.waiting);
  state.waiting.clear();
  for (const Waiting& w : waiting) {
    waiting_octets_ -= w.bytes.size();
    ByteVector bytes = w.bytes;
    if (w.until > now)
      ports_.send(neighbour.ifindex, Packet{bytes, 0, bytes.size(), w.offload}, neighbour.mac);
    else
      ++counters_.unresolved;
  }
}

void NextHops::failed(const NextHop& hop, unsigned ifindex) {
  const auto it = hops_.find(hop);
  if (it == hops_.end()) return;
  State& state = it->second;
  if (hop.ifindex == 0) {
    if (state.resolved && state.ifindex != ifindex) return;
    if (std::find(state.silent.begin(), state.silent.end(), ifindex) == state.silent.end())
      state.silent.push_back(ifindex);
    if (!state.resolved && state.silent.size() < anywhere_.size()) return;
  }
  std::vector<Waiting> waiting = std::move(state.waiting);
  hops_.erase(it);
  drop(waiting);
}

void NextHops::drop(std::vector<Waiting>& waiting) {
  for (Waiting& w : waiting) {
    waiting_octets_ -= w.bytes.size();
    ++counters_.unresolved;
    Packet packet{w.bytes, 0, w.bytes.size(), w.offload};
    if (on_unreachable_) on_unreachable_(packet);
  }
}

void NextHops::on_time(TimePoint now) {
  std::vector<Waiting> late;
  for (auto it = hops_.begin(); it != hops_.end();) {
    State& state = it->second;
    const auto in_time = [&](const Waiting& w) { return w.until > now; };
    const auto first = std::stable_partition(state.waiting.begin(), state.waiting.end(), in_time);
    std::move(first, state.waiting.end(), std::back_inserter(late));
    state.waiting.erase(first, state.waiting.end());
    const bool useless = !state.resolved && state.waiting.empty() && now - state.confirmed_at > confirm_interval;
    it = useless ? hops_.erase(it) : std::next(it);
  }
  drop(late);
}

}  // namespace ilnp
