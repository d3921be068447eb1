// SPDX-License-Identifier: Apache-2.0
// Files that hold keys or state worth stealing.
#pragma once

#include <filesystem>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace ilnp {

/// Reads a file of at most `limit` octets that only its owner can read: a regular file (symbolic links are not
/// followed in the last component), owned by root or by us, no permission for group or others (0600 or stricter).
/// The checks are made on the opened file. The caller wipes the octets after use.
Result<ByteVector> read_secret_file(const std::filesystem::path& path, std::size_t limit = 64 * 1024);

enum class Outlives : std::uint8_t { process, power_loss };

/// Writes a file with mode 0600 in place of an older one, all or nothing: temporary file, rename. What has to outlive a
/// loss of power waits for the disk.
Result<void> write_secret_file(const std::filesystem::path& path, Bytes content,
                               Outlives outlives = Outlives::power_loss);

}  // namespace ilnp
