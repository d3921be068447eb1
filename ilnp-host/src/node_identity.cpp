// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/node_identity.h"

#include <filesystem>

#include "core/ilnp/text.h"
#include "io/settings/secret_file.h"

namespace ilnp {

bool is_reserved_nid(NodeId nid) {
  const bool subnet_anycast = nid.bits >= 0xfdffffffffffff80 && nid.bits <= 0xfdffffffffffffff;
  const bool iana_ethernet = nid.bits >= 0x02005efffe000000 && nid.bits <= 0x02005efffeffffff;
  return nid.bits == 0 || subnet_anycast || iana_ethernet;
}

NodeId mint_nid(Random& random) {
  for (;;) {
    const NodeId nid{random.u64() & ~(std::uint64_t{0x03} << 56)};
    if (!is_reserved_nid(nid)) return nid;
  }
}

Result<NodeId> node_identity(const HostSettings& settings, Random& random) {
  if (settings.identity_mode == IdentityMode::configured) return settings.nid;
  if (settings.identity_mode == IdentityMode::ephemeral) return mint_nid(random);
  const std::filesystem::path path = std::filesystem::path{settings.state_directory} / "nid";
  std::error_code failure;
  if (std::filesystem::exists(path, failure)) {
    const auto content = read_secret_file(path, 64);
    if (!content) return content.error();
    std::string text{content.value().begin(), content.value().end()};
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    const auto nid = parse_node_id(text);
    if (!nid || is_reserved_nid(*nid))
      return error(path.string() + ": not a Node Identifier; remove the file to mint a new one");
    return *nid;
  }
  std::filesystem::create_directories(settings.state_directory, failure);
  const NodeId nid = mint_nid(random);
  const std::string text = to_text(nid) + "\n";
  if (auto written = write_secret_file(path, ByteVector{text.begin(), text.end()}); !written) return written.error();
  return nid;
}

}  // namespace ilnp
