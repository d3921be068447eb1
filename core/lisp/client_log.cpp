// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/client_log.h"

#include <algorithm>

#include "core/base/keyed_hash.h"

namespace ilnp::lisp {

std::size_t ClientLog::Hash::operator()(const Key& key) const {
  if (key.rloc.is_ipv4()) return keyed_hash(seed, {key.eid, key.rloc.ipv4()});
  const Address address = key.rloc.ipv6();
  return keyed_hash(seed, {key.eid, address.locator.bits, address.nid.bits});
}

void ClientLog::put_first(Ends& ends, Links Row::*links, RowId id) {
  rows_[id].*links = {none, ends.newest};
  if (ends.newest != none) (rows_[ends.newest].*links).newer = id;
  ends.newest = id;
  if (ends.oldest == none) ends.oldest = id;
}

void ClientLog::take_out(Ends& ends, Links Row::*links, RowId id) {
  const Links own = rows_[id].*links;
  (own.newer == none ? ends.newest : (rows_[own.newer].*links).older) = own.older;
  (own.older == none ? ends.oldest : (rows_[own.older].*links).newer) = own.newer;
}

void ClientLog::erase(RowId id) {
  Row& row = rows_[id];
  Owned& owned = owned_[row.eid];
  take_out(all_, &Row::all, id);
  take_out(owned.rows, &Row::same_eid, id);
  index_.erase({row.eid, row.client.rloc});
  free_.push_back(id);
  if (--owned.count > 0) return;
  numbers_.erase(owned.eid);
  free_owned_.push_back(row.eid);
}

std::uint32_t ClientLog::number_of(const EidPrefix& owned) {
  const auto [place, is_new] = numbers_.try_emplace(owned, 0);
  if (!is_new) return place->second;
  if (free_owned_.empty()) {
    free_owned_.push_back(static_cast<std::uint32_t>(owned_.size()));
    owned_.emplace_back();
  }
  place->second = free_owned_.back();
  free_owned_.pop_back();
  owned_[place->second] = {owned, {}, 0};
  return place->second;
}

ClientLog::RowId ClientLog::row_of(const EidPrefix& owned, const IpAddress& rloc) const {
  const auto number = numbers_.find(owned);
  if (number == numbers_.end()) return none;
  const auto found = index_.find({number->second, rloc});
  return found == index_.end() ? none : found->second;
}

const Client* ClientLog::find(const EidPrefix& owned, const IpAddress& rloc) const {
  const RowId id = row_of(owned, rloc);
  return id == none ? nullptr : &rows_[id].client;
}

/// The row of that client, as the newest of all.
ClientLog::Row& ClientLog::touch(TimePoint now, const EidPrefix& owned, const IpAddress& rloc, Duration lives) {
  const std::uint32_t eid = number_of(owned);
  const auto found = index_.find({eid, rloc});
  RowId id = found == index_.end() ? none : found->second;
  if (id != none) {
    take_out(all_, &Row::all, id);
    take_out(owned_[eid].rows, &Row::same_eid, id);
  } else {
    ++revision_;
    ++owned_[eid].count;  // first, so that making room does not end the list
    if (owned_[eid].count > tuning_.most_of_one_eid)
      erase(owned_[eid].rows.oldest);
    else if (size() >= tuning_.most)
      erase(all_.oldest);
    if (free_.empty()) {
      free_.push_back(static_cast<RowId>(rows_.size()));
      rows_.emplace_back();
    }
    id = free_.back();
    free_.pop_back();
    rows_[id] = {};
    rows_[id].client.rloc = rloc;
    rows_[id].eid = eid;
    index_[{eid, rloc}] = id;
  }
  put_first(all_, &Row::all, id);
  put_first(owned_[eid].rows, &Row::same_eid, id);
  rows_[id].client.last_seen = now;
  rows_[id].ends = std::max(rows_[id].ends, now + lives);
  return rows_[id];
}

void ClientLog::on_data(TimePoint now, const EidPrefix& owned, const IpAddress& rloc, Capability capability) {
  const RowId known = row_of(owned, rloc);
  if (known != none && now - rows_[known].client.last_seen < tuning_.data_again_after) return;
  Client& client = touch(now, owned, rloc, tuning_.after_data).client;
  if (client.capability == Capability::unknown) client.capability = capability;
}

void ClientLog::on_request(TimePoint now, const EidPrefix& owned, const IpAddress& rloc,
                           const std::optional<EidPrefix>& prefix, Capability capability) {
  Client& client = touch(now, owned, rloc, tuning_.after_request).client;
  if (prefix) client.prefix = prefix;
  if (capability != Capability::unknown) client.capability = capability;
}

void ClientLog::merge(TimePoint now, const EidPrefix& owned, const Client& other) {
  const TimePoint ends = other.last_seen + tuning_.after_request;
  if (ends <= now) return;
  on_request(now, owned, other.rloc, other.prefix, other.capability);
}

void ClientLog::forget(const EidPrefix& owned) {
  for (auto number = numbers_.find(owned); number != numbers_.end(); number = numbers_.find(owned))
    erase(owned_[number->second].rows.oldest);
}

std::vector<Client> ClientLog::clients(TimePoint now, const EidPrefix& owned) const {
  std::vector<Client> out;
  const auto number = numbers_.find(owned);
  if (number == numbers_.end()) return out;
  for (RowId id = owned_[number->second].rows.newest; id != none; id = rows_[id].same_eid.older)
    if (rows_[id].ends > now) out.push_back(rows_[id].client);
  return out;
}

}  // namespace ilnp::lisp
