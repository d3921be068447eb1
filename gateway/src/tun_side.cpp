// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/tun_side.h"

#include "io/tun/virtio_header.h"

namespace ilnp {
namespace {

constexpr std::size_t batch = 32;
constexpr int most_reads = 64;  ///< of one turn, with those that were dropped

}  // namespace

Result<std::unique_ptr<TunSide>> TunSide::open(Loop& loop, const TunSettings& settings, bool segmentation,
                                               OnPackets on_packets) {
  auto device =
      TunDevice::open(settings.name, settings.mtu, {.carries = TunDevice::Carries::both, .segmentation = segmentation});
  if (!device) return error(device.error().message);
  if (auto kept = device.value().set_persistent(true); !kept) return kept.error();
  std::unique_ptr<TunSide> out{new TunSide{std::move(device.value()), settings.instance, std::move(on_packets)}};
  out->watch_ = std::make_unique<Watch>(loop, out->device_.fd(), [&side = *out] { return side.drain(); });
  return out;
}

TunSide::TunSide(TunDevice device, std::uint32_t instance, OnPackets on_packets)
    : device_{std::move(device)},
      instance_{instance},
      on_packets_{std::move(on_packets)},
      buffers_(batch, ByteVector(packet_buffer_size)) {
  packets_.reserve(batch);
}

bool TunSide::drain() {
  packets_.clear();
  bool more = true;
  for (int i = 0; i < most_reads && packets_.size() < batch; ++i) {
    const TunDevice::ReadResult got = device_.read(buffers_[packets_.size()]);
    more = got.status == TunDevice::ReadStatus::packet || got.status == TunDevice::ReadStatus::dropped;
    if (!more) break;
    if (!got.packet) continue;
    packets_.push_back(*got.packet);
    if (got.packet->size() >= large_packet) break;
  }
  if (!packets_.empty()) on_packets_(instance_, packets_);
  return more;
}

}  // namespace ilnp
