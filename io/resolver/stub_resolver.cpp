// SPDX-License-Identifier: Apache-2.0
// Theory of operation. Every client question that is not answered at once becomes a Transaction. It owns a StubForward
// (the question on its way upstream) and, for A and AAAA, watches a look-up of the resolver. Each event, upstream's
// answer, the look-up's phase or end, the hold timer, calls evaluate(), which replies as soon as the rules of
// stub_resolver.h allow, and once. Transactions live in a map; replying removes them.
#include "io/resolver/stub_resolver.h"

#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <unordered_map>
#include <utility>

#include "core/records/answers.h"
#include "io/resolver/core_time.h"
#include "io/resolver/stub_forward.h"
#include "io/resolver/stub_sockets.h"

namespace ilnp {
namespace {

constexpr std::size_t most_identity_addresses = 8;  // fits 512 octets with the longest name
constexpr seconds ptr_ttl{60};

bool has_prefix(const Address& address, const Address& prefix, unsigned length) {
  const auto a = address.octets();
  const auto b = prefix.octets();
  for (unsigned bit = 0; bit < length && bit < 128; ++bit) {
    const unsigned mask = 0x80u >> bit % 8;
    if ((a[bit / 8] & mask) != (b[bit / 8] & mask)) return false;
  }
  return true;
}

/// Upstream knows addresses of the type that was asked for.
bool holds_addresses(Bytes answer, std::uint16_t type) {
  const auto message = DnsMessage::parse(answer, 6000);
  if (!message) return false;
  const auto& records = message.value().records();
  return std::any_of(records.begin(), records.end(), [&](const DnsRecord& record) {
    return record.section == DnsSection::answer && record.type == type;
  });
}

}  // namespace

class StubResolver::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& io, StubSettings settings, IlnpResolver& resolver, StubHooks hooks)
      : io_{io}, settings_{std::move(settings)}, resolver_{resolver}, hooks_{std::move(hooks)} {}

  Result<void> open();
  void close() {
    sockets_.reset();
    transactions_.clear();
  }
  void network_changed();

  std::unique_ptr<StubSockets> sockets_;
  Upstreams upstreams_;
  StubCounters counters_;

 private:
  class Transaction;
  void on_query(Bytes query, ClientTransport transport, const Reply& reply);
  bool answer_here(const DnsMessage& query, const Reply& reply);
  void read_upstreams();
  void refresh_upstreams();

  boost::asio::io_context& io_;
  StubSettings settings_;
  IlnpResolver& resolver_;
  StubHooks hooks_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Transaction>> transactions_;
  std::uint64_t last_transaction_ = 0;
  TimePoint last_look_{};
  timespec resolv_conf_changed_{};
};

class StubResolver::Impl::Transaction : public std::enable_shared_from_this<Transaction> {
 public:
  Transaction(Impl& stub, std::uint64_t number, Bytes query, Reply reply)
      : stub_{stub}, number_{number}, query_{query.begin(), query.end()}, reply_{std::move(reply)}, hold_{stub.io_} {}

  void start(const DnsQuestion& question, ClientTransport transport);

 private:
  void on_phase(Resolution::Phase phase);
  void evaluate();
  bool answer_ilnp();
  void send_plain();
  std::optional<Duration> most_hold() const;
  void hold_until(TimePoint when);
  void finish(Bytes reply);
  DnsMessage query() const { return DnsMessage::parse(query_).value(); }  // parsed before

  Impl& stub_;
  std::uint64_t number_;
  ByteVector query_;
  Reply reply_;
  boost::asio::steady_timer hold_;
  TimePoint began_{};
  DnsQuestion question_;
  std::shared_ptr<StubForward> forward_;
  bool wants_ilnp_ = false;  ///< the look-up may still make this an ILNP answer
  Resolution::Phase phase_ = Resolution::Phase::undecided;
  std::optional<ResolvedName> resolved_;
  bool upstream_done_ = false;
  TimePoint upstream_at_{};
  std::optional<ByteVector> upstream_;
  bool upstream_has_addresses_ = false;
  bool held_ = false;
};

