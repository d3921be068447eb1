// SPDX-License-Identifier: Apache-2.0
// generate_lisp PCAP JSON [COUNT [SEED]]: random LISP packets as our codecs write them, and beside them what was meant:
// tshark's names of fields with the values that they must have, in order. check_lisp_with_tshark.py compares.
//
// This tshark knows neither type 5 nor 15. They are shown to it with the first octets of a Map-Notify, and of a
// Map-Register with a sender; the octets as they are sent stand in "sent", for the authentication.
#include <nlohmann/json.hpp>

#include "core/lisp/change_priority.h"
#include "core/lisp/encapsulated_control.h"
#include "core/lisp/map_reply.h"
#include "core/lisp/map_request.h"
#include "core/lisp/registration.h"
#include "io/crypto/crypto.h"
#include "tests/oracle/generator_main.h"
#include "tests/support/fakes.h"
#include "tests/support/hex_digits.h"
#include "tests/support/lisp_messages.h"
#include "tests/support/packet_builder.h"
#include "tests/support/pcap.h"

namespace ilnp::lisp {
namespace {

using nlohmann::json;
using test::hex_digits;
using test::PacketBuilder;

/// The values of tshark's fields, in the order in which it comes across them.
class Meaning {
 public:
  explicit Meaning(const char* kind) : meant_{{"kind", kind}, {"fields", json::object()}} {}

  template <class Value>
  void add(const std::string& field, const Value& value) {
    meant_["fields"][field].push_back(value);
  }
  void add(const std::string& field, bool value) { meant_["fields"][field].push_back(value ? 1 : 0); }

  void address(const std::string& prefix, const IpAddress& value) {
    add(prefix + (value.is_ipv4() ? "ipv4" : "ipv6"), to_string(value));
  }
  void eid(const std::string& prefix, const Eid& value) {
    if (value.instance != 0) add("lisp.lcaf.iid", value.instance);
    address(value.instance != 0 ? "lisp.lcaf.iid." : prefix, value.address);
  }
  void rloc(const RlocRecord& value) {
    add("lisp.loc.priority", value.priority);
    add("lisp.loc.weight", value.weight);
    add("lisp.loc.multicast_priority", value.multicast_priority);
    add("lisp.loc.multicast_weight", value.multicast_weight);
    add("lisp.loc.flags.local", value.is_local);
    add("lisp.loc.flags.probe", value.is_probed);
    add("lisp.loc.flags.reach", value.is_reachable);
    add("lisp.loc.locator", to_string(value.address));
  }
  void record(const MappingRecord& value) {
    add("lisp.mapping.ttl", value.ttl);
    add("lisp.mapping.loccnt", value.rlocs.size());
    add("lisp.mapping.eid.masklen", value.eid.prefix.length);
    add("lisp.mapping.act", static_cast<int>(value.action));
    add("lisp.mapping.auth", value.is_authoritative);
    add("lisp.mapping.ver", value.version);
    eid("lisp.mapping.eid.", {value.eid.instance, value.eid.prefix.address});
    for (const RlocRecord& each : value.rlocs) rloc(each);
  }
  void records(const std::vector<MappingRecord>& values) {
    add("lisp.records", values.size());
    for (const MappingRecord& value : values) record(value);
  }
  void sender(const std::optional<XtrIdentity>& value) {
    if (!value) return;
    add("lisp.xtrid", hex_digits(value->xtr));
    ByteVector site(8);
    store_u64(site.data(), value->site);
    add("lisp.siteid", hex_digits(site));
  }
  /// Key and authentication: in the octets that are sent, and what they must be made with.
  void authentication(std::uint64_t nonce, const KeyName& name, Bytes sent, Bytes secret, std::string_view salt) {
    add("lisp.nonce", nonce);
    add("lisp.keyid", name.key << 8 | name.algorithm);
    meant_["sent"] = hex_digits(sent);
    meant_["secret"] = hex_digits(secret);
    meant_["salt"] = salt;
  }

  json& value() { return meant_; }

 private:
  json meant_;
};

class Generator {
 public:
  Generator(const std::string& pcap_path, std::uint64_t seed) : random_{seed}, pcap_{pcap_path} {}

