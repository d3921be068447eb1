// SPDX-License-Identifier: Apache-2.0
// One link after a sign that this machine may have been moved while the link stayed up. Routers are asked to advertise
// and those that are known whether they are still there; what is heard then says what was left behind.
//
// A sign alone takes nothing away. A router or a prefix that was not known before is evidence: then a prefix that
// nobody has advertised since is left behind, and a router that has not been heard since is used last, until it
// answers. A router that answers and has not advertised since may still have the old prefixes (there are several on the
// link): as long as there is one they stay. Where the sign is weak (a late timer), the known routers have `verdict` to
// answer in.
//
// Evidence may come before the sign: an advertisement that waited for the machine in its new place. Hence `look_back`.
// Pure: time is an argument. Things are ordered by the order in which they were heard, since many come at one time.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "core/base/time.h"
#include "core/ipv6/address.h"

namespace ilnp {

class MoveCheck {
 public:
  static constexpr Duration look_back = seconds{3};
  static constexpr Duration same_move = seconds{1};  ///< signs within this are of one move
  static constexpr Duration verdict = milliseconds{70};
  static constexpr Duration end = seconds{10};
  static constexpr std::size_t max_probed = 8, max_routers = 64, max_prefixes = 64;

  enum class Sign : std::uint8_t { weak, strong };
  struct Steps {
    bool solicit = false;         ///< ask for routers
    std::vector<Address> probe;   ///< routers to ask whether they are there
    std::vector<Address> silent;  ///< they are not, and others are: their default routes are of no use
  };

  /// False: it is about the move that is being looked into already.
  bool begin(TimePoint now, Sign sign);
  /// The hypervisor says which prefixes there are now. As soon as one of them is advertised, the others are left behind
  /// that nobody has advertised since the sign. A hint: without an advertisement nothing follows from it.
  void expect(TimePoint now, std::vector<Locator> prefixes);

  /// There is a default route by it.
  void on_router(TimePoint now, const Address& router);
  void on_router_gone(const Address& router) { routers_.erase(router); }
  /// Another machine has its address now: a sign, and evidence as soon as a prefix is advertised.
  void on_other_mac(TimePoint now, const Address& router);
  /// A whole advertisement, with the prefixes in it that may locate; the kernel may tell of them before or after. A
  /// prefix that was left comes back only when the kernel tells: it knows the router's link-layer address by then.
  void on_router_advertisement(TimePoint now, const Address& router, std::span<const Locator> prefixes);
  /// It says that it is there.
  void on_answer(TimePoint now, const Address& router);
  /// The kernel tells of a prefix of this link: `advertised` just now, or of an address in it.
  void on_prefix(TimePoint now, Locator prefix, bool advertised);
  void on_prefix_gone(Locator prefix) { prefixes_.erase(prefix); }

  Steps on_time(TimePoint now);
  TimePoint next_deadline() const;

  bool is_under_way() const { return begun_ != never; }
  bool has_left(Locator prefix) const;
  /// A router of before that has not been heard since: any other one is better.
  bool is_left_behind(const Address& router) const;

 private:
  using Order = std::uint64_t;
  struct Router {
    TimePoint since{};
    Order since_order = 0, advertised = 0, answered = 0;
    bool behind = false, told = false;
  };
  struct Prefix {
    TimePoint since{};
    Order since_order = 0, advertised = 0;
    Order left_in = 0;  ///< the check that found it left behind; 0: it is not
  };
  void start(TimePoint now, Sign sign);
  Order evidence() const;
  Prefix* hear_prefix(TimePoint now, Locator prefix, bool advertised);
  void judge(TimePoint now);
  void judge_by_evidence(TimePoint now, Order evident);
  void judge_by_hint();
  bool is_of_before(const Router& router, Order evidence) const {
    return router.since_order < evidence && router.advertised < evidence;
  }

  std::map<Address, Router> routers_;
  std::map<Locator, Prefix> prefixes_;
  Order order_ = 0;
  TimePoint begun_ = never;  ///< `never`: no check is under way
  TimePoint fresh_from_{};   ///< what was first heard later is evidence
  Order begun_order_ = 0, other_mac_ = 0;
  Sign sign_ = Sign::weak;
  std::vector<Locator> expected_;
  std::size_t solicited_ = 0, probed_ = 0;  ///< steps taken
  bool advertised_ = false, answered_ = false, verdict_given_ = false;
};

}  // namespace ilnp
