// SPDX-License-Identifier: Apache-2.0
// Any octets as a neighbour discovery message. The first 33 octets choose source, destination and hop limit.
#include "core/ipv6/neighbour_discovery.h"

#include <algorithm>

#include "tests/fuzz/fuzz.h"

using namespace ilnp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto packet = parse_neighbour_packet({data, size}))
    FUZZ_REQUIRE(size >= 40 && data[7] == 255 && packet.value().destination == Address::load(data + 24));
  if (size < 33) return 0;
  const Address source = Address::load(data), destination = Address::load(data + 16);
  const auto parsed = parse_neighbour_message(source, destination, data[32], {data + 33, size - 33});
  if (!parsed) return 0;
  FUZZ_REQUIRE(data[32] == 255);
  if (const auto* ra = std::get_if<RouterAdvertisement>(&parsed.value())) {
    FUZZ_REQUIRE(source.is_link_local() && ra->router == source);
    FUZZ_REQUIRE(ra->prefixes.size() <= max_advertised_prefixes);
    for (const PrefixInformation& prefix : ra->prefixes) {
      FUZZ_REQUIRE(prefix.length <= 128 && prefix.preferred_lifetime <= prefix.valid_lifetime);
      FUZZ_REQUIRE(prefix.length != 0 || prefix.prefix.is_unspecified());
      FUZZ_REQUIRE(!prefix.prefix.is_link_local() && !prefix.prefix.is_multicast());
    }
  } else if (const auto* ns = std::get_if<NeighbourSolicitation>(&parsed.value())) {
    FUZZ_REQUIRE(!ns->target.is_multicast());
    FUZZ_REQUIRE(!source.is_unspecified() || destination == solicited_node(ns->target));
  } else if (const auto* rs = std::get_if<RouterSolicitation>(&parsed.value())) {
    FUZZ_REQUIRE(!source.is_unspecified() || !rs->link_layer);
  } else {
    FUZZ_REQUIRE(!std::get<NeighbourAdvertisement>(parsed.value()).target.is_multicast());
  }
  return 0;
}
