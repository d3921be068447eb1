// SPDX-License-Identifier: Apache-2.0
// The key files of tsig-keygen and nsupdate. The text is wiped after reading; nothing of it appears in an error.
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <optional>

#include "io/resolver/tsig.h"
#include "io/settings/secret_file.h"

namespace ilnp {
namespace {

constexpr std::size_t longest_file = 4096;

/// The next word, quoted string or one of { } ; with comments (#, //) skipped.
std::string_view next_token(std::string_view& rest) {
  for (;;) {
    const auto start = rest.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return rest = {};
    rest.remove_prefix(start);
    if (!rest.starts_with('#') && !rest.starts_with("//")) break;
    const auto line = rest.find('\n');
    if (line == std::string_view::npos) return rest = {};
    rest.remove_prefix(line);
  }
  std::size_t length = 1;
  if (rest[0] == '"') {
    const auto close = rest.find('"', 1);
    if (close == std::string_view::npos) return rest = {};
    const auto token = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
    return token;
  }
  if (std::string_view{"{};"}.find(rest[0]) == std::string_view::npos) {
    length = std::min(rest.find_first_of(" \t\r\n{};\""), rest.size());
  }
  const auto token = rest.substr(0, length);
  rest.remove_prefix(length);
  return token;
}

std::optional<ByteVector> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  ByteVector out(text.size() / 4 * 3);
  const int n =
      EVP_DecodeBlock(out.data(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (n < 0) return std::nullopt;
  std::size_t size = static_cast<std::size_t>(n);
  for (std::size_t i = text.size(); i > 0 && i + 2 > text.size() && text[i - 1] == '='; --i) --size;
  out.resize(size);
  return out;
}

}  // namespace

Result<TsigKey> parse_tsig_key(std::string_view text) {
  std::string_view rest = text;
  if (next_token(rest) != "key") return error("'key \"name\" { ... };' expected");
  const auto name = DnsName::from_text(next_token(rest));
  if (!name || next_token(rest) != "{") return error("'key \"name\" {' expected");
  std::optional<TsigAlgorithm> algorithm;
  std::optional<ByteVector> secret;
  for (std::string_view word = next_token(rest); word != "}"; word = next_token(rest)) {
    const std::string_view value = next_token(rest);
    if (value.empty() || next_token(rest) != ";") return error("'algorithm NAME;' or 'secret \"BASE64\";' expected");
    if (word == "algorithm") {
      auto known = parse_tsig_algorithm(value);
      if (!known) return std::move(known).error();
      algorithm = known.value();
    } else if (word == "secret") {
      secret = decode_base64(value);
      if (!secret) return error("the secret is not base64");
    } else {
      return error("unknown statement in the key");
    }
  }
  if (!algorithm || !secret) return error("the key needs an algorithm and a secret");
  return TsigKey{*name, *algorithm, std::move(*secret)};
}

Result<TsigKey> read_tsig_key(const std::string& path) {
  auto content = read_secret_file(path, longest_file);
  if (!content) return error("key file " + content.error().message);
  ByteVector& octets = content.value();
  auto key = parse_tsig_key({reinterpret_cast<const char*>(octets.data()), octets.size()});
  OPENSSL_cleanse(octets.data(), octets.size());
  if (!key) return error("key file " + path + ": " + key.error().message);
  return key;
}

}  // namespace ilnp
