// SPDX-License-Identifier: Apache-2.0
// The client log as bytes: a version, then rows, the one that was heard last at the end.
#include <algorithm>

#include "core/lisp/afi.h"
#include "core/lisp/client_log.h"

namespace ilnp::lisp {
namespace {

constexpr std::uint8_t version = 1;
void write(ByteWriter& w, const EidPrefix& eid) {
  w.u8(eid.prefix.length);
  write_eid(w, {eid.instance, eid.prefix.address});
}

/// Fails the reader where there is none.
EidPrefix read_prefix(ByteReader& in) {
  const std::uint8_t length = in.u8();
  const auto read = read_eid_prefix(in, length);
  if (read && read.value()) return *read.value();
  in.fail();
  return {};
}

IpAddress read_address(ByteReader& in) {
  const auto read = read_rloc(in);
  if (read && read.value()) return *read.value();
  in.fail();
  return {};
}

}  // namespace

ByteVector ClientLog::save(TimePoint now, std::size_t most) const {
  std::vector<RowId> kept;
  for (RowId id = all_.newest; id != none && kept.size() < most; id = rows_[id].all.older)
    if (rows_[id].ends > now) kept.push_back(id);
  ByteVector out;
  ByteWriter w{out};
  w.u8(version);
  std::reverse(kept.begin(), kept.end());
  for (const RowId id : kept) {
    const Row& row = rows_[id];
    write(w, owned_[row.eid].eid);
    write_address(w, row.client.rloc);
    w.u8(static_cast<std::uint8_t>(row.client.capability));
    w.u32(static_cast<std::uint32_t>(std::chrono::ceil<seconds>(row.ends - now).count()));
    w.u8(row.client.prefix ? 1 : 0);
    if (row.client.prefix) write(w, *row.client.prefix);
  }
  return out;
}

bool ClientLog::restore(TimePoint now, Bytes saved) {
  ByteReader in{saved};
  if (in.u8() != version) return false;
  while (in.ok() && !in.empty()) {
    const EidPrefix eid = read_prefix(in);
    Client client;
    client.rloc = read_address(in);
    const std::uint8_t capability = in.u8();
    const Duration left = std::min<Duration>(seconds{in.u32()}, tuning_.after_request);
    if (in.u8() != 0) client.prefix = read_prefix(in);
    if (!in.ok() || capability > static_cast<std::uint8_t>(Capability::pubsub)) return false;
    if (find(eid, client.rloc) != nullptr) continue;
    Client& row = touch(now, eid, client.rloc, left).client;
    row.prefix = client.prefix;
    row.capability = static_cast<Capability>(capability);
  }
  return in.ok();
}

}  // namespace ilnp::lisp
