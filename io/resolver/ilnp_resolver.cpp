// SPDX-License-Identifier: Apache-2.0
// Theory of operation. One libunbound context in thread mode. Every question handed to it is a Query, owned by
// `queries_` and identified by its number in the callback's argument; results are collected while ub_process() runs and
// worked off after it, so nothing that a callback does (new look-ups, other forwarders) happens inside libunbound.
// Changing forwarders replaces the context, since libunbound fixes them at the first question; look-ups under way
// start again on the new one. The thread is born at the first question, with all signals blocked: after the daemon
// has dropped its privileges, and signals go to the loop.
#include "io/resolver/ilnp_resolver.h"

#include <unbound.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "io/loop/signals_blocked.h"
#include "io/resolver/core_time.h"

namespace ilnp {
namespace {

struct FreeContext {
  void operator()(ub_ctx* context) const { ub_ctx_delete(context); }
};
struct FreeResult {
  void operator()(ub_result* result) const { ub_resolve_free(result); }
};
using Context = std::unique_ptr<ub_ctx, FreeContext>;
using UnboundResult = std::unique_ptr<ub_result, FreeResult>;

/// "address@port", with the scope of a link-local address.
std::string unbound_text(const NameServer& server) {
  return server.address().to_string() + "@" + std::to_string(server.port());
}

}  // namespace

class IlnpResolver::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& io, IlnpResolverSettings settings)
      : io_{io}, settings_{std::move(settings)}, readable_{io} {}
  ~Impl() { close(); }

  Result<void> open();
  void close();
  Result<void> restart();
  void lookup(const DnsName& name, OnResolved on_resolved, OnPhase on_phase);
  void reverse(const Address& address, OnName on_name);

  boost::asio::io_context& io_;
  IlnpResolverSettings settings_;
  IlnpResolverCounters counters_;

 private:
  struct Lookup {
    Lookup(boost::asio::io_context& io, Resolution m) : machine{std::move(m)}, timer{io} {}
    Resolution machine;
    boost::asio::steady_timer timer;
    Resolution::Phase told = Resolution::Phase::undecided;
    std::vector<OnResolved> on_resolved;
    std::vector<OnPhase> on_phase;
  };
  struct Query {
    Impl* owner{};
    std::uintptr_t number{};
    int async_id = 0;
    std::weak_ptr<Lookup> lookup;  ///< empty: a reverse look-up
    unsigned ask{};
    DnsQuestion question;
    OnName on_name;
  };
  struct Ready {
    std::uintptr_t number{};
    int error{};
    UnboundResult result;
  };

  static void on_result(void* query, int error, ub_result* result);
  void wait();
  void work_off();
  bool send(Query query);
  void start(const std::shared_ptr<Lookup>& lookup, const Resolution::Asks& asks);
  void advance(const std::shared_ptr<Lookup>& lookup, const Resolution::Asks& asks);
  void arm(const std::shared_ptr<Lookup>& lookup);
  void deliver(const std::shared_ptr<Lookup>& lookup);
  void answer_reverse(const Query& query, int error, const ub_result* result);
  Result<void> configure(ub_ctx* context) const;

  boost::asio::posix::stream_descriptor readable_;
  Context context_;
  std::uintptr_t last_number_ = 0;
  std::map<std::uintptr_t, std::unique_ptr<Query>> queries_;
  std::vector<Ready> ready_;
  std::map<DnsName, std::shared_ptr<Lookup>> lookups_;
};

Result<void> IlnpResolver::Impl::configure(ub_ctx* context) const {
  const auto set = [&](const char* option, const char* value) {
    return ub_ctx_set_option(context, option, value) == 0;
  };
  ub_ctx_debugout(context, nullptr);  // its complaints come back as errors and answers, not on standard error
  // Answers about private zones and servers on this host are as good as any: we pass on, we don't police.
  bool good =
      set("do-not-query-localhost:", "no") && set("unblock-lan-zones:", "yes") && set("insecure-lan-zones:", "yes");
  good =
      good && set("edns-buffer-size:", "1232") && set("infra-keep-probing:", "yes") && set("qname-minimisation:", "no");
  good = good && set("msg-cache-size:", "1m") && set("rrset-cache-size:", "2m") && set("key-cache-size:", "1m");
  if (!settings_.dnssec) good = good && set("module-config:", "iterator");
  if (!good) return error("libunbound refuses an option that this version should know");
  if (settings_.dnssec && !settings_.trust_anchor_file.empty()) {
    if (const int bad = ub_ctx_add_ta_file(context, settings_.trust_anchor_file.c_str()); bad != 0) {
      return error("trust anchors in " + settings_.trust_anchor_file + ": " + ub_strerror(bad));
    }
  }
  for (const NameServer& server : settings_.forwarders) {
    const std::string text = unbound_text(server);
    if (const int bad = ub_ctx_set_fwd(context, text.c_str()); bad != 0) {
      return error("forwarder " + text + ": " + ub_strerror(bad));
    }
  }
  if (const int bad = ub_ctx_async(context, 1); bad != 0) return error(std::string{"libunbound: "} + ub_strerror(bad));
  // Names that the forwarders may well know. The first of these calls also makes libunbound read the trust anchors.
  for (const char* zone : {"test.", "home.arpa."}) {
    if (const int bad = ub_ctx_zone_remove(context, zone); bad != 0) {
      return error(settings_.dnssec ? "trust anchors in " + settings_.trust_anchor_file + " cannot be used"
                                    : std::string{"libunbound: "} + ub_strerror(bad));
    }
  }
  return ok();
}

