// SPDX-License-Identifier: Apache-2.0
// One Exchange per message: up to `tries` times over UDP with the same octets, then over TCP; a truncated UDP reply
// goes to TCP at once. A reply that is malformed, for another message, or whose signature does not verify is not an
// answer: the exchange goes on waiting, so that a forger cannot end it. What such replies said is told only if nothing
// better came.
#include "io/resolver/update_client.h"

#include <openssl/rand.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <utility>

#include "io/resolver/asking.h"
#include "io/resolver/core_time.h"

namespace ilnp {
namespace {

constexpr std::size_t most_udp_octets = 1232;

std::uint16_t random_id() {
  std::array<std::uint8_t, 2> octets{};
  RAND_bytes(octets.data(), octets.size());
  return load_u16(octets.data());
}

std::int64_t unix_now() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

/// The zone's name in an answer to a SOA question: in the answer, or in the authority section of a negative one.
std::optional<DnsName> zone_in(const DnsMessage& message, const DnsName& name) {
  for (const DnsRecord& record : message.records()) {
    if (record.section == DnsSection::additional || record.type != dns::type_soa) continue;
    auto owner = message.owner(record);
    if (name.is_within(owner)) return owner;
  }
  return std::nullopt;
}

}  // namespace

class UpdateClient::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& io, UpdateClientSettings settings) : io_{io}, settings_{std::move(settings)} {}

  enum class Meaning : std::uint8_t { taken, ignored, hearsay };
  using OnReply = std::function<Meaning(const DnsMessage&)>;
  using OnEnd = std::function<void(const std::string& why)>;  ///< no reply that was taken
  void exchange(ByteVector message, OnReply on_reply, OnEnd on_end);
  void send(const UpdatePlan& plan, OnOutcome on_outcome);
  void find_zone(const DnsName& name, OnZone on_zone);
  void close() { exchanges_.clear(); }

  seconds clock_offset_{};

 private:
  class Exchange;
  UpdateOutcome judge(const DnsMessage& reply, Bytes request_mac);

  boost::asio::io_context& io_;
  UpdateClientSettings settings_;
  std::map<std::uint64_t, std::shared_ptr<Exchange>> exchanges_;
  std::uint64_t last_exchange_ = 0;
};

class UpdateClient::Impl::Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(Impl& client, std::uint64_t number, ByteVector message, OnReply on_reply, OnEnd on_end)
      : client_{client},
        number_{number},
        message_{std::move(message)},
        on_reply_{std::move(on_reply)},
        on_end_{std::move(on_end)},
        timer_{client.io_} {}

  void start() { message_.size() > most_udp_octets ? ask_by_tcp() : ask_by_udp(); }

 private:
  void ask_by_udp() {
    const auto weak = weak_from_this();
    udp_ = std::make_unique<Asking>(client_.io_, client_.settings_.server, Asking::Transport::udp, message_,
                                    received(Asking::Transport::udp), [weak](const std::string& why) {
                                      const auto self = weak.lock();
                                      if (!self) return;
                                      self->why_ = why;
                                      self->ask_by_tcp();
                                    });
    tries_ = 1;
    arm(client_.settings_.try_timeout);
  }

  void ask_by_tcp() {
    if (tcp_) return;
    const auto weak = weak_from_this();
    tcp_ = std::make_unique<Asking>(client_.io_, client_.settings_.server, Asking::Transport::tcp, message_,
                                    received(Asking::Transport::tcp), [weak](const std::string& why) {
                                      if (const auto self = weak.lock()) self->end(why);
                                    });
    arm(client_.settings_.tcp_timeout);
  }

  Asking::OnMessage received(Asking::Transport by) {
    return [weak = weak_from_this(), by](Bytes octets) {
      const auto self = weak.lock();
      return !self || self->take(octets, by);
    };
  }

  bool take(Bytes octets, Asking::Transport by) {
    const auto reply = DnsMessage::parse(octets);
    if (!reply) {
      why_ = std::string{"malformed reply: "} + to_string(reply.error());
      return false;
    }
    const DnsMessage& message = reply.value();
    const std::uint16_t id = load_u16(message_.data());
    const std::uint16_t opcode = load_u16(message_.data() + 2) & dns::mask_opcode;
    if (!message.is_response() || message.id() != id || message.opcode() != opcode) return false;
    if (message.is_truncated() && !tcp_) {
      ask_by_tcp();
      return true;
    }
    if (!on_reply_) return false;
    switch (on_reply_(message)) {
      case Meaning::ignored:
        return false;
      case Meaning::taken:
        over();
        return true;
      case Meaning::hearsay:
        by == Asking::Transport::tcp ? end("nothing that proves itself") : ask_by_tcp();
    }
    return by == Asking::Transport::tcp;  // UDP goes on listening: the true reply may still come
  }

  void arm(Duration wait) {
    timer_.expires_after(wait);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code bad) {
      if (const auto self = weak.lock(); self && !bad) self->on_timer();
    });
  }

  void on_timer() {
    if (tcp_) return end(why_.empty() ? "no answer in time" : why_);
    if (tries_ >= client_.settings_.tries) return ask_by_tcp();
    ++tries_;
    udp_->send_again();
    arm(client_.settings_.try_timeout);
  }

  void end(const std::string& why) {
    const OnEnd on_end = std::exchange(on_end_, {});
    over();
    if (on_end) on_end(why);
  }

  void over() {
    const auto self = shared_from_this();
    timer_.cancel();
    on_reply_ = {};
    on_end_ = {};
    udp_.reset();
    tcp_.reset();
    client_.exchanges_.erase(number_);
  }

  Impl& client_;
  std::uint64_t number_;
  ByteVector message_;
  OnReply on_reply_;
  OnEnd on_end_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<Asking> udp_, tcp_;
  unsigned tries_ = 0;
  std::string why_;
};

