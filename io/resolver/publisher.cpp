// SPDX-License-Identifier: Apache-2.0
#include "io/resolver/publisher.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "io/resolver/core_time.h"
#include "io/resolver/update_client.h"

namespace ilnp {

class Publisher::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& io, PublisherSettings settings, std::optional<TsigKey> key, OnEvent on_event)
      : timer_{io},
        settings_{std::move(settings)},
        client_{io, {settings_.server, std::move(key)}},
        on_event_{std::move(on_event)} {
    if (settings_.zone) start(*settings_.zone);
  }

  void set_desired(PublishedState desired) {
    if (machine_) return act(machine_->set_desired(monotonic_now(), std::move(desired)));
    waiting_ = std::move(desired);
    find_zone();
  }

  void network_changed() {
    if (machine_) return act(machine_->network_changed(monotonic_now()));
    failures_ = 0;
    find_zone();
  }

  void close() { timer_.cancel(); }
  PublisherStatus status() const;

 private:
  void start(DnsName zone) {
    std::optional<PublishedState> left_behind;
    if (settings_.site_name) left_behind = PublishedState{{}, {}, {{10, *settings_.site_name}}, {}};
    machine_.emplace(PublicationSettings{std::move(zone), settings_.name, settings_.ttls, settings_.manage_nids,
                                         settings_.take_over, settings_.tuning, std::move(left_behind)});
  }

  void find_zone() {
    if (finding_ || !waiting_) return;
    finding_ = true;
    client_.find_zone(settings_.name, [this](Result<DnsName> zone) {
      finding_ = false;
      if (!zone) return zone_not_found(zone.error().message);
      start(std::move(zone).value());
      act(machine_->set_desired(monotonic_now(), std::move(*std::exchange(waiting_, std::nullopt))));
    });
  }

  void zone_not_found(const std::string& why) {
    zone_problem_ = why;
    if (on_event_) on_event_({PublicationEvent::Kind::retrying, why});
    const auto delay =
        std::min(settings_.tuning.longest_retry, settings_.tuning.first_retry * (1 << std::min(failures_, 10u)));
    ++failures_;
    wake_at(monotonic_now() + delay);
  }

  void act(Publication::Actions actions) {
    if (actions.send) {
      ++sent_;
      sent_at_ = monotonic_now();
      client_.send(*actions.send, [this](const UpdateOutcome& outcome) {
        const bool acknowledged = outcome.kind == UpdateOutcome::Kind::answered && outcome.rcode == dns::noerror;
        if (acknowledged) {
          ++acknowledged_;
          round_trip_ = monotonic_now() - sent_at_;
        }
        act(machine_->on_outcome(monotonic_now(), outcome));
      });
    }
    if (const auto deadline = machine_->next_deadline()) wake_at(*deadline);
    if (!on_event_) return;
    for (const PublicationEvent& event : actions.events) on_event_(event);
  }

  void wake_at(TimePoint when) {
    timer_.expires_at(to_steady(when));
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code bad) {
      const auto self = weak.lock();
      if (!self || bad) return;
      self->machine_ ? self->act(self->machine_->on_time(monotonic_now())) : self->find_zone();
    });
  }

  boost::asio::steady_timer timer_;
  PublisherSettings settings_;
  UpdateClient client_;  ///< its callbacks end with it, so they may name `this`
  OnEvent on_event_;
  std::optional<Publication> machine_;  ///< once the zone is known
  std::optional<PublishedState> waiting_;
  std::string zone_problem_;
  bool finding_ = false;
  unsigned failures_ = 0;
  std::uint64_t sent_ = 0, acknowledged_ = 0;
  TimePoint sent_at_{};
  std::optional<Duration> round_trip_;
};

PublisherStatus Publisher::Impl::status() const {
  PublisherStatus status;
  status.name = settings_.name;
  status.server = settings_.server;
  status.updates_sent = sent_;
  status.updates_acknowledged = acknowledged_;
  status.last_round_trip = round_trip_;
  if (!machine_) {
    status.state = waiting_ ? "finding-zone" : "idle";
    status.desired = waiting_;
    status.last_problem = zone_problem_;
    status.failures_in_a_row = failures_;
    return status;
  }
  status.state = to_string(machine_->state());
  status.settled = machine_->settled();
  status.zone = machine_->settings().zone;
  status.desired = machine_->desired();
  status.acknowledged = machine_->acknowledged();
  status.last_problem = machine_->last_problem();
  status.failures_in_a_row = machine_->failures();
  return status;
}

Publisher::Publisher(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
Publisher::~Publisher() { impl_->close(); }

Result<std::unique_ptr<Publisher>> Publisher::open(boost::asio::io_context& io, PublisherSettings settings,
                                                   OnEvent on_event) {
  std::optional<TsigKey> key;
  if (!settings.key_file.empty()) {
    auto read = read_tsig_key(settings.key_file);
    if (!read) return std::move(read).error();
    key.emplace(std::move(read).value());
  }
  if (settings.zone && !settings.name.is_within(*settings.zone)) {
    return error(settings.name.text() + " is not in the zone " + settings.zone->text());
  }
  auto impl = std::make_shared<Impl>(io, std::move(settings), std::move(key), std::move(on_event));
  return std::unique_ptr<Publisher>{new Publisher{std::move(impl)}};
}

void Publisher::set_desired(PublishedState desired) { impl_->set_desired(std::move(desired)); }
void Publisher::network_changed() { impl_->network_changed(); }
PublisherStatus Publisher::status() const { return impl_->status(); }

}  // namespace ilnp
