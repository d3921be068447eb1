// SPDX-License-Identifier: Apache-2.0
// A program around one store, for tests: truth_client OPTIONS.json, then one JSON object a line on stdin and stdout.
//
//   {"do":"replace","key":"nid/...","record":{...},"expected":0,"id":7}   -> {"id":7,"outcome":"done","epoch":5}
//   read, remove (with "key"), status, records, accept
// What the watcher is told comes as {"event":...}; records one by one only with "verbose" in the options.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "io/truth/open_store.h"
#include "io/truth/record_json.h"

using namespace ilnp;
using nlohmann::json;

namespace {

void say(const json& line) { std::cout << line.dump() << std::endl; }

const char* name_of(StoreOutcome outcome) {
  constexpr const char* names[] = {"done", "conflict", "unreachable", "refused"};
  return names[static_cast<int>(outcome)];
}

TruthOptions options_from(const json& from) {
  TruthOptions options;
  options.store = from.at("store") == "etcd" ? StoreKind::etcd : StoreKind::file;
  options.path = from.at("path").get<std::string>();
  SiteId site = 1;
  for (const std::string name : {"dc1", "dc2"})
    if (!options.sites.add(site++, name)) throw std::runtime_error{"sites"};
  EtcdOptions& etcd = options.etcd;
  etcd.endpoints = from.value("endpoints", std::vector<std::string>{});
  etcd.tls.ca = from.value("ca", "");
  etcd.tls.certificate = from.value("certificate", "");
  etcd.tls.key = from.value("key", "");
  etcd.allow_plain = from.value("allow_plain", false);
  etcd.timeout = milliseconds{from.value("timeout_ms", 2000)};
  return options;
}

class Client final : public TruthWatcher {
 public:
  Client(Loop& loop, OperatedStore& store, SiteNames sites, bool verbose)
      : loop_{loop}, store_{store}, sites_{std::move(sites)}, verbose_{verbose}, stdin_{loop, 0, [this] {
                                                                                          return take();
                                                                                        }} {
    store_.watch(*this);
  }

  void on_resync_started() override {
    named_.clear();
    say({{"event", "resync_started"}});
  }
  void on_record(const Ownership& record) override {
    const std::string key = record_key(record.key);
    records_[key] = named_[key] = record.epoch;
    if (verbose_)
      say({{"event", "record"}, {"key", key}, {"epoch", record.epoch}, {"at", sites_.name_of(record.at.site)}});
    note_pause();
  }
  void on_gone(const NodeKey& key, std::uint64_t epoch) override {
    records_.erase(record_key(key));
    if (verbose_) say({{"event", "gone"}, {"key", record_key(key)}, {"epoch", epoch}});
  }
  void on_resync_finished() override {
    records_ = std::move(named_);
    named_.clear();
    say({{"event", "resync_finished"}, {"records", records_.size()}, {"longest_turn_ms", longest_turn_ms_}});
  }
  void on_reachable(bool reachable, const std::string& why) override {
    say({{"event", "reachable"}, {"reachable", reachable}, {"why", why}});
  }

 private:
  /// How long the loop was busy at a stretch while records came: a callback that is posted runs in the next turn.
  void note_pause() {
    if (turn_noted_) return;
    turn_noted_ = true;
    const TimePoint begin = loop_.now();
    loop_.post([this, begin] {
      turn_noted_ = false;
      longest_turn_ms_ = std::max(longest_turn_ms_, static_cast<double>((loop_.now() - begin).count()) / 1e6);
    });
  }

  bool take() {
    char piece[65536];
    const ssize_t got = ::read(0, piece, sizeof piece);
    if (got <= 0) {
      loop_.stop();
      return false;
    }
    input_.append(piece, static_cast<std::size_t>(got));
    for (std::size_t end; (end = input_.find('\n')) != input_.npos; input_.erase(0, end + 1))
      obey(json::parse(input_.substr(0, end)));
    return false;
  }

  void obey(const json& line) {
    const std::string what = line.at("do");
    const json id = line.value("id", json{});
    const auto answered = [id](const StoreAnswer& answer) {
      json out{{"id", id}, {"outcome", name_of(answer.outcome)}, {"why", answer.why}};
      if (answer.record) out["epoch"] = answer.record->epoch;
      say(out);
    };
    const std::string key = line.value("key", "");
    const std::uint64_t expected = line.value("expected", 0u);
    if (what == "replace") {
      const auto record = parse_record(key, line.at("record").dump(), sites_);
      if (!record) throw std::runtime_error{explain(record.error())};
      store_.replace(record.value(), expected, answered);
    } else if (what == "read") {
      store_.read(parse_record_key(key).value(), answered);
    } else if (what == "remove") {
      store_.remove(parse_record_key(key).value(), expected, answered);
    } else if (what == "accept") {
      store_.accept_store();
    } else if (what == "records") {
      say({{"id", id}, {"records", records_}});
    } else {
      const StoreStatus s = store_.status();
      json counters;
      const auto names = store_counter_names();
      for (std::size_t n = 0; n < names.size(); ++n) counters[names[n].name] = store_.counters().values()[n];
      say({{"id", id},
           {"state", ilnp::name_of(s.state)},
           {"why", s.why},
           {"cluster", std::to_string(s.cluster)},
           {"revision", s.revision},
           {"last_bad_record", s.last_bad_record},
           {"copy_problem", s.copy_problem},
           {"endpoint", s.endpoint},
           {"counters", counters}});
    }
  }

  Loop& loop_;
  OperatedStore& store_;
  SiteNames sites_;
  bool verbose_;
  std::map<std::string, std::uint64_t> records_, named_;
  bool turn_noted_ = false;
  double longest_turn_ms_ = 0;
  std::string input_;
  Watch stdin_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const json from = json::parse(std::ifstream{argv[1]});
  const TruthOptions options = options_from(from);
  Loop loop;
  auto store = open_truth_store(loop, options);
  if (!store) {
    say({{"event", "failed"}, {"why", store.error().message}});
    return 1;
  }
  fcntl(0, F_SETFL, O_NONBLOCK);
  const Client client{loop, *store.value(), options.sites, from.value("verbose", false)};
  loop.run();
}
