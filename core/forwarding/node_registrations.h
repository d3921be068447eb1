// SPDX-License-Identifier: Apache-2.0
// What ILNP nodes say of their locators, as LISP registrations (specification 10.5): a Locator Update in a session of
// ours changes the RLOCs of the node's EID, the Map-Servers hear of it, and so do the clients. Where the RLOCs stay the
// same, as always where one gateway stands for everything, nothing is said.
//
// A node without a session is where it is configured or its name says. It is never withdrawn: that it does not answer
// is told by ICMP.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "core/forwarding/lisp_attributes.h"
#include "core/forwarding/node_sessions.h"
#include "core/lisp/xtr.h"

namespace ilnp {

class NodeRegistrations {
 public:
  /// What is given by reference outlives it. Only EIDs in mobile blocks are registered one by one. `spacing`: of the
  /// changes of one node; the last one counts.
  NodeRegistrations(LispPlaces places, const NodeSettings& settings, lisp::Xtr& xtr, NodeSessions& nodes,
                    Duration spacing = milliseconds{200});

  bool has(const lisp::EidPrefix& eid) const;

  /// All of them, once.
  void start(lisp::Instant at, lisp::XtrActions& actions);
  /// Something was heard of the places of these.
  void heard(lisp::Instant at, std::span<const NodeId> nodes, lisp::XtrActions& actions);
  /// A Map-Server has confirmed it: what is gone is not said again.
  void confirmed(const lisp::EidPrefix& eid);
  void on_time(lisp::Instant at, lisp::XtrActions& actions);
  TimePoint next_deadline() const { return next_; }

 private:
  struct Node {
    std::vector<lisp::EidPrefix> eids;
    NodeLocators locators;
    std::vector<lisp::RlocRecord> registered{};  ///< to be sent to
    TimePoint not_before{};
    bool is_waiting = false;  ///< for not_before
  };
  TimePoint deadline_of(const Node& node) const;
  void look(lisp::Instant at, NodeId nid, Node& node, lisp::XtrActions& actions);
  void set_deadline();

  LispPlaces places_;
  lisp::Xtr& xtr_;
  NodeSessions& sessions_;
  Duration spacing_;
  std::map<NodeId, Node> nodes_;
  TimePoint next_ = never;  ///< of all: asked for after every packet
};

}  // namespace ilnp
