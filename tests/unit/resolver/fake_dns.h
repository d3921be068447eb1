// SPDX-License-Identifier: Apache-2.0
// A name server that says what a test tells it to, late, wrongly or not at all, on a port of the loopback; and a
// client.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "io/resolver/asking.h"
#include "io/resolver/stub_sockets.h"
#include "tests/unit/records/message_builder.h"

namespace ilnp::test {

/// Runs the loop until `done` holds; false when that takes longer than `most`.
template <class Done>
bool run_until(boost::asio::io_context& io, Done done, Duration most = seconds{30}) {
  const auto end = std::chrono::steady_clock::now() + most;
  io.restart();
  while (!done()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    io.run_one_until(end);
    if (io.stopped()) io.restart();
  }
  return true;
}

class FakeDns {
 public:
  struct Said {
    ByteVector octets;  ///< the ID is set to the query's unless `keep_id`
    Duration after{};
    bool keep_id = false;
  };
  using Script = std::function<std::vector<Said>(const DnsMessage& query, ClientTransport transport)>;

  FakeDns(boost::asio::io_context& io, Script script) : io_{io}, script_{std::move(script)} {
    auto opened = StubSockets::open(io, {*parse_name_server("127.0.0.1")}, 64, refused_,
                                    [this](Bytes q, ClientTransport t, Reply r) { on_query(q, t, r); });
    sockets_ = std::move(opened).value();
  }
  const NameServer& address() const { return sockets_->listening().front(); }
  std::vector<DnsQuestion> asked;

 private:
  static std::optional<NameServer> parse_name_server(const char* text) {
    return NameServer{boost::asio::ip::make_address(text), 0};
  }
  void on_query(Bytes octets, ClientTransport transport, const Reply& reply) {
    const auto query = DnsMessage::parse(octets);
    if (!query) return;
    if (query.value().question()) asked.push_back(*query.value().question());
    for (Said& said : script_(query.value(), transport)) {
      if (!said.keep_id && said.octets.size() >= 2) store_u16(said.octets.data(), query.value().id());
      if (said.after == Duration{}) {
        reply(said.octets);
        continue;
      }
      auto timer = std::make_shared<boost::asio::steady_timer>(io_, said.after);
      timer->async_wait([timer, reply, octets_out = said.octets](boost::system::error_code bad) {
        if (!bad) reply(octets_out);
      });
    }
  }

  boost::asio::io_context& io_;
  Script script_;
  std::uint64_t refused_ = 0;
  std::unique_ptr<StubSockets> sockets_;
};

/// Answers by question; what is not known is NODATA.
class FakeZone {
 public:
  FakeZone& set(const DnsName& owner, std::uint16_t type, const std::function<void(MessageBuilder&)>& fill,
                Duration after = {}) {
    const DnsQuestion question{owner, type, dns::class_in};
    MessageBuilder builder = answer_to(question);
    builder.flags(dns::flag_response | dns::flag_recursion_available | dns::flag_authoritative);
    fill(builder);
    answers_[question] = {builder.build(), after, false};
    return *this;
  }
  FakeZone& silent(const DnsName& owner, std::uint16_t type) {
    answers_[{owner, type, dns::class_in}] = std::nullopt;
    return *this;
  }
  std::vector<FakeDns::Said> operator()(const DnsMessage& query, ClientTransport) const {
    const auto found = answers_.find(*query.question());
    if (found != answers_.end()) return found->second ? std::vector{*found->second} : std::vector<FakeDns::Said>{};
    MessageBuilder builder = answer_to(*query.question());
    builder.flags(dns::flag_response | dns::flag_recursion_available | dns::flag_authoritative);
    return {{builder.soa(name("org"), 60, 60).build()}};
  }

 private:
  std::map<DnsQuestion, std::optional<FakeDns::Said>> answers_;
};

/// One query, one answer; nothing when none comes in time.
inline std::optional<ByteVector> ask(boost::asio::io_context& io, const NameServer& server, ByteVector query,
                                     Asking::Transport transport = Asking::Transport::udp,
                                     Duration most = seconds{20}) {
  std::optional<ByteVector> answer;
  bool failed = false;
  Asking asking{io,
                server,
                transport,
                std::move(query),
                [&](Bytes octets) {
                  answer.emplace(octets.begin(), octets.end());
                  return true;
                },
                [&](const std::string&) { failed = true; }};
  run_until(
      io, [&] { return answer || failed; }, most);
  return answer;
}

}  // namespace ilnp::test