  void one() {
    switch (random_.below(8)) {
      case 0:
        return map_request(false);
      case 1:
        return map_request(true);
      case 2:
        return map_reply();
      case 3:
        return map_register();
      case 4:
        return map_notify();
      case 5:
        return change_priority();
      case 6:
        return thesis_change_priority();
      default:
        return data();
    }
  }
  std::size_t packets() const { return meant_.size(); }
  const json& meant() const { return meant_; }

 private:
  PacketBuilder from_us() {
    const auto address = [&] {
      return Address{{(random_.u64() & 0x1fffffffffffffff) | 0x2000000000000000}, {random_.u64()}};
    };
    return {address(), address()};
  }
  void emit(const ByteVector& payload, Meaning meaning, std::uint16_t port = control_port) {
    pcap_.write(TimePoint{} + milliseconds{meant_.size()}, from_us().udp(port, port, payload).build());
    meant_.push_back(std::move(meaning.value()));
  }

  void map_request(bool is_encapsulated) {
    const MapRequest request = messages_.map_request();
    Meaning meaning{is_encapsulated ? "encapsulated map-request" : "map-request"};
    if (is_encapsulated) meaning.add("lisp.type", 8);
    meaning.add("lisp.type", 1);
    meaning.add("lisp.mreq.flags.auth", request.wants_authoritative);
    meaning.add("lisp.mreq.flags.mrp", request.own_mapping.has_value());
    meaning.add("lisp.mreq.flags.probe", request.is_probe);
    meaning.add("lisp.mreq.flags.smr", request.is_smr);
    meaning.add("lisp.mreq.flags.pitr", request.from_proxy);
    meaning.add("lisp.mreq.flags.smri", request.is_smr_invoked);
    meaning.add("lisp.irc", request.itr_rlocs.size() - 1);
    meaning.add("lisp.records", request.records.size());
    meaning.add("lisp.nonce", request.nonce);
    if (request.source) source(meaning, *request.source);
    for (const IpAddress& rloc : request.itr_rlocs) meaning.address("lisp.mreq.itr_rloc_", rloc);
    for (const MapRequest::Record& record : request.records) {
      meaning.add("lisp.mreq.record.prefix.length", record.eid.prefix.length);
      meaning.eid("lisp.mreq.record.prefix.", {record.eid.instance, record.eid.prefix.address});
    }
    if (request.own_mapping) meaning.record(*request.own_mapping);
    const ByteVector octets = encode_map_request(request);
    emit(is_encapsulated ? encapsulated(octets, meaning) : octets, meaning);
  }
  /// tshark has two ways to spell this field.
  void source(Meaning& meaning, const Eid& eid) {
    if (eid.instance == 0)
      return meaning.add(eid.address.is_ipv4() ? "lisp.mreq.srceid.ipv4" : "lisp.mreq.srceid_ipv6",
                         to_string(eid.address));
    meaning.eid("", eid);
  }
  ByteVector encapsulated(Bytes request, Meaning& meaning) {
    EncapsulatedControl control{messages_.address(), messages_.address(), control_port, request};
    while (control.destination.family() != control.source.family()) control.destination = messages_.address();
    meaning.value()["inner"] = {to_string(control.source), to_string(control.destination)};
    return encode_encapsulated_control(control);
  }

  void map_reply() {
    const MapReply reply = messages_.map_reply();
    Meaning meaning{"map-reply"};
    meaning.add("lisp.type", 2);
    meaning.add("lisp.mrep.flags.probe", reply.is_probe);
    meaning.add("lisp.mrep.flags.enlr", reply.echoes_nonces);
    meaning.add("lisp.mrep.flags.sec", false);
    meaning.add("lisp.nonce", reply.nonce);
    meaning.records(reply.records);
    emit(encode_map_reply(reply), meaning);
  }

  void map_register() {
    const MapRegister message = messages_.map_register();
    const ByteVector secret = random_.octets(1 + random_.below(80));
    const ByteVector octets = encode_map_register(message, key(secret, message.key), hmac_);
    Meaning meaning{"map-register"};
    meaning.add("lisp.type", 3);
    meaning.add("lisp.mreg.flags.pmr", message.wants_proxy_reply);
    meaning.add("lisp.mreg.flags.sec", message.supports_security);
    meaning.add("lisp.mreg.flags.xtrid", message.sender.has_value());
    meaning.add("lisp.mreg.flags.wmn", message.wants_notify);
    meaning.authentication(message.nonce, message.key, octets, secret, salt::map_register);
    meaning.records(message.records);
    meaning.sender(message.sender);
    emit(octets, meaning);
  }

