// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/truth.h"

namespace ilnp::sim {

const Ownership* SimStore::find(const NodeKey& key) const {
  const auto found = records_.find(key);
  return found == records_.end() ? nullptr : &found->second;
}

StoreAnswer SimStore::swap(const NodeKey& key, std::uint64_t expected, const Ownership* next) {
  const Ownership* current = find(key);
  if ((current == nullptr ? 0 : current->epoch) != expected) return {StoreOutcome::conflict, {}, "changed meanwhile"};
  ++revision_, ++changes_;
  StoreAnswer answer{StoreOutcome::done, {}, {}};
  if (next != nullptr) {
    Ownership stored = *next;
    stored.epoch = revision_;
    records_[key] = stored;
    answer.record = stored;
    for (Client* client : clients_) tell(*client, [stored](TruthWatcher& w) { w.on_record(stored); });
  } else {
    records_.erase(key);
    for (Client* client : clients_) tell(*client, [key, epoch = revision_](TruthWatcher& w) { w.on_gone(key, epoch); });
  }
  return answer;
}

void SimStore::tell(Client& client, std::function<void(TruthWatcher&)> what) {
  if (client.watcher_ == nullptr || client.cut_off) return;
  world_.after(delay, [alive = std::weak_ptr{client.alive_}, &client, what = std::move(what)] {
    if (!alive.expired() && !client.cut_off) what(*client.watcher_);
  });
}

void SimStore::revive() {
  is_dead = false;
  for (Client* client : clients_) client->resync();
}

void SimStore::Client::call(std::function<StoreAnswer()> work, OnAnswer on_answer) {
  // A client waits for two seconds at most.
  auto answer = [alive = std::weak_ptr{alive_}, on_answer = std::move(on_answer)](const StoreAnswer& a) {
    if (!alive.expired()) on_answer(a);
  };
  World& world = store_.world_;
  world.after(store_.delay, [&store = store_, &world, &self = *this, alive = std::weak_ptr{alive_},
                             work = std::move(work), answer = std::move(answer)] {
    const bool reached = !store.is_dead && !alive.expired() && !self.cut_off;
    const StoreAnswer result = reached ? work() : StoreAnswer{};
    const bool told = reached && (store.lose_answers == 0 || store.lose_answers-- == 0);
    if (told) return world.after(store.delay, [answer, result] { answer(result); });
    world.after(seconds{2}, [answer] { answer({StoreOutcome::unreachable, {}, "no answer"}); });
  });
}

void SimStore::Client::read(const NodeKey& key, OnAnswer on_answer) {
  call(
      [this, key] {
        const Ownership* record = store_.find(key);
        return StoreAnswer{StoreOutcome::done, record == nullptr ? std::nullopt : std::optional{*record}, {}};
      },
      std::move(on_answer));
}

void SimStore::Client::replace(const Ownership& next, std::uint64_t expected, OnAnswer on_answer) {
  call([this, next, expected] { return store_.swap(next.key, expected, &next); }, std::move(on_answer));
}

void SimStore::Client::remove(const NodeKey& key, std::uint64_t expected, OnAnswer on_answer) {
  call([this, key, expected] { return store_.swap(key, expected, nullptr); }, std::move(on_answer));
}

void SimStore::Client::watch(TruthWatcher& watcher) {
  watcher_ = &watcher;
  resync();
}

void SimStore::Client::resync() {
  if (store_.is_dead || watcher_ == nullptr) return;
  store_.tell(*this, [records = store_.records_](TruthWatcher& w) {
    w.on_resync_started();
    for (const auto& [key, record] : records) w.on_record(record);
    w.on_resync_finished();
    w.on_reachable(true, {});
  });
}

ManagedRouter::ManagedRouter(World& world, std::string name, SiteId self, SimStore& store, DirectoryTuning tuning)
    : BorderRouter{world, std::move(name)}, self_{self}, store_{store}, tuning_{tuning} {}

void ManagedRouter::start() {
  forget();
  is_dead = false;
  directory_ = std::make_unique<SiteDirectory>(self_, tuning_, rewriter());
  client_ = std::make_unique<SimStore::Client>(store_);
  controller_ = std::make_unique<MoveController>(*client_);
  client_->watch(*this);
}

void ManagedRouter::kill() {
  is_dead = true;
  controller_.reset();
  client_.reset();
  directory_.reset();
  forget();
}

void ManagedRouter::request(const MoveRequest& request, MoveController::OnAnswer on_answer) {
  if (controller_) controller_->request(request, std::move(on_answer));
}

void ManagedRouter::on_record(const Ownership& record) {
  directory_->apply(world().now(), record, out_);
  carry_out();
}

void ManagedRouter::on_gone(const NodeKey& key, std::uint64_t epoch) {
  directory_->gone(world().now(), key, epoch, out_);
  carry_out();
}

void ManagedRouter::on_resync_finished() {
  directory_->resync_finished(world().now(), out_);
  carry_out();
}

void ManagedRouter::on_event(const SiteEvent& event) {
  if (!directory_) return;
  directory_->on_event(world().now(), event, out_);
  carry_out();
}

void ManagedRouter::carry_out() {
  DirectoryActions now = std::exchange(out_, {});
  for (const DirectoryEvent& event : now.events) {
    ++counts_[static_cast<std::size_t>(event.kind)];
    if (event.kind == DirectoryEventKind::arriving || event.kind == DirectoryEventKind::expected)
      look_for(event.record.key);
  }
  for (const MoveRequest& wanted : now.requests) request(wanted, [](const MoveAnswer&) {});
  perform(now.site);
}

/// Neighbour solicitations until it answers.
void ManagedRouter::look_for(NodeKey key) {
  world().after(milliseconds{50}, [this, key] {
    if (!directory_) return;
    NidEntry* entry = rewriter().nids().find_owner(key.nid);
    if (entry == nullptr || (entry->presence != Presence::arriving && !entry->is_expected)) return;
    if (answers_neighbour_discovery && answers_neighbour_discovery(key.nid)) return hears(key.nid);
    look_for(key);
  });
}

void ManagedRouter::on_time() {
  BorderRouter::on_time();
  if (!directory_) return;
  directory_->on_time(world().now(), out_);
  carry_out();
}

TimePoint ManagedRouter::next_deadline() const {
  return directory_ ? std::min(BorderRouter::next_deadline(), directory_->next_deadline()) : never;
}

}  // namespace ilnp::sim
