// SPDX-License-Identifier: Apache-2.0
// The octets of an update, record by record with ldns: its packet writer would compress names, and a signature is
// easiest to reason about (and to compare with other implementations) over uncompressed ones.
#include "io/resolver/update_client.h"

#include <cassert>
#include <memory>

#include "io/resolver/ldns.h"

namespace ilnp {
namespace {

struct FreeRecord {
  void operator()(ldns_rr* rr) const { ldns_rr_free(rr); }
};
struct FreeBuffer {
  void operator()(ldns_buffer* buffer) const { ldns_buffer_free(buffer); }
};
using LdnsBuffer = std::unique_ptr<ldns_buffer, FreeBuffer>;

void append_record(ldns_buffer* out, const UpdateRecord& record, ldns_pkt_section section) {
  const std::unique_ptr<ldns_rr, FreeRecord> rr{ldns_rr_new()};
  const Bytes owner = record.owner.wire();
  ldns_rr_set_owner(rr.get(), ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, owner.size(), owner.data()));
  ldns_rr_set_type(rr.get(), static_cast<ldns_rr_type>(record.type));
  ldns_rr_set_class(rr.get(), static_cast<ldns_rr_class>(record.klass));
  ldns_rr_set_ttl(rr.get(), static_cast<std::uint32_t>(record.ttl.count()));
  if (!record.rdata.empty()) {
    ldns_rr_push_rdf(rr.get(), ldns_rdf_new_frm_data(LDNS_RDF_TYPE_NONE, record.rdata.size(), record.rdata.data()));
  }
  const ldns_status status = ldns_rr2buffer_wire(out, rr.get(), section);
  assert(status == LDNS_STATUS_OK);
  static_cast<void>(status);
}

}  // namespace

ByteVector encode_update(std::uint16_t id, const UpdatePlan& plan) {
  const LdnsBuffer buffer{ldns_buffer_new(512)};
  ldns_buffer_write_u16(buffer.get(), id);
  ldns_buffer_write_u16(buffer.get(), dns::opcode_update);
  ldns_buffer_write_u16(buffer.get(), 1);
  ldns_buffer_write_u16(buffer.get(), static_cast<std::uint16_t>(plan.prerequisites.size()));
  ldns_buffer_write_u16(buffer.get(), static_cast<std::uint16_t>(plan.updates.size()));
  ldns_buffer_write_u16(buffer.get(), 0);
  append_record(buffer.get(), {plan.zone, dns::type_soa, dns::class_in, {}, {}}, LDNS_SECTION_QUESTION);
  for (const UpdateRecord& record : plan.prerequisites) append_record(buffer.get(), record, LDNS_SECTION_ANSWER);
  for (const UpdateRecord& record : plan.updates) append_record(buffer.get(), record, LDNS_SECTION_AUTHORITY);
  const std::uint8_t* begin = ldns_buffer_begin(buffer.get());
  return {begin, begin + ldns_buffer_position(buffer.get())};
}

}  // namespace ilnp
