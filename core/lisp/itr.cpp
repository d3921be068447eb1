// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/itr.h"

namespace ilnp::lisp {

ItrVerdict Itr::drop(ItrDrop reason, ItrVerdict::Error error) {
  drops_.count(reason);
  return {ItrVerdict::Kind::drop, {}, reason, error};
}

ItrVerdict Itr::route(TimePoint now, const Eid& source, const Eid& destination, const Flow& flow, const Packet& packet,
                      ResolutionActions& actions) {
  const auto [mapping, is_first_use] = cache_.look_up(now, destination);
  if (mapping == nullptr || mapping->state == MappingState::pending)
    return miss(now, source, destination, packet, actions);
  if (mapping->origin == MappingOrigin::own) return {.kind = ItrVerdict::Kind::local};
  if (mapping->is_negative) return negative(now, *mapping, actions);
  if (is_first_use) {
    for (const RlocRecord& rloc : mapping->rlocs)
      if (is_candidate(rloc, underlay_)) probing_.want(now, rloc.address, mapping->eid);
  }
  const RlocRecord* rloc = choose_rloc(mapping->rlocs, flow, policy_.rlocs, underlay_, probing_.down());
  const bool has_way = rloc != nullptr;
  const ItrVerdict verdict{ItrVerdict::Kind::encapsulate, has_way ? rloc->address : IpAddress{}};
  // The mapping system may know of another way, also where the last resort is used.
  if (!has_way || (policy_.rlocs.last_resort && probing_.down().contains(verdict.rloc)))
    resolution_.ask_again(now, *mapping, actions);
  return has_way ? verdict : drop(ItrDrop::no_rloc, ItrVerdict::Error::unreachable);
}

ItrVerdict Itr::miss(TimePoint now, const Eid& source, const Eid& destination, const Packet& packet,
                     ResolutionActions& actions) {
  resolution_.on_miss(now, source, destination, policy_.native_while_pending ? nullptr : &packet, actions);
  return {.kind = policy_.native_while_pending ? ItrVerdict::Kind::native : ItrVerdict::Kind::waiting};
}

ItrVerdict Itr::negative(TimePoint now, Mapping& mapping, ResolutionActions& actions) {
  switch (mapping.action) {
    case Action::natively_forward:
      return {.kind = ItrVerdict::Kind::native};
    case Action::send_map_request:
      resolution_.ask_again(now, mapping, actions);
      return drop(ItrDrop::negative_ask_again);
    case Action::drop:
      return drop(ItrDrop::negative_drop);
    case Action::drop_policy:
      return drop(ItrDrop::negative_policy, ItrVerdict::Error::prohibited);
    case Action::drop_authentication:
      return drop(ItrDrop::negative_authentication);
    case Action::no_action:
      break;
  }
  return drop(ItrDrop::negative_no_action);  // also numbers that nobody has assigned
}

}  // namespace ilnp::lisp
