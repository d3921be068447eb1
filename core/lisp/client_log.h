// SPDX-License-Identifier: Apache-2.0
// Who has to hear when an EID-prefix of ours is elsewhere: the xTRs that asked for it or sent to it, and what each of
// them understands. Bounded; the one that was heard longest ago leaves for a new one. Data keeps a client for 180 s, a
// request alone for a day, which is the longest that its answer may be kept.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/time.h"
#include "core/lisp/mapping.h"

namespace ilnp::lisp {

/// What a client is told with. The numbers are those of a CLIENT-LOG.
enum class Capability : std::uint8_t { unknown = 0, change_priority = 1, raw_change_priority = 2, smr = 3, pubsub = 4 };

struct Client {
  IpAddress rloc;
  std::optional<EidPrefix> prefix;  ///< its own, where it said so
  Capability capability = Capability::unknown;
  TimePoint last_seen{};
};

struct ClientLogTuning {
  std::size_t most = 1'000'000, most_of_one_eid = 10'000;
  Duration after_data = seconds{180}, after_request = std::chrono::hours{24};
  Duration data_again_after = seconds{10};  ///< data of a client that was seen a moment ago tells nothing
};

class ClientLog {
 public:
  ClientLog(ClientLogTuning tuning, std::uint64_t seed) : tuning_{tuning}, index_{0, Hash{seed}} {}

  /// A data packet for `owned` came from that RLOC.
  void on_data(TimePoint now, const EidPrefix& owned, const IpAddress& rloc,
               Capability capability = Capability::unknown);
  /// A Map-Request for `owned` named that ITR-RLOC; `prefix`: its own, or its end that asked.
  void on_request(TimePoint now, const EidPrefix& owned, const IpAddress& rloc, const std::optional<EidPrefix>& prefix,
                  Capability capability);
  /// Heard from the one who had the EID before.
  void merge(TimePoint now, const EidPrefix& owned, const Client& client);
  void forget(const EidPrefix& owned);

  /// For who goes on when this gateway dies: not more than `most` rows, those that were heard last.
  ByteVector save(TimePoint now, std::size_t most) const;
  /// What is known better stays as it is. False: damaged, up to there it was read.
  bool restore(TimePoint now, Bytes saved);
  /// Another number: rows came since then.
  std::uint64_t revision() const { return revision_; }

  /// Those that may still keep an old mapping, the most recent first.
  std::vector<Client> clients(TimePoint now, const EidPrefix& owned) const;
  const Client* find(const EidPrefix& owned, const IpAddress& rloc) const;
  std::size_t size() const { return rows_.size() - free_.size(); }

 private:
  using RowId = std::uint32_t;
  static constexpr RowId none = 0xffff'ffff;
  struct Links {
    RowId newer = none, older = none;
  };
  struct Row {
    Client client;
    TimePoint ends{};
    std::uint32_t eid = 0;
    Links all, same_eid;
  };
  struct Ends {  ///< of a list of rows
    RowId newest = none, oldest = none;
  };
  struct Owned {
    EidPrefix eid;
    Ends rows;
    std::size_t count = 0;
  };
  struct Key {
    std::uint32_t eid;
    IpAddress rloc;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::uint64_t seed;
    std::size_t operator()(const Key& key) const;
  };

  RowId row_of(const EidPrefix& owned, const IpAddress& rloc) const;
  Row& touch(TimePoint now, const EidPrefix& owned, const IpAddress& rloc, Duration lives);
  std::uint32_t number_of(const EidPrefix& owned);
  void put_first(Ends& ends, Links Row::*links, RowId id);
  void take_out(Ends& ends, Links Row::*links, RowId id);
  void erase(RowId id);

  ClientLogTuning tuning_;
  std::vector<Row> rows_;
  std::vector<RowId> free_;
  std::unordered_map<Key, RowId, Hash> index_;
  Ends all_;
  std::uint64_t revision_ = 0;
  std::vector<Owned> owned_;
  std::vector<std::uint32_t> free_owned_;
  std::map<EidPrefix, std::uint32_t> numbers_;
};

}  // namespace ilnp::lisp
