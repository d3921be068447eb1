// SPDX-License-Identifier: Apache-2.0
// What the shared truth (core/site/ownership.h) means for the EIDs of a gateway: a node that a record puts at our site
// has its EID here, one whose record has just left it is on its way. Each record counts once, and an older one than is
// known never (the store's revision is the epoch).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/lisp/ip_address.h"
#include "core/site/ownership.h"

namespace ilnp {

struct EidNews {
  enum class Kind : std::uint8_t {
    here,      ///< it is at our site, or stays after all
    expected,  ///< a move to our site is prepared
    leaving,   ///< a move away is prepared: it is still here
    left,      ///< it has stopped here and is on its way
    gone,      ///< nothing is known of it any more
  };
  Kind kind;
  lisp::Eid eid;
  bool operator==(const EidNews&) const = default;
};

class EidDirectory {
 public:
  /// `blocks`: EID-prefixes of 64 bits; a node's EID has its NID, one without ILNP is known by its address.
  EidDirectory(SiteId own, std::vector<lisp::EidPrefix> blocks) : own_{own}, blocks_{std::move(blocks)} {}

  std::vector<EidNews> apply(const Ownership& record);
  std::vector<EidNews> gone(const NodeKey& key, std::uint64_t epoch);
  /// There is a record of its node, at another site.
  bool is_elsewhere(const lisp::Eid& eid) const;
  /// All that is here, as news for somebody who has not heard any.
  std::vector<EidNews> present() const;
  /// What is not named until the end of a resync is gone.
  void resync_started() { ++resync_; }
  std::vector<EidNews> resync_finished();

 private:
  using Kind = EidNews::Kind;
  struct Known {
    std::uint64_t epoch = 0;
    std::uint64_t named_in = 0;  ///< resync
    std::optional<Kind> kind{};  ///< nothing: it is elsewhere, and was not here
  };
  std::optional<Kind> meaning_of(const Ownership& record, const std::optional<Kind>& before) const;
  std::vector<EidNews> news(const NodeKey& key, Kind kind) const;

  SiteId own_;
  std::vector<lisp::EidPrefix> blocks_;
  std::map<NodeKey, Known> nodes_;
  std::uint64_t resync_ = 0;
};

}  // namespace ilnp