void StubResolver::Impl::Transaction::start(const DnsQuestion& question, ClientTransport transport) {
  question_ = question;
  began_ = monotonic_now();
  const auto weak = weak_from_this();
  const bool address = question.type == dns::type_a || question.type == dns::type_aaaa;
  if (address && question.klass == dns::class_in && !stub_.upstreams_.servers.empty()) {
    wants_ilnp_ = true;
    stub_.resolver_.lookup(
        question.name,
        [weak](const Result<ResolvedName>& found) {
          const auto self = weak.lock();
          if (!self) return;
          found ? void(self->resolved_ = found.value()) : void(self->wants_ilnp_ = false);
          self->evaluate();
        },
        [weak](Resolution::Phase phase) {
          if (const auto self = weak.lock()) self->on_phase(phase);
        });
  }
  forward_ = std::make_shared<StubForward>(stub_.io_, stub_.settings_, stub_.upstreams_, stub_.counters_);
  forward_->start(query_, question, transport == ClientTransport::tcp ? Asking::Transport::tcp : Asking::Transport::udp,
                  [weak](std::optional<ByteVector> answer) {
                    const auto self = weak.lock();
                    if (!self) return;
                    self->upstream_done_ = true;
                    self->upstream_at_ = monotonic_now();
                    self->upstream_has_addresses_ = answer && holds_addresses(*answer, self->question_.type);
                    self->upstream_ = std::move(answer);
                    self->evaluate();
                  });
}

void StubResolver::Impl::Transaction::on_phase(Resolution::Phase phase) {
  phase_ = phase;
  // A bogus name needs the result itself when plain addresses are not to be given out.
  if (phase == Resolution::Phase::not_ilnp && !stub_.settings_.ilnp_required) wants_ilnp_ = false;
  evaluate();
}

void StubResolver::Impl::Transaction::evaluate() {
  if (!reply_) return;
  if (wants_ilnp_ && resolved_) {
    if (resolved_->is_ilnp() && answer_ilnp()) return;
    wants_ilnp_ = false;
    if (resolved_->why == WhyNotIlnp::bogus && stub_.settings_.ilnp_required) {
      ++stub_.counters_.servfail;
      return finish(make_empty_answer(query(), dns::servfail));
    }
  }
  if (!upstream_done_) return;
  if (!wants_ilnp_) return send_plain();
  const auto most = most_hold();
  const TimePoint limit = most ? upstream_at_ + *most : began_ + stub_.settings_.total_timeout;
  if (monotonic_now() < limit) return hold_until(limit);
  ++stub_.counters_.hold_expired;
  send_plain();
}

/// How long upstream's answer may wait; nothing: as long as a query may last, since there is no address to give out.
std::optional<Duration> StubResolver::Impl::Transaction::most_hold() const {
  if (!upstream_has_addresses_ && phase_ != Resolution::Phase::undecided) return std::nullopt;
  if (phase_ != Resolution::Phase::chain_wanted) return stub_.settings_.hold;
  const Duration one_more_round = (upstream_at_ - began_) * 2;
  return std::max(stub_.settings_.hold, std::min(stub_.settings_.longest_chain_hold, one_more_round));
}

void StubResolver::Impl::Transaction::hold_until(TimePoint when) {
  if (!std::exchange(held_, true)) ++stub_.counters_.held;
  if (hold_.expiry() == to_steady(when)) return;
  hold_.expires_at(to_steady(when));
  hold_.async_wait([weak = weak_from_this()](boost::system::error_code bad) {
    if (const auto self = weak.lock(); self && !bad) self->evaluate();
  });
}

bool StubResolver::Impl::Transaction::answer_ilnp() {
  std::vector<Address> addresses;
  if (stub_.hooks_.on_ilnp_name) addresses = stub_.hooks_.on_ilnp_name(*resolved_);
  if (addresses.empty()) return false;
  if (addresses.size() > most_identity_addresses) addresses.resize(most_identity_addresses);
  if (question_.type == dns::type_aaaa) {
    ++stub_.counters_.ilnp_answers;
    finish(make_address_answer(query(), addresses, resolved_->ttl));
  } else {
    ++stub_.counters_.a_suppressed;
    finish(make_empty_answer(query(), dns::noerror));
  }
  return true;
}

void StubResolver::Impl::Transaction::send_plain() {
  if (upstream_) {
    ++stub_.counters_.passed_through;
    return finish(*upstream_);
  }
  ++stub_.counters_.servfail;
  finish(make_empty_answer(query(), dns::servfail));
}

void StubResolver::Impl::Transaction::finish(Bytes reply) {
  const auto self = shared_from_this();  // leaving the map must not end us here
  hold_.cancel();
  std::exchange(reply_, {})(reply);
  forward_.reset();
  stub_.transactions_.erase(number_);
}

Result<void> StubResolver::Impl::open() {
  auto sockets = StubSockets::open(io_, settings_.listen, settings_.most_connections, counters_.connection_refusals,
                                   [weak = weak_from_this()](Bytes query, ClientTransport transport, Reply reply) {
                                     if (const auto self = weak.lock()) self->on_query(query, transport, reply);
                                   });
  if (!sockets) return std::move(sockets).error();
  sockets_ = std::move(sockets).value();
  read_upstreams();
  return ok();
}