void UpdateClient::Impl::exchange(ByteVector message, OnReply on_reply, OnEnd on_end) {
  const std::uint64_t number = ++last_exchange_;
  auto exchange = std::make_shared<Exchange>(*this, number, std::move(message), std::move(on_reply), std::move(on_end));
  exchanges_.emplace(number, exchange);
  exchange->start();
}

/// What a reply to a signed update says. Everything but `answered`, BADTIME included, may come from anybody.
UpdateOutcome UpdateClient::Impl::judge(const DnsMessage& reply, Bytes request_mac) {
  UpdateOutcome outcome;
  outcome.rcode = reply.rcode();
  outcome.detail = rcode_text(outcome.rcode);
  outcome.kind = UpdateOutcome::Kind::answered;
  if (!settings_.key) return outcome;
  const std::int64_t now = unix_now() + clock_offset_.count();
  const TsigCheck check = verify_reply(reply, *settings_.key, request_mac, static_cast<std::uint64_t>(now));
  if (check.verdict == TsigVerdict::good) return outcome;
  outcome.detail = to_string(check.verdict);
  switch (check.verdict) {
    case TsigVerdict::error_badkey:
      outcome.kind = UpdateOutcome::Kind::bad_key;
      break;
    case TsigVerdict::error_badsig:
    case TsigVerdict::bad_mac:
      outcome.kind = UpdateOutcome::Kind::bad_signature;
      break;
    case TsigVerdict::error_badtime:
      outcome.kind = UpdateOutcome::Kind::bad_time;
      outcome.clock_offset = seconds{static_cast<std::int64_t>(check.server_time) - unix_now()};
      break;
    default:
      outcome.kind = UpdateOutcome::Kind::unsigned_refusal;
      outcome.detail = rcode_text(outcome.rcode) + " (" + to_string(check.verdict) + ")";
  }
  return outcome;
}

void UpdateClient::Impl::send(const UpdatePlan& plan, OnOutcome on_outcome) {
  ByteVector message = encode_update(random_id(), plan);
  ByteVector mac;
  if (settings_.key)
    mac = sign(message, *settings_.key, static_cast<std::uint64_t>(unix_now() + clock_offset_.count()));
  struct Hearsay {
    std::optional<UpdateOutcome> best;  ///< of replies that nothing proves
  };
  const auto hearsay = std::make_shared<Hearsay>();
  exchange(
      std::move(message),
      [this, mac, hearsay, on_outcome](const DnsMessage& reply) {
        const UpdateOutcome outcome = judge(reply, mac);
        const bool proven =
            outcome.kind == UpdateOutcome::Kind::answered || outcome.kind == UpdateOutcome::Kind::bad_time;
        if (!proven) {
          hearsay->best = outcome;
          return Meaning::hearsay;
        }
        if (outcome.kind == UpdateOutcome::Kind::bad_time) clock_offset_ = outcome.clock_offset;
        on_outcome(outcome);
        return Meaning::taken;
      },
      [hearsay, on_outcome](const std::string& why) {
        if (hearsay->best) return on_outcome(*hearsay->best);
        UpdateOutcome outcome;
        outcome.detail = why;
        on_outcome(outcome);
      });
}

void UpdateClient::Impl::find_zone(const DnsName& name, OnZone on_zone) {
  const DnsQuestion question{name, dns::type_soa, dns::class_in};
  exchange(
      make_query(random_id(), question, false),
      [question, on_zone](const DnsMessage& reply) {
        if (reply.question() != question) return Meaning::ignored;
        if (auto zone = zone_in(reply, question.name)) {
          on_zone(std::move(*zone));
        } else {
          on_zone(
              error("the server knows no zone for " + question.name.text() + " (" + rcode_text(reply.rcode()) + ")"));
        }
        return Meaning::taken;
      },
      [on_zone, server = to_string(settings_.server)](const std::string& why) { on_zone(error(server + ": " + why)); });
}

UpdateClient::UpdateClient(boost::asio::io_context& io, UpdateClientSettings settings)
    : impl_{std::make_shared<Impl>(io, std::move(settings))} {}
UpdateClient::~UpdateClient() { impl_->close(); }

void UpdateClient::send(const UpdatePlan& plan, OnOutcome on_outcome) { impl_->send(plan, std::move(on_outcome)); }
void UpdateClient::find_zone(const DnsName& name, OnZone on_zone) { impl_->find_zone(name, std::move(on_zone)); }
seconds UpdateClient::clock_offset() const { return impl_->clock_offset_; }

}  // namespace ilnp
