// SPDX-License-Identifier: Apache-2.0
// The third store of the truth, with everything that a cluster can do to its clients: be slow, be away, be cut off for
// one of them, lose an answer after the change was made. And a border router that lives by it and can be killed.
#pragma once

#include <memory>
#include <set>

#include "core/forwarding/site_directory.h"
#include "core/site/move_controller.h"
#include "tests/sim/border.h"

namespace ilnp::sim {

class SimStore {
 public:
  explicit SimStore(World& world) : world_{world} {}

  Duration delay = milliseconds{2};  ///< one way
  bool is_dead = false;              ///< nobody is answered; what it knows is kept
  int lose_answers = 0;              ///< of the next changes: they happen, and nobody is told

  /// One client: a connection of its own.
  class Client : public TruthStore {
   public:
    explicit Client(SimStore& store) : store_{store} { store_.clients_.insert(this); }
    ~Client() override { store_.clients_.erase(this); }
    bool cut_off = false;
    void read(const NodeKey& key, OnAnswer on_answer) override;
    void replace(const Ownership& next, std::uint64_t expected, OnAnswer on_answer) override;
    void remove(const NodeKey& key, std::uint64_t expected, OnAnswer on_answer) override;
    void watch(TruthWatcher& watcher) override;
    /// The connection is there again: everything is told anew.
    void resync();

   private:
    friend class SimStore;
    void call(std::function<StoreAnswer()> work, OnAnswer on_answer);
    SimStore& store_;
    TruthWatcher* watcher_ = nullptr;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  };

  const Ownership* find(const NodeKey& key) const;
  void revive();
  std::uint64_t changes() const { return changes_; }

 private:
  StoreAnswer swap(const NodeKey& key, std::uint64_t expected, const Ownership* next);
  void tell(Client& client, std::function<void(TruthWatcher&)> what);

  World& world_;
  std::map<NodeKey, Ownership> records_;
  std::set<Client*> clients_;
  std::uint64_t revision_ = 1, changes_ = 0;
};

/// A border router with a copy of the truth, as the daemon.
class ManagedRouter : public BorderRouter, private TruthWatcher {
 public:
  ManagedRouter(World& world, std::string name, SiteId self, SimStore& store, DirectoryTuning tuning = {});

  /// Connects to the store; after the configuration of its sides.
  void start();
  void kill();
  bool is_running() const { return client_ != nullptr; }
  SimStore::Client& client() { return *client_; }
  SiteDirectory& directory() { return *directory_; }
  /// As its control socket: never answered when it dies first.
  void request(const MoveRequest& request, MoveController::OnAnswer on_answer);
  void on_time() override;
  TimePoint next_deadline() const override;
  int count(DirectoryEventKind kind) const { return counts_[static_cast<std::size_t>(kind)]; }

  /// A guest that attached to one of its links lately and has not sent: its neighbour advertisement.
  std::function<bool(NodeId)> answers_neighbour_discovery;

 private:
  void on_resync_started() override { directory_->resync_started(); }
  void on_record(const Ownership& record) override;
  void on_gone(const NodeKey& key, std::uint64_t epoch) override;
  void on_resync_finished() override;
  void on_reachable(bool, const std::string&) override {}
  void on_event(const SiteEvent& event) override;
  void carry_out();
  void look_for(NodeKey key);

  SiteId self_;
  SimStore& store_;
  DirectoryTuning tuning_;
  std::unique_ptr<SiteDirectory> directory_;
  std::unique_ptr<SimStore::Client> client_;
  std::unique_ptr<MoveController> controller_;
  DirectoryActions out_;
  std::array<int, 8> counts_{};
};

}  // namespace ilnp::sim
