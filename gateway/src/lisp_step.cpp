// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/lisp_step.h"

namespace ilnp {

void take(const LispStep& step, lisp::Instant at, lisp::Xtr& xtr, LispInterworking& interworking,
          LispActions& actions) {
  const lisp::EidPrefix eid = lisp::EidPrefix::host(step.eid);
  switch (step.kind) {
    case LispStep::Kind::arrive: {
      lisp::MappingRecord record = xtr.own_record(eid);
      if (!step.rlocs.empty()) record.rlocs = step.rlocs;
      return xtr.arrived(at, record, actions.control);
    }
    case LispStep::Kind::leave:
      return interworking.hold(at.now, step.eid);
    case LispStep::Kind::stay:
      return interworking.release(at, step.eid, actions);
    case LispStep::Kind::prepare:
      return xtr.will_move(at, eid, actions.control);
    case LispStep::Kind::abort:
      return xtr.not_here(at, eid, actions.control);
  }
}

std::vector<LispStep> steps_of(const EidNews& news) {
  using Kind = LispStep::Kind;
  switch (news.kind) {
    case EidNews::Kind::here:  // first: what waits would go to where it was believed to be
      return {{Kind::arrive, news.eid}, {Kind::stay, news.eid}};
    case EidNews::Kind::expected:
    case EidNews::Kind::leaving:
      return {{Kind::prepare, news.eid}};
    case EidNews::Kind::left:
      return {{Kind::leave, news.eid}};
    case EidNews::Kind::gone:
      return {{Kind::abort, news.eid}};
  }
  return {};
}

}  // namespace ilnp
