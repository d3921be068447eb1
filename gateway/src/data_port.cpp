// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/data_port.h"

#include <algorithm>

#include "core/ipv6/offload.h"
#include "core/lisp/data_header.h"

namespace ilnp {
namespace {

constexpr std::uint16_t first_source_port = 49152;
constexpr int ports_tried = 256;  ///< others of this machine may have some of them
/// Octets. Nobody answers to source ports; but what ICMP says about their packets takes room in here, too.
constexpr int error_buffer = 64 << 10;

}  // namespace

Result<std::unique_ptr<DataPort>> DataPort::open(Loop& loop, const Settings& settings, Hooks hooks) {
  std::unique_ptr<DataPort> out{new DataPort{settings, std::move(hooks)}};
  for (const lisp::Family family : {lisp::Family::ipv4, lisp::Family::ipv6}) {
    const auto& rlocs = settings.underlay.rlocs;
    const auto own = std::find_if(rlocs.begin(), rlocs.end(), [&](const auto& r) { return r.family() == family; });
    if (own == rlocs.end()) continue;
    if (auto opened = out->open_side(loop, family, *own); !opened) return opened.error();
  }
  return out;
}

Result<void> DataPort::open_side(Loop& loop, lisp::Family family, const lisp::IpAddress& own) {
  auto receiver = UdpSocket::open(family, lisp::data_port, {.trains = settings_.trains, .zero_checksum = true});
  if (!receiver) return receiver.error();
  sides_.push_back(std::make_unique<Side>());
  Side& side = *sides_.back();
  side.family = family;
  side.own = own;
  side.receiver = std::make_unique<UdpSocket>(std::move(receiver.value()));
  side.watch = std::make_unique<Watch>(loop, side.receiver->fd(), [this, &side] { return drain(side); });
  for (int i = 0; i < ports_tried && side.ports.size() < settings_.source_ports; ++i) {
    const auto number = static_cast<std::uint16_t>(first_source_port + i);
    auto checked = open_sender(loop, family, number, false);
    if (!checked) continue;
    Port port{std::move(checked.value()), nullptr};
    if (!settings_.real_checksums) {
      auto bare = open_sender(loop, family, number, true);
      if (!bare) return bare.error();
      port.bare = std::move(bare.value());
    }
    side.ports.push_back(std::move(port));
  }
  if (side.ports.empty()) return error("UDP: no source port from 49152 on is free");
  return ok();
}

Result<std::unique_ptr<DataPort::Sender>> DataPort::open_sender(Loop& loop, lisp::Family family, std::uint16_t port,
                                                                bool no_checksum) {
  auto opened = UdpSocket::open(
      family, port, {.share_port = true, .no_checksum = no_checksum, .receive_buffer = error_buffer, .batch = 1});
  if (!opened) return opened.error();
  auto out = std::make_unique<Sender>(Sender{std::move(opened.value()), nullptr});
  out->watch = std::make_unique<Watch>(loop, out->socket.fd(), [this, &its = *out] { return drain(its); });
  return out;
}

bool DataPort::drain(Sender& sender) {
  for (const DatagramError& e : sender.socket.receive_errors()) hooks_.on_error(e);
  return sender.socket.receive().more;
}

bool DataPort::drain(Side& side) {
  const UdpSocket::Batch batch = side.receiver->receive();
  for (const ReceivedDatagram& train : batch.datagrams) take_apart(train);
  if (!batch.datagrams.empty()) hooks_.on_batch_end();
  return batch.more;
}

void DataPort::take_apart(const ReceivedDatagram& train) {
  TunnelEnd end{train.source, train.hop_limit, train.traffic_class};
  const std::size_t datagram = std::max<std::size_t>(train.segment, 1);
  for (std::size_t at = 0; at < train.payload.size(); at += datagram) {
    const MutableBytes payload = train.payload.subspan(at, std::min(datagram, train.payload.size() - at));
    const auto header = lisp::parse_data_header(payload);
    if (!header || header.value().key_id != 0) {
      ++counters_.malformed;
      continue;
    }
    end.instance = header.value().instance.value_or(0);
    ++counters_.received;
    counters_.received_octets += payload.size();
    hooks_.on_packet(end, payload.subspan(lisp::data_header_length));
  }
  hooks_.on_train_end();
}

void DataPort::send(const lisp::IpAddress& rloc, const lisp::OuterHeader& outer, std::uint32_t instance,
                    const Packet& packet) {
  const auto found =
      std::find_if(sides_.begin(), sides_.end(), [&](const auto& side) { return side->family == rloc.family(); });
  if (found == sides_.end()) {
    ++counters_.no_rloc;
    return;
  }
  Side& side = **found;
  Port& port = side.ports[outer.source_port % side.ports.size()];
  lisp::DataHeader fields;
  if (instance != 0) fields.instance = instance;
  const auto header = lisp::encode_data_header(fields);
  DatagramToSend to;
  to.destination = rloc;
  to.port = lisp::data_port;
  to.source = side.own;
  to.hop_limit = outer.hop_limit;
  to.traffic_class = outer.traffic_class;
  to.may_fragment = outer.may_fragment;

  if (packet.offload.segmentation == Offload::Segmentation::none) {
    Packet whole = packet;
    complete_checksum(whole);
    wait(port, to, header, whole.bytes());
    return;
  }
  flush();
  const auto inner = lisp::parse_inner(packet.bytes());
  trains_.clear();
  if (!inner || !lisp::cut_into_trains(packet, inner.value(), header, trains_)) {
    ++counters_.not_encapsulable;
    return;
  }
  for (const lisp::Train& train : trains_) send_train(port, to, train.octets, train.datagram);
}

bool DataPort::Waiting::takes(const Port& its, const DatagramToSend& like, std::size_t size) const {
  return port == &its && to.destination == like.destination && to.hop_limit == like.hop_limit &&
         to.traffic_class == like.traffic_class && !to.may_fragment && !like.may_fragment && size <= datagram &&
         octets.size() % datagram == 0 && octets.size() + size <= lisp::most_train_octets &&
         octets.size() / datagram < lisp::most_in_train;
}

void DataPort::wait(Port& port, const DatagramToSend& to, Bytes header, Bytes packet) {
  const std::size_t size = header.size() + packet.size();
  if (!settings_.trains || !waiting_.takes(port, to, size)) {
    flush();
    waiting_.port = &port;
    waiting_.to = to;
    waiting_.datagram = size;
  }
  waiting_.octets.insert(waiting_.octets.end(), header.begin(), header.end());
  waiting_.octets.insert(waiting_.octets.end(), packet.begin(), packet.end());
}

void DataPort::flush() {
  if (waiting_.octets.empty()) return;
  send_train(*waiting_.port, waiting_.to, waiting_.octets, waiting_.datagram);
  waiting_.octets.clear();
  waiting_.port = nullptr;
}

void DataPort::send_train(Port& port, DatagramToSend to, Bytes octets, std::size_t datagram) {
  const std::size_t pieces = (octets.size() + datagram - 1) / datagram;
  UdpSocket& single = port.bare ? port.bare->socket : port.checked->socket;
  if (pieces > 1) to.segment = datagram;
  if ((pieces == 1 ? single : port.checked->socket).send(to, octets)) counters_.sent_octets += octets.size();
}

DataPort::Counters DataPort::counters() const {
  Counters out = counters_;
  const auto add = [&](const std::unique_ptr<Sender>& sender) {
    if (!sender) return;
    const UdpSocket::Counters& its = sender->socket.counters();
    out.sent += its.sent;
    out.send_full += its.send_full;
    out.send_too_big += its.send_too_big;
    out.send_failed += its.send_failed;
  };
  for (const auto& side : sides_) {
    out.malformed += side->receiver->counters().malformed;
    out.receive_failed += side->receiver->counters().receive_failed;
    for (const Port& port : side->ports) {
      add(port.checked);
      add(port.bare);
    }
  }
  return out;
}

}  // namespace ilnp