Result<void> IlnpResolver::Impl::open() {
  Context context{ub_ctx_create()};
  if (!context) return error("libunbound: no context (out of memory or descriptors)");
  if (auto configured = configure(context.get()); !configured) return configured;
  boost::system::error_code bad;
  readable_.assign(ub_fd(context.get()), bad);
  if (bad) return error("watching libunbound: " + bad.message());
  context_ = std::move(context);
  wait();
  return ok();
}

void IlnpResolver::Impl::close() {
  if (readable_.is_open()) readable_.release();  // the descriptor is libunbound's
  context_.reset();
  queries_.clear();
  ready_.clear();
}

Result<void> IlnpResolver::Impl::restart() {
  auto before = std::exchange(queries_, {});
  close();
  auto opened = open();
  for (auto& [name, lookup] : lookups_) {
    lookup->machine = Resolution{name, settings_.tuning, counters_.decisions};
    lookup->told = Resolution::Phase::undecided;
    start(lookup, lookup->machine.start(monotonic_now()));
  }
  for (auto& [number, query] : before) {
    if (query->on_name) send(std::move(*query));
  }
  return opened;
}

void IlnpResolver::Impl::wait() {
  readable_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       [self = weak_from_this(), context = context_.get()](boost::system::error_code bad) {
                         const auto impl = self.lock();
                         if (bad || !impl || impl->context_.get() != context) return;
                         ub_process(context);
                         impl->wait();
                         impl->work_off();
                       });
}

void IlnpResolver::Impl::on_result(void* query, int error, ub_result* result) {
  const auto* q = static_cast<const Query*>(query);
  q->owner->ready_.push_back({q->number, error, UnboundResult{result}});
}

void IlnpResolver::Impl::work_off() {
  for (Ready& ready : std::exchange(ready_, {})) {
    const auto found = queries_.find(ready.number);
    if (found == queries_.end()) continue;  // of a context that is gone
    const auto query = std::move(found->second);
    queries_.erase(found);
    if (query->on_name) {
      answer_reverse(*query, ready.error, ready.result.get());
      continue;
    }
    const auto lookup = query->lookup.lock();
    if (!lookup) continue;
    DnsAnswer answer;
    if (ready.error == 0 && ready.result && ready.result->answer_packet != nullptr && ready.result->answer_len > 0) {
      answer.status = DnsAnswer::Status::answered;
      answer.message = {static_cast<const std::uint8_t*>(ready.result->answer_packet),
                        static_cast<std::size_t>(ready.result->answer_len)};
    }
    if (ready.result && ready.result->secure != 0) answer.security = DnsSecurity::secure;
    if (ready.result && ready.result->bogus != 0) answer.security = DnsSecurity::bogus;
    advance(lookup, lookup->machine.on_answer(monotonic_now(), query->ask, answer));
  }
}

bool IlnpResolver::Impl::send(Query query) {
  if (!context_) return false;
  ++counters_.queries;
  query.owner = this;
  query.number = ++last_number_;
  auto owned = std::make_unique<Query>(std::move(query));
  const SignalsBlocked blocked;
  const int bad = ub_resolve_async(context_.get(), owned->question.name.text().c_str(), owned->question.type,
                                   owned->question.klass, owned.get(), &Impl::on_result, &owned->async_id);
  if (bad != 0) return false;
  queries_.emplace(owned->number, std::move(owned));
  return true;
}

void IlnpResolver::Impl::lookup(const DnsName& name, OnResolved on_resolved, OnPhase on_phase) {
  const auto known = lookups_.find(name);
  if (known != lookups_.end()) {
    ++counters_.joined;
    known->second->on_resolved.push_back(std::move(on_resolved));
    if (on_phase) {
      boost::asio::post(io_, [on_phase, lookup = known->second] { on_phase(lookup->told); });
      known->second->on_phase.push_back(std::move(on_phase));
    }
    return;
  }
  if (lookups_.size() >= settings_.most_lookups || !context_) {
    ++counters_.overloaded;
    const char* why = context_ ? "too many look-ups at the same time" : "no resolver: libunbound could not be set up";
    boost::asio::post(io_, [on_resolved = std::move(on_resolved), why] { on_resolved(error(why)); });
    return;
  }
  auto lookup = std::make_shared<Lookup>(io_, Resolution{name, settings_.tuning, counters_.decisions});
  lookup->on_resolved.push_back(std::move(on_resolved));
  if (on_phase) lookup->on_phase.push_back(std::move(on_phase));
  lookups_.emplace(name, lookup);
  start(lookup, lookup->machine.start(monotonic_now()));
}

