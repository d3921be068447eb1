// SPDX-License-Identifier: Apache-2.0
// AXFR: one question, then messages until the SOA comes a second time. The octets are a stranger's: DnsMessage only.
#include <openssl/rand.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "dns/src/zone_source.h"
#include "io/resolver/asking.h"

namespace ilnp {
namespace {

constexpr std::size_t records_in_64_kib = 6000;
constexpr seconds longest_silence{10};

class Transfer {
 public:
  Transfer(boost::asio::io_context& io, const NameServer& server, const DnsName& zone, std::size_t most_records)
      : server_{to_string(server)}, most_records_{most_records}, silence_{io} {
    zone_.origin = zone;
    std::array<std::uint8_t, 2> octets{};
    RAND_bytes(octets.data(), octets.size());
    id_ = load_u16(octets.data());
    ByteVector query = make_query(id_, {zone, dns::type_axfr, dns::class_in}, false);
    store_u16(&query[2], 0);
    asking_.emplace(
        io, server, Asking::Transport::tcp, std::move(query), [this](Bytes octets_in) { return take(octets_in); },
        [this](const std::string& why) { fail(why); });
    wait();
  }

  Result<LoadedZone> result() {
    if (!done_ || !problem_.empty()) return error(server_ + ": " + (problem_.empty() ? "no answer" : problem_));
    return std::move(zone_);
  }

 private:
  void wait() {
    silence_.expires_after(longest_silence);
    silence_.async_wait([this](boost::system::error_code bad) {
      if (!bad) fail("no answer in time");
    });
  }

  void fail(const std::string& why) {
    problem_ = why;
    end();
  }

  void end() {
    done_ = true;
    silence_.cancel();
  }

  bool take(Bytes octets) {
    const auto message = DnsMessage::parse(octets, records_in_64_kib);
    if (!message) return fail(std::string{"malformed message: "} + to_string(message.error())), true;
    const DnsMessage& m = message.value();
    if (!m.is_response() || m.id() != id_ || m.opcode() != 0) return fail("an answer to something else"), true;
    if (m.rcode() != dns::noerror) return fail("transfer refused: " + rcode_text(m.rcode())), true;
    for (const DnsRecord& record : m.records()) {
      if (record.section != DnsSection::answer || done_) continue;
      add(m, record);
    }
    if (!done_ && soas_ == 0) fail("the transfer does not start with the zone's SOA");
    if (!done_) wait();
    return done_;
  }

  void add(const DnsMessage& message, const DnsRecord& record) {
    DnsName owner = message.owner(record);
    if (!owner.is_within(zone_.origin)) return fail("a record outside the zone: " + owner.text());
    if (record.type == dns::type_soa && ++soas_ == 2) return end();
    if (soas_ == 0) return;
    if (zone_.records.size() >= most_records_) return fail("more than " + std::to_string(most_records_) + " records");
    ZoneRecord out{
        std::move(owner), record.type, effective_ttl(record.ttl), {record.rdata.begin(), record.rdata.end()}, server_};
    if (record.type == dns::type_cname) {
      if (const auto target = message.name_in(record)) out.rdata.assign(target->wire().begin(), target->wire().end());
    }
    if (record.type == dns::type_lp) {
      if (const auto lp = decode_lp(message, record)) out.rdata = encode(*lp);
    }
    zone_.records.push_back(std::move(out));
  }

  std::string server_;
  std::size_t most_records_;
  boost::asio::steady_timer silence_;
  std::uint16_t id_{};
  LoadedZone zone_;
  int soas_ = 0;
  bool done_ = false;
  std::string problem_;
  std::optional<Asking> asking_;
};

}  // namespace

Result<LoadedZone> transfer_zone(const NameServer& server, const DnsName& zone, std::size_t most_records) {
  boost::asio::io_context io;
  Transfer transfer{io, server, zone, most_records};
  io.run();
  return transfer.result();
}

}  // namespace ilnp
