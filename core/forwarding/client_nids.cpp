// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/client_nids.h"

#include <string_view>

#include "core/lisp/afi.h"
#include "core/records/ilnp_records.h"

namespace ilnp {
namespace {

constexpr std::uint8_t file_version = 1;
constexpr std::uint64_t group_and_universal = std::uint64_t{0x03} << 56;

}  // namespace

ClientNids::ClientNids(Hasher& hasher, std::uint64_t seed, std::size_t most, Duration silence)
    : hasher_{hasher}, most_{most}, silence_{silence}, by_eid_{0, EidHash{seed}}, by_nid_{0, NidHash{seed}} {}

std::optional<ClientNids::Taken> ClientNids::take(TimePoint now, const lisp::Eid& client, NodeId correspondent) {
  if (const auto known = by_eid_.find(client); known != by_eid_.end()) {
    touch(now, known->second);
    return Taken{known->second->nid};
  }
  Taken out;
  if (clients_.size() >= most_) {
    if (clients_.empty() || now - clients_.front().heard < silence_) return std::nullopt;
    out.retired = clients_.front().nid;
    by_eid_.erase(clients_.front().eid);
    by_nid_.erase(clients_.front().nid);
    clients_.pop_front();
  }
  out.nid = choose(client, correspondent);
  out.is_new = true;
  insert(now, client, out.nid);
  return out;
}

void ClientNids::insert(TimePoint now, const lisp::Eid& client, NodeId nid) {
  const auto place = clients_.insert(clients_.end(), Client{client, nid, now});
  by_eid_.emplace(client, place);
  by_nid_.emplace(nid, place);
}

std::optional<lisp::Eid> ClientNids::client_of(TimePoint now, NodeId nid) {
  const auto known = by_nid_.find(nid);
  if (known == by_nid_.end() || known->second == clients_.end()) return std::nullopt;
  touch(now, known->second);
  return known->second->eid;
}

std::optional<NodeId> ClientNids::find(const lisp::Eid& client) const {
  const auto known = by_eid_.find(client);
  return known == by_eid_.end() ? std::nullopt : std::optional{known->second->nid};
}

std::optional<lisp::Eid> ClientNids::find(NodeId nid) const {
  const auto known = by_nid_.find(nid);
  return known == by_nid_.end() || known->second == clients_.end() ? std::nullopt : std::optional{known->second->eid};
}

ByteVector ClientNids::save() const {
  ByteVector out;
  ByteWriter w{out};
  w.u8(file_version);
  for (const Client& client : clients_) {
    w.u32(client.eid.instance);
    w.u8(static_cast<std::uint8_t>(client.eid.address.octets().size()));
    w.bytes(client.eid.address.octets());
    w.u64(client.nid.bits);
  }
  return out;
}

std::vector<ClientNids::Known> ClientNids::read(Bytes saved) {
  ByteReader in{saved};
  std::vector<Known> out;
  if (in.u8() != file_version) return out;
  while (!in.empty()) {
    Known client;
    client.eid.instance = in.u32();
    const std::size_t octets = in.u8();
    if (octets != 4 && octets != 16) return out;
    const Bytes address = in.take(octets);
    client.nid = {in.u64()};
    if (!in.ok()) return out;
    client.eid.address = lisp::IpAddress::load(address);
    out.push_back(client);
  }
  return out;
}

std::vector<NodeId> ClientNids::restore(TimePoint now, Bytes saved) {
  std::vector<NodeId> out;
  for (const Known& client : read(saved))
    if (!by_eid_.contains(client.eid) && adopt(now, client.eid, client.nid)) out.push_back(client.nid);
  return out;
}

bool ClientNids::adopt(TimePoint now, const lisp::Eid& client, NodeId nid) {
  if (const auto known = by_eid_.find(client); known != by_eid_.end()) return known->second->nid == nid;
  if (clients_.size() >= most_ || !is_free(nid)) return false;
  insert(now, client, nid);
  return true;
}

void ClientNids::touch(TimePoint now, Clients::iterator client) {
  client->heard = now;
  clients_.splice(clients_.end(), clients_, client);
}

bool ClientNids::is_free(NodeId nid) const { return nid_objection(nid) == nullptr && !by_nid_.contains(nid); }

NodeId ClientNids::choose(const lisp::Eid& client, NodeId correspondent) const {
  const auto is_good = [&](NodeId nid) { return is_free(nid) && nid != correspondent; };
  if (!client.address.is_ipv4())
    if (const NodeId own = client.address.ipv6().nid; is_good(own)) return own;
  for (std::uint32_t counter = 0;; ++counter)
    if (const NodeId nid = hashed(client, counter); is_good(nid)) return nid;
}

NodeId ClientNids::hashed(const lisp::Eid& client, std::uint32_t counter) const {
  constexpr std::string_view who = "ilnp-gw";
  ByteVector message{who.begin(), who.end()};
  ByteWriter w{message};
  w.u32(client.instance);
  w.u16(client.address.is_ipv4() ? lisp::afi::ipv4 : lisp::afi::ipv6);
  w.bytes(client.address.octets());
  w.u32(counter);
  return {load_u64(hasher_.sha256(message).data()) & ~group_and_universal};
}

}  // namespace ilnp
