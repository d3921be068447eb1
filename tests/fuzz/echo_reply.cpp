// SPDX-License-Identifier: Apache-2.0
// Any octets as what the socket for the answers to probes gives.
#include "io/sockets/echo_socket.h"
#include "tests/fuzz/fuzz.h"

using namespace ilnp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ReceivedIcmpv6 received{3, Address{{1}, {2}}, Address{{3}, {4}}, 64, {data, size}};
  const auto reply = read_echo_reply(received);
  FUZZ_REQUIRE(reply.has_value() == (size >= 8));
  if (!reply) return 0;
  FUZZ_REQUIRE(reply->ifindex == 3 && reply->source == received.source);
  FUZZ_REQUIRE(reply->identifier == load_u16(data + 4) && reply->sequence == load_u16(data + 6));
  return 0;
}