/// Hands questions to libunbound. One that it does not take counts as failed, told from the loop, not from here.
void IlnpResolver::Impl::start(const std::shared_ptr<Lookup>& lookup, const Resolution::Asks& asks) {
  for (const Resolution::Ask& ask : asks) {
    if (send({nullptr, 0, 0, lookup, ask.id, ask.question, {}})) continue;
    boost::asio::post(io_, [self = weak_from_this(), lookup, id = ask.id] {
      if (const auto impl = self.lock()) impl->advance(lookup, lookup->machine.on_answer(monotonic_now(), id, {}));
    });
  }
  arm(lookup);
}

void IlnpResolver::Impl::advance(const std::shared_ptr<Lookup>& lookup, const Resolution::Asks& asks) {
  start(lookup, asks);
  if (lookup->machine.result()) return deliver(lookup);
  if (lookup->told == lookup->machine.phase()) return;
  lookup->told = lookup->machine.phase();
  for (const OnPhase& on_phase : std::vector<OnPhase>{lookup->on_phase}) on_phase(lookup->told);
}

void IlnpResolver::Impl::arm(const std::shared_ptr<Lookup>& lookup) {
  const auto deadline = lookup->machine.next_deadline();
  if (!deadline) {
    lookup->timer.cancel();
    return;
  }
  if (lookup->timer.expiry() == to_steady(*deadline)) return;
  lookup->timer.expires_at(to_steady(*deadline));
  lookup->timer.async_wait([self = weak_from_this(), weak = std::weak_ptr{lookup}](boost::system::error_code bad) {
    const auto impl = self.lock();
    const auto waiting = weak.lock();
    if (bad || !impl || !waiting) return;
    waiting->machine.on_time(monotonic_now());
    impl->advance(waiting, {});
  });
}

void IlnpResolver::Impl::deliver(const std::shared_ptr<Lookup>& lookup) {
  lookup->timer.cancel();
  const ResolvedName result = *lookup->machine.result();
  const auto found = lookups_.find(result.name);
  if (found != lookups_.end() && found->second == lookup) lookups_.erase(found);
  for (const OnResolved& on_resolved : std::exchange(lookup->on_resolved, {})) on_resolved(result);
}

void IlnpResolver::Impl::reverse(const Address& address, OnName on_name) {
  Query query{nullptr, 0, 0, {}, 0, {DnsName::reverse_of(address), dns::type_ptr, dns::class_in}, on_name};
  if (queries_.size() < settings_.most_lookups * 4 && send(std::move(query))) return;
  ++counters_.overloaded;
  boost::asio::post(io_, [on_name = std::move(on_name)] { on_name(error("too many look-ups at the same time")); });
}

void IlnpResolver::Impl::answer_reverse(const Query& query, int error_code, const ub_result* result) {
  const std::string asked = query.question.name.text();
  if (error_code != 0 || result == nullptr || result->answer_packet == nullptr || result->bogus != 0) {
    return query.on_name(error("no answer about " + asked));
  }
  const auto message = DnsMessage::parse(
      {static_cast<const std::uint8_t*>(result->answer_packet), static_cast<std::size_t>(result->answer_len)});
  if (!message) return query.on_name(error("malformed answer about " + asked));
  for (const DnsRecord& record : message.value().records()) {
    if (record.section != DnsSection::answer || record.type != dns::type_ptr) continue;
    if (auto name = message.value().name_in(record)) return query.on_name(std::move(*name));
  }
  query.on_name(error("no name for " + asked));
}

IlnpResolver::IlnpResolver(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
IlnpResolver::~IlnpResolver() { impl_->close(); }

Result<std::unique_ptr<IlnpResolver>> IlnpResolver::open(boost::asio::io_context& io, IlnpResolverSettings settings) {
  auto impl = std::make_shared<Impl>(io, std::move(settings));
  if (auto opened = impl->open(); !opened) return std::move(opened).error();
  return std::unique_ptr<IlnpResolver>{new IlnpResolver{std::move(impl)}};
}

void IlnpResolver::lookup(const DnsName& name, OnResolved on_resolved, OnPhase on_phase) {
  impl_->lookup(name, std::move(on_resolved), std::move(on_phase));
}
void IlnpResolver::reverse(const Address& address, OnName on_name) { impl_->reverse(address, std::move(on_name)); }

Result<void> IlnpResolver::set_forwarders(std::vector<NameServer> forwarders) {
  if (forwarders == impl_->settings_.forwarders) return ok();
  impl_->settings_.forwarders = std::move(forwarders);
  return impl_->restart();
}
void IlnpResolver::network_changed() { (void)impl_->restart(); }  // the same settings worked before

const IlnpResolverCounters& IlnpResolver::counters() const { return impl_->counters_; }
const IlnpResolverSettings& IlnpResolver::settings() const { return impl_->settings_; }

}  // namespace ilnp
