// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/group_sessions.h"

#include "core/forwarding/client_nids.h"

namespace ilnp {
namespace {

constexpr std::uint32_t magic = 0x494c4e32;  // "ILN2"

}  // namespace

bool is_fresher(const SavedSession& theirs, const Correspondent& own) {
  if (theirs.lu_memory == nullptr || theirs.lu_memory->seen().empty()) return false;
  if (own.lu_memory == nullptr || own.lu_memory->seen().empty()) return true;
  const LuMemory::Seen &there = theirs.lu_memory->seen().back(), &here = own.lu_memory->seen().back();
  return there.digest != here.digest && there.at > here.at;
}

ByteVector to_octets(const NodeMemory& memory) {
  ByteVector out;
  ByteWriter w{out};
  w.u32(magic);
  w.u32(static_cast<std::uint32_t>(memory.clients.size()));
  w.bytes(memory.clients);
  w.u32(static_cast<std::uint32_t>(memory.turns.size()));
  for (const auto& [key, turn] : memory.turns) {
    w.u64(key.first.bits);
    w.u64(key.second.bits);
    w.u32(turn);
  }
  w.bytes(memory.sessions);
  return out;
}

std::optional<NodeMemory> read_node_memory(Bytes octets) {
  ByteReader in{octets};
  if (in.u32() != magic) return std::nullopt;
  NodeMemory out;
  out.clients = in.take(in.u32());
  for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
    const NodeId client{in.u64()}, node{in.u64()};
    const std::uint32_t turn = in.u32();
    if (in.ok()) out.turns[{client, node}] = turn;
  }
  out.sessions = in.rest();
  return in.ok() ? std::optional{std::move(out)} : std::nullopt;
}

bool GroupSessions::replace(TimePoint now, std::uint64_t member, Bytes octets, Duration age) {
  Member& told = members_[member];
  told = {};
  const auto memory = read_node_memory(octets);
  if (!memory) return false;
  std::map<NodeId, lisp::Eid> clients;
  for (const ClientNids::Known& client : ClientNids::read(memory->clients)) clients[client.nid] = client.eid;
  SavedSessions saved{memory->sessions, now, age, tuning_};
  if (!saved.ok() || saved.header().identity_prefix != identity_prefix_) return false;
  while (auto session = saved.next()) {
    const NodeId node = session->identity.nid;
    const auto client = clients.find(session->local);
    // Another node with the NID of ours has an identity of its own; what has no nonce is nothing to go on with.
    if (client == clients.end() || session->identity.locator != identity_prefix_ || !session->nonce_sent.is_set())
      continue;
    if (Told& place = told.places[node]; place.at <= session->last_received)
      place = {session->last_received, session->remote};
    const auto turn = memory->turns.find({session->local, node});
    told.sessions[{client->second, node}] = {turn == memory->turns.end() ? 0 : turn->second, std::move(*session)};
  }
  return saved.ok();
}

GroupSessions::Session* GroupSessions::find(const Key& key) {
  Session* last = nullptr;
  for (auto& [member, told] : members_)
    if (const auto one = told.sessions.find(key);
        one != told.sessions.end() && (last == nullptr || last->turn < one->second.turn))
      last = &one->second;
  return last;
}

void GroupSessions::erase(const Key& key) {
  for (auto& [member, told] : members_) told.sessions.erase(key);
}

const RemoteLocators* GroupSessions::places_of(NodeId node) const {
  const Told* last = nullptr;
  for (const auto& [member, told] : members_)
    if (const auto one = told.places.find(node);
        one != told.places.end() && (last == nullptr || last->at < one->second.at))
      last = &one->second;
  return last == nullptr ? nullptr : &last->locators;
}

}  // namespace ilnp