void StubResolver::Impl::on_query(Bytes octets, ClientTransport transport, const Reply& reply) {
  ++(transport == ClientTransport::udp ? counters_.udp_queries : counters_.tcp_queries);
  const auto query = DnsMessage::parse(octets);
  // What is no query at all gets no answer: answering answers would let two servers talk for ever.
  if (octets.size() < 12 || (load_u16(octets.data() + 2) & dns::flag_response) != 0) {
    ++counters_.malformed_queries;
    return reply({});
  }
  if (!query || !query.value().question()) {
    ++counters_.malformed_queries;
    return reply(make_header_answer(octets, dns::formerr));
  }
  if (query.value().opcode() != 0) return reply(make_empty_answer(query.value(), dns::notimp));
  if (answer_here(query.value(), reply)) return;
  if (transactions_.size() >= settings_.most_queries) {
    ++counters_.overload_drops;
    return reply({});
  }
  refresh_upstreams();
  const std::uint64_t number = ++last_transaction_;
  auto transaction = std::make_shared<Transaction>(*this, number, octets, reply);
  transactions_.emplace(number, transaction);
  transaction->start(*query.value().question(), transport);
}

/// PTR of an identity address that this host knows a name for.
bool StubResolver::Impl::answer_here(const DnsMessage& query, const Reply& reply) {
  const DnsQuestion& question = *query.question();
  if (question.type != dns::type_ptr || question.klass != dns::class_in || !hooks_.name_of) return false;
  const auto address = question.name.reverse_address();
  if (!address) return false;
  const auto& prefixes = settings_.identity_prefixes;
  const bool identity = std::any_of(prefixes.begin(), prefixes.end(),
                                    [&](const auto& p) { return has_prefix(*address, p.first, p.second); });
  if (!identity) return false;
  const auto text = hooks_.name_of(*address);
  const auto name = text ? DnsName::from_text(*text) : std::nullopt;
  if (!name) return false;
  ++counters_.ptr_answers;
  reply(make_ptr_answer(query, *name, ptr_ttl));
  return true;
}

/// The configured servers, or resolv.conf's; never ourselves.
void StubResolver::Impl::read_upstreams() {
  std::vector<NameServer> servers = settings_.upstream;
  if (servers.empty()) {
    if (auto read = read_resolv_conf(settings_.resolv_conf)) servers = std::move(read).value();
  }
  const auto& own = sockets_->listening();
  std::erase_if(servers, [&](const NameServer& s) { return std::find(own.begin(), own.end(), s) != own.end(); });
  if (servers == upstreams_.servers) return;
  upstreams_ = {std::move(servers), 0};
  // Without servers there is nothing to forward to: libunbound would take an empty list for "ask the root servers".
  // A list that it refuses leaves look-ups unanswered, and plain answers pass as they are.
  if (!upstreams_.servers.empty()) (void)resolver_.set_forwarders(upstreams_.servers);
}

void StubResolver::Impl::refresh_upstreams() {
  if (!settings_.upstream.empty() || monotonic_now() - last_look_ < seconds{1}) return;
  last_look_ = monotonic_now();
  struct stat now {};
  if (::stat(settings_.resolv_conf.c_str(), &now) != 0) return;  // what was read last stays
  const bool same =
      now.st_mtim.tv_sec == resolv_conf_changed_.tv_sec && now.st_mtim.tv_nsec == resolv_conf_changed_.tv_nsec;
  resolv_conf_changed_ = now.st_mtim;
  if (!same) read_upstreams();
}

void StubResolver::Impl::network_changed() {
  upstreams_.preferred = 0;
  if (settings_.upstream.empty()) read_upstreams();
}

StubResolver::StubResolver(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
StubResolver::~StubResolver() { impl_->close(); }

Result<std::unique_ptr<StubResolver>> StubResolver::open(boost::asio::io_context& io, StubSettings settings,
                                                         IlnpResolver& resolver, StubHooks hooks) {
  auto impl = std::make_shared<Impl>(io, std::move(settings), resolver, std::move(hooks));
  if (auto opened = impl->open(); !opened) return std::move(opened).error();
  return std::unique_ptr<StubResolver>{new StubResolver{std::move(impl)}};
}

void StubResolver::network_changed() { impl_->network_changed(); }
const std::vector<NameServer>& StubResolver::listening() const { return impl_->sockets_->listening(); }
const std::vector<NameServer>& StubResolver::upstream() const { return impl_->upstreams_.servers; }
const StubCounters& StubResolver::counters() const { return impl_->counters_; }

}  // namespace ilnp
