# SPDX-License-Identifier: Apache-2.0
"""What happened when in a move, from the events that the gateways log. All programs of a run have one clock."""
from moments import seconds


class Timeline:
    """Of the move of an EID from one place to another, which began at `begin_wall` (seconds since 1970; a little earlier
    will do). `gateways`: by place; `client`: of the client's. Steps count from ARRIVE."""

    STEPS = (("registered", "to", "registered"), ("transfer at the former gateway", "from", "presence:moving_out"),
             ("client told", "any", "client_updated"), ("client solicited", "any", "client_solicited"),
             ("client follows", "client", "mapping_changed"))

    def __init__(self, gateways, eid, source, to, begin_wall, client):
        self.eid, self.begin = f"{eid}/128", begin_wall
        self.where = {"to": [gateways[to]], "from": [gateways[source]], "any": [gateways[to], gateways[source]],
                      "client": [gateways[client]]}

    def _first(self, place, name, since):
        name, _, state = name.partition(":")
        times = [seconds(event) for gateway in self.where[place] for event in gateway.events(name)
                 if event.get("eid") == self.eid and (not state or event.get("state") == state)]
        return min((t for t in times if t >= since), default=None)

    def steps(self):
        """{step: ms after ARRIVE}, those that happened."""
        arrived = self._first("to", "presence:moving_in", self.begin)
        if arrived is None:
            return {}
        found = {step: self._first(place, name, arrived) for step, place, name in self.STEPS}
        return {step: round(1000 * (when - arrived), 1) for step, when in found.items() if when is not None}
