// SPDX-License-Identifier: Apache-2.0
// generate_siit PCAP JSON [COUNT [SEED]]: random packets as our translator between IPv4 and IPv6 makes them, and beside
// them what they have to say: tshark's names of fields with their values. check_siit_with_tshark.py compares.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/ipv6/icmpv6.h"
#include "core/lisp/siit.h"
#include "tests/oracle/generator_main.h"
#include "tests/support/fakes.h"
#include "tests/support/ipv4_packets.h"
#include "tests/support/packet_builder.h"
#include "tests/support/pcap.h"

namespace ilnp::lisp {
namespace {

using nlohmann::json;
using test::Ipv4Builder;
using test::PacketBuilder;

class Generator {
 public:
  Generator(const std::string& path, std::uint64_t seed) : random_{seed}, pcap_{path} {
    if (!nodes_.add({0, IpPrefix::host(vm4_), IpPrefix::host(vm6_), Family::ipv6})) std::abort();
  }
  std::size_t packets() const { return meant_.size(); }
  const json& meant() const { return meant_; }

  void one() {
    hops_ = static_cast<std::uint8_t>(1 + random_.below(255));
    // Not 0xff: with a length of 0x03.. behind it a raw packet looks like PPP to tshark.
    class_ = static_cast<std::uint8_t>(random_.below(255));
    client4_ = IpAddress::v4(0x0a09'0000 | static_cast<std::uint32_t>(random_.below(0x1'0000)));
    client6_ = Address{{0x2001'0db8'0064'0000}, {client4_.ipv4()}};
    const bool is_error = random_.one_in(4);
    random_.one_in(2) ? to_ipv6(is_error) : to_ipv4(is_error);
  }

 private:
  std::uint16_t any_port() { return static_cast<std::uint16_t>(40'000 + random_.below(1000)); }
  ByteVector any_data() { return random_.octets(random_.below(random_.one_in(8) ? 3000 : 100)); }

  ByteVector from_client() {
    Ipv4Builder packet{client4_, vm4_};
    packet.ttl(hops_).tos(class_).identification(++identification_);
    if (random_.one_in(2)) packet.may_fragment();
    if (random_.one_in(4)) packet.options(ByteVector(8, 1));
    switch (random_.below(3)) {
      case 0:
        return packet.udp(ports("udp"), 40'000, any_data(), !random_.one_in(3)).build();
      case 1:
        return packet.tcp(ports("tcp"), 40'000, 1, any_data()).build();
      default:
        fields_["icmpv6.type"] = {128};
        return packet.icmp(8, 0, ++identification_, any_data()).build();
    }
  }
  ByteVector from_vm() {
    PacketBuilder packet{vm6_, client6_};
    packet.hop_limit(hops_).traffic_class(class_).flow_label(0x12345);
    if (random_.one_in(4)) packet.hop_by_hop();
    switch (random_.below(3)) {
      case 0:
        return packet.udp(ports("udp"), 40'000, any_data()).build();
      case 1:
        return packet.tcp(ports("tcp"), 40'000, 1, 2, 0x10, any_data()).build();
      default:
        fields_["icmp.type"] = {0};
        return packet.icmpv6(129, 0, random_.octets(4 + random_.below(60))).build();
    }
  }
  std::uint16_t ports(const std::string& protocol) {
    const std::uint16_t port = any_port();
    fields_[protocol + ".srcport"] = {port};
    return port;
  }

  void to_ipv6(bool is_error) {
    fields_ = json::object();
    is_cut_ = is_error;
    ByteVector packet;
    if (is_error) {  // about what the VM sent
      const ByteVector quote = translated(from_vm(), false).front();
      fields_ = {{"icmpv6.type", json::array({3})}};
      packet = Ipv4Builder{client4_, vm4_}.ttl(hops_).tos(class_).icmp(11, 0, 0, Bytes{quote}.first(28)).build();
    } else {
      packet = from_client();
    }
    emit(translated(packet, true), to_string(client6_), to_string(vm6_), "ipv6", "hlim", "tclass");
  }
  void to_ipv4(bool is_error) {
    fields_ = json::object();
    is_cut_ = false;
    ByteVector packet;
    if (is_error) {
      std::vector<ByteVector> asked;
      while (asked.size() != 1) asked = translated(from_client(), true);
      is_cut_ = asked[0].size() - 20 > 576 - 28;
      fields_ = {{"icmp.type", json::array({3})}};
      packet = PacketBuilder{vm6_, client6_}
                   .hop_limit(hops_)
                   .traffic_class(class_)
                   .payload(next_header::icmpv6, build_error(1, 4, 0, asked[0]))
                   .build();
    } else {
      packet = from_vm();
    }
    emit(translated(packet, false), to_string(vm4_), to_string(client4_), "ip", "ttl", "dsfield");
  }

  std::vector<ByteVector> translated(const ByteVector& octets, bool to_ipv6) {
    test::PacketBuffer buffer{octets, Siit::headroom};
    Translation out = to_ipv6 ? siit_.to_ipv6(0, buffer.packet) : siit_.to_ipv4(0, buffer.packet);
    if (out.kind == Translation::Kind::dropped) std::abort();
    return out.kind == Translation::Kind::in_place ? std::vector<ByteVector>{buffer.bytes()} : std::move(out.packets);
  }
  void emit(const std::vector<ByteVector>& packets, const std::string& source, const std::string& destination,
            const std::string& family, const char* hops, const char* traffic_class) {
    for (const ByteVector& packet : packets) {
      json meant{{family + ".src", source}, {family + ".dst", destination}};
      meant[family + "." + hops] = hops_;
      meant[family + "." + traffic_class] = class_;
      const bool is_last = &packet == &packets.back();  // tshark puts pieces together there
      meant_.push_back({{"outer", meant},
                        {"upper", is_last ? fields_ : json::object()},
                        {"pieces", packets.size()},
                        {"quote is cut", is_cut_}});
      pcap_.write(TimePoint{seconds{static_cast<std::int64_t>(meant_.size())}}, packet);
    }
  }

  const Address vm6_{{0x2001'0db8'0e1d'0000}, {0x0200'00ff'fe00'0007}};
  const IpAddress vm4_ = IpAddress::v4(0x0a08'0007);
  EamTable nodes_{1, Address{{0x2001'0db8'0064'0000}, {0}}};
  Siit siit_{{}, nodes_, 1};
  test::FakeRandom random_;
  test::PcapWriter pcap_;
  json meant_ = json::array(), fields_;
  bool is_cut_ = false;
  std::uint16_t identification_ = 0;
  std::uint8_t hops_ = 0, class_ = 0;
  IpAddress client4_;
  Address client6_;
};

}  // namespace
}  // namespace ilnp::lisp

int main(int argc, char** argv) { return ilnp::test::generator_main<ilnp::lisp::Generator>(argc, argv, 5'000); }