  void map_notify() {
    const MapNotify message = messages_.map_notify();
    const ByteVector secret = random_.octets(1 + random_.below(80));
    ByteVector octets = encode_map_notify(message, key(secret, message.key), hmac_);
    Meaning meaning{message.is_ack ? "map-notify-ack" : "map-notify"};
    meaning.add("lisp.type", 4);
    meaning.add("lisp.mnot.flags.xtrid", message.sender.has_value());
    meaning.authentication(message.nonce, message.key, octets, secret,
                           message.is_ack ? salt::map_notify_ack : salt::map_notify);
    meaning.records(message.records);
    meaning.sender(message.sender);
    octets[0] = static_cast<std::uint8_t>(0x40 | (octets[0] & 15));
    emit(octets, meaning);
  }

  void change_priority() {
    const ChangePriority message = messages_.change_priority();
    const ByteVector secret = random_.octets(1 + random_.below(80));
    ByteVector octets = encode_change_priority(message, key(secret, message.key), hmac_);
    Meaning meaning{"change-priority"};
    meaning.add("lisp.type", 3);
    meaning.add("lisp.mreg.flags.xtrid", true);
    meaning.authentication(message.nonce, message.key, octets, secret, salt::change_priority);
    meaning.records(message.records);
    meaning.sender(message.sender);
    store_u16(octets.data(), 0x3200);
    octets[2] = 0;
    emit(octets, meaning);
  }

  void thesis_change_priority() {
    const ChangePriority message = messages_.thesis_change_priority();
    const ByteVector secret = random_.octets(1 + random_.below(80));
    ByteVector octets = encode_thesis_change_priority(message, {secret}, hmac_);
    Meaning meaning{"change-priority as type 5"};
    meaning.add("lisp.type", 4);
    meaning.authentication(message.nonce, message.key, octets, secret, {});
    meaning.records(message.records);
    store_u32(octets.data(), 0x40000001);
    emit(octets, meaning);
  }

  void data() {
    DataHeader header = messages_.data_header();
    header.next_protocol.reset();  // of RFC 9305, and encryption: tshark does not know them
    header.key_id = 0;
    Meaning meaning{"data"};
    meaning.add("lisp-data.flags.nonce", header.nonce.has_value());
    meaning.add("lisp-data.flags.lsb", header.locator_status.has_value());
    meaning.add("lisp-data.flags.enr", header.requests_echo);
    meaning.add("lisp-data.flags.mv", header.versions.has_value());
    meaning.add("lisp-data.flags.iid", header.instance.has_value());
    if (header.nonce) meaning.add("lisp-data.nonce", *header.nonce);
    if (header.versions) {
      meaning.add("lisp-data.srcmapver", header.versions->source);
      meaning.add("lisp-data.dstmapver", header.versions->destination);
    }
    if (header.instance) meaning.add("lisp-data.iid", *header.instance);
    if (header.locator_status)
      meaning.add(header.instance ? "lisp-data.lsb8" : "lisp-data.lsb", *header.locator_status);
    const auto octets = encode_data_header(header);
    ByteVector payload{octets.begin(), octets.end()};
    const ByteVector inner = from_us().udp(40000, 40001, random_.octets(random_.below(64))).build();
    payload.insert(payload.end(), inner.begin(), inner.end());
    emit(payload, meaning, data_port);
  }

  AuthenticationKey key(Bytes secret, const KeyName& name) {
    if (name.algorithm == algorithm::hmac_sha1) return {secret};
    return {secret, random_.one_in(2) ? 16u : 32u};
  }

  test::FakeRandom random_;
  test::PcapWriter pcap_;
  test::LispMessages messages_{[this](std::uint64_t bound) { return random_.below(bound); }};
  OpensslHmac hmac_;
  json meant_ = json::array();
};

}  // namespace
}  // namespace ilnp::lisp

int main(int argc, char** argv) { return ilnp::test::generator_main<ilnp::lisp::Generator>(argc, argv, 5'000); }
