// SPDX-License-Identifier: Apache-2.0
// Our own locators, and who is told about them (RFC 6743).
#include <algorithm>

#include "core/forwarding/host_forwarder.h"

namespace ilnp {

void HostForwarder::locator_up(TimePoint now, const OwnLocator& locator, Actions& actions) {
  const bool was_detached = own_.usable().empty();
  const bool was_known = own_.find(locator.locator) != nullptr;
  const OwnLocators::Change change = own_.up(now, locator);
  if (!was_known) {
    HostEvent up{EventKind::own_locator_up};
    up.locator = locator.locator;
    up.number = locator.interface;
    actions.events.push_back(up);
    if (was_detached) actions.events.push_back(HostEvent{EventKind::attached});
  }
  if (change.set_changed) advertise(now, {true, change.urgent || was_detached}, actions);
  release_ip_only(now, actions);
}

void HostForwarder::locator_down(TimePoint now, Locator locator, std::uint32_t interface, Actions& actions) {
  const OwnLocators::Change change = own_.down(now, locator, interface);
  if (!change.set_changed) return;
  HostEvent down{EventKind::own_locator_down};
  down.locator = locator;
  down.number = interface;
  actions.events.push_back(down);
  if (own_.usable().empty()) actions.events.push_back(HostEvent{EventKind::detached});
  advertise(now, change, actions);
}

/// RFC 6743 section 3: every correspondent with a session is told, the one heard last first.
void HostForwarder::advertise(TimePoint now, OwnLocators::Change change, Actions& actions) {
  const Advertisement set = own_.advertisement(now);
  if (set == nullptr) return;
  advertised_at_ = now;
  std::vector<Correspondent*> sessions;
  ilcc_.for_each([&](Correspondent& c) {
    if (c.is_session()) {
      sessions.push_back(&c);
      return;
    }
    c.tell_when_established = c.state == PeerState::tentative_out || c.state == PeerState::tentative_in;
    if (c.held != nullptr) release_held(now, c, actions);
  });
  std::sort(sessions.begin(), sessions.end(),
            [](const Correspondent* a, const Correspondent* b) { return a->last_received > b->last_received; });
  const bool spread = sessions.size() > tuning_.lu_jitter_fanout;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    Correspondent& c = *sessions[i];
    Duration jitter{};
    if (spread && i >= tuning_.lu_jitter_fanout)
      jitter =
          Duration{static_cast<Duration::rep>(random_.u64() % static_cast<std::uint64_t>(tuning_.lu_jitter.count()))};
    tell(now, c, set, jitter, change.urgent, actions);
    release_held(now, c, actions);
    wake_stalled(c, actions);
    reschedule(c);
  }
  actions.sessions_changed = true;
}

/// The peer hears us, or answers, only by this locator of ours: it should send there too.
void HostForwarder::prefer(TimePoint now, Correspondent& c, Locator here, Actions& actions) {
  const Advertisement set = own_.advertisement(now);
  if (set == nullptr || set->front().locator == here) return;
  std::vector<AdvertisedLocator> reordered = *set;
  const auto place =
      std::find_if(reordered.begin(), reordered.end(), [&](const AdvertisedLocator& l) { return l.locator == here; });
  if (place == reordered.end()) return;
  std::rotate(reordered.begin(), place, place + 1);
  for (std::size_t i = 0; i < reordered.size(); ++i) reordered[i].preference = (*set)[i].preference;
  const std::uint8_t rotation = c.local_rotation;
  tell(now, c, std::make_shared<const std::vector<AdvertisedLocator>>(std::move(reordered)), {}, true, actions);
  c.local_rotation = rotation;
}

void HostForwarder::tell(TimePoint now, Correspondent& c, const Advertisement& set, Duration jitter, bool urgent,
                         Actions& actions) {
  if (c.lu_sender == nullptr) c.lu_sender = std::make_unique<LuSender>();
  c.lu_sender->advertise(now, set, jitter, urgent, tuning_);
  c.lu_outstanding = true;
  c.tell_when_established = false;
  c.local_rotation = 0;
  c.touch();
  if (jitter == Duration{}) service_lu(now, c, actions);
}

}  // namespace ilnp
