// SPDX-License-Identifier: Apache-2.0
#include "io/resolver/stub_forward.h"

#include <openssl/rand.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "io/resolver/core_time.h"

namespace ilnp {
namespace {

constexpr std::size_t most_tries = 8;
constexpr std::size_t records_in_64_kib = 6000;

std::uint16_t random_id() {
  std::array<std::uint8_t, 2> octets{};
  RAND_bytes(octets.data(), octets.size());
  return load_u16(octets.data());
}

}  // namespace

StubForward::StubForward(boost::asio::io_context& io, const StubSettings& settings, Upstreams& upstreams,
                         StubCounters& counters)
    : io_{io}, settings_{settings}, upstreams_{upstreams}, counters_{counters}, timer_{io} {}

void StubForward::start(Bytes query, const DnsQuestion& question, Asking::Transport transport, OnAnswer on_answer) {
  query_.assign(query.begin(), query.end());
  question_ = question;
  transport_ = transport;
  on_answer_ = std::move(on_answer);
  end_ = monotonic_now() + settings_.total_timeout;
  servers_ = upstreams_.servers;
  first_ = servers_.empty() ? 0 : upstreams_.preferred % servers_.size();
  std::rotate(servers_.begin(), servers_.begin() + static_cast<std::ptrdiff_t>(first_), servers_.end());
  if (servers_.empty()) {
    timer_.expires_after(Duration{0});
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code bad) {
      if (const auto self = weak.lock(); self && !bad) self->finish(std::nullopt);
    });
    return;
  }
  try_next();
}

void StubForward::try_next() {
  const std::size_t server = started_++ % servers_.size();
  const std::uint16_t id = random_id();
  ByteVector message = query_;
  store_u16(message.data(), id);
  tries_.push_back(std::make_unique<Asking>(
      io_, servers_[server], transport_, std::move(message),
      [this, id, server](Bytes answer) { return take(answer, id, server); },
      [this](const std::string&) { server_failed(); }));
  arm();
}

void StubForward::arm() {
  timer_.expires_at(to_steady(std::min(end_, monotonic_now() + settings_.try_timeout)));
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code bad) {
    if (const auto self = weak.lock(); self && !bad) self->try_is_over();
  });
}

void StubForward::try_is_over() {
  if (!on_answer_) return;
  ++counters_.upstream_timeouts;
  if (monotonic_now() >= end_) return finish(std::move(complaint_));
  started_ < most_tries ? try_next() : arm();
}

bool StubForward::take(Bytes answer, std::uint16_t id, std::size_t server) {
  const auto message = DnsMessage::parse(answer, records_in_64_kib);
  if (!message) {
    ++counters_.malformed_answers;
    return false;
  }
  if (!answers(message.value(), id, question_)) {
    ++counters_.mismatched_answers;
    return false;
  }
  ByteVector octets{answer.begin(), answer.end()};
  store_u16(octets.data(), load_u16(query_.data()));
  const unsigned rcode = message.value().rcode();
  if (rcode == dns::servfail || rcode == dns::refused || rcode == dns::notimp) {
    complaint_ = std::move(octets);
    server_failed();
    return true;
  }
  upstreams_.preferred = (first_ + server) % servers_.size();
  finish(std::move(octets));
  return true;
}

/// A server said no or can't be reached: the next one at once, each server once; then there is nobody left.
void StubForward::server_failed() {
  ++failed_;
  if (failed_ >= std::max(started_, servers_.size())) return finish(std::move(complaint_));
  if (started_ < servers_.size()) try_next();
}

void StubForward::finish(std::optional<ByteVector> answer) {
  timer_.cancel();
  if (on_answer_) std::exchange(on_answer_, {})(std::move(answer));
}

}  // namespace ilnp
