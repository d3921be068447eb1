// SPDX-License-Identifier: Apache-2.0
// Any octets as a state file, of this machine or of another one: the restored sessions take packets and time, and what
// is saved again is accepted whole.
#include "tests/fuzz/host_script.h"

using namespace ilnp;

namespace {

void go_on(Bytes file, std::optional<Duration> age) {
  fuzz::HostScript host;
  host.forwarder().bind_ip_only({53});
  Actions actions;
  host.forwarder().restore(host.now(), file, actions, age);
  const ByteVector again = host.forwarder().save(host.now());
  fuzz::HostScript second;
  second.forwarder().bind_ip_only({53});
  FUZZ_REQUIRE(second.forwarder().restore(second.now(), again, actions));
  FUZZ_REQUIRE(second.forwarder().ilcc().size() == host.forwarder().ilcc().size());
  host.attach(fuzz::away);
  host.outbound(test::PacketBuilder{fuzz::our_identity, fuzz::peer_identity}.udp(40000, 7777).build());
  host.inbound(
      test::PacketBuilder{{fuzz::peer_home, fuzz::peer_nid}, {fuzz::home, fuzz::our_nid}}.udp(7777, 40000).build());
  host.outbound(test::PacketBuilder{fuzz::our_identity, {{0x20010db800770001}, {0x99}}}.udp(40000, 80).build());
  host.client_speaks(40000, test::counting(12));
  host.pass(seconds{30});
  host.outbound(test::PacketBuilder{fuzz::our_identity, fuzz::peer_identity}.udp(40000, 7777).build());
  host.end();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  go_on({data, size}, std::nullopt);
  go_on({data, size}, milliseconds{300});
  return 0;
}
