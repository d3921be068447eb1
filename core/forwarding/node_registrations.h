// SPDX-License-Identifier: Apache-2.0
// What ILNP nodes say of their locators, as LISP registrations (specification 10.5): a Locator Update in a session of
// ours changes the RLOCs of the node's EID, the Map-Servers hear of it, and so do the clients. Where the RLOCs stay the
// same, as always where one gateway stands for everything, nothing is said.
//
// A node without a session is where it is configured or its name says. That it does not answer is told by ICMP; it is
// withdrawn, RLOCs of the gateway group and all, when its own words are over and neither name nor configuration has
// more, after the hold of the Xtr (specification 10.4).
//
// An EID that another router has taken comes back when its node tells a place of ours that is new (rows 2 and 14 of
// 10.10). That it speaks from elsewhere, or begins another session, does not take it back.
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

  // Names to look up come out in `asked`.
  /// All of them, once.
  void start(lisp::Instant at, NodeActions& asked, lisp::XtrActions& actions);
  /// Something was heard of the places of these.
  void heard(lisp::Instant at, std::span<const NodeId> nodes, NodeActions& asked, lisp::XtrActions& actions);
  /// A Map-Server has confirmed it: what is gone is not said again.
  void confirmed(const lisp::EidPrefix& eid);
  void on_time(lisp::Instant at, NodeActions& asked, lisp::XtrActions& actions);
  TimePoint next_deadline() const { return next_; }

 private:
  struct Node {
    std::vector<lisp::EidPrefix> eids;
    NodeLocators locators;
    std::vector<lisp::RlocRecord> registered{};  ///< to be sent to
    TimePoint not_before{};
    bool is_waiting = false;  ///< for not_before
    bool is_lost = false;     ///< held or withdrawn: nobody knows where it is
    bool has_arrived = false;
    TimePoint look_at{}, ask_at{};
  };
  TimePoint deadline_of(const Node& node) const;
  void look(lisp::Instant at, NodeId nid, Node& node, NodeActions& asked, lisp::XtrActions& actions);
  void lose(TimePoint now, NodeId nid, Node& node, NodeActions& asked);
  bool is_new_of_ours(const Node& node, std::span<const AdvertisedLocator> places) const;
  void set_deadline();

  LispPlaces places_;
  lisp::Xtr& xtr_;
  NodeSessions& sessions_;
  Duration spacing_;
  std::map<NodeId, Node> nodes_;
  TimePoint next_ = never;  ///< of all: asked for after every packet
};

}  // namespace ilnp
