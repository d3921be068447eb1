# SPDX-License-Identifier: Apache-2.0
"""What a run came to: its figures, the rows of its table, and what has to hold."""
from common import demo
from common.figures import check, ms
from report import write_report
from timeline_of_move import IN_DNS, Captures, Timeline

# pylint: disable=import-error
from lisp_sites import RLOC
from wire import packed

NETWORK_MAY_ADD = 0.1  # s, besides what the longest line takes there and back: the new path may be that much longer
ASKED_AGAIN = 1.0      # s, where the wide area loses packets: questions to the mapping system are among them
REPORTED = 2.0         # s before and after a move, in the report


class Judged(demo.Demo):
    acts = {}  # {who moved: its run}, of all that are told together

    def loses(self):
        """The wide area shall."""
        return float(self.options.loss.rstrip("%")) > 0

    def figures(self):
        captures, self.lines = Captures(self.out), {}
        for event in self.happened:
            times = event.pop("times")
            locator = packed(self.sites.name_at(event["kind"], colons=True))[:8]
            line = self.lines[event["number"]] = Timeline(self, captures, event, times, locator, RLOC[event["kind"]])
            event["resumed"] = times["resumed"]
            event["stopped_ms"] = ms(times["resumed"] - times["stopped"])
            event["told_ms"] = ms(times["activated"] - times["stopped"]) if "activated" in times else None
            event["guest_ms"], event["timeline_ms"] = line.guest_ms(), line.steps()
            event["own_gap_ms"] = {peer: line.own_gap_ms(demo.COUNTER_PORTS[peer]) for peer in self.peers}
        found = super().figures()
        found["accelerator"], found["kernel"], found["guest_download"] = self.machine.accelerator, self.options.kernel, self.fetched
        found["settings"].update(ways=self.options.ways, without_ilnp=self.options.without_ilnp)
        if self.options.without_ilnp:
            alive = [each for each in found["checks"] if each["ok"]]
            found["checks"] = [{**each, "name": f"{each['name']} is dead", "ok": not each["ok"]} for each in found["checks"]]
            found["verdict"] = {"ok": not alive, "text": "without ILNP every session died, as they do today" if not alive else
                                "without ILNP some live on: " + ", ".join(each["name"] for each in alive)}
        return found

    def added_ms(self, event, peer):
        own, felt = event["own_gap_ms"][peer], event["sessions"][peer]["udp to client, ms"]
        return None if own is None or felt is None else round(max(0.0, felt - own), 1)

    def rows(self, events):
        rows = [("moved by", [event["by"] for event in events]),
                ("QEMU's processor time before it, %", [round(100 * event["busy"]) for event in events]),
                ("memory", [event["way"] for event in events]),
                ("hypervisor: STOP to RESUME, ms", [event["stopped_ms"] for event in events]),
                ("network: STOP to when it was told, ms", [event["told_ms"] for event in events]),
                ("guest: RESUME to its first packet, ms", [event["guest_ms"] for event in events]),
                ("DNS: RESUME to the new locator in it, ms", [event["timeline_ms"].get(IN_DNS) for event in events])]
        for peer, name in self.peers.items():
            rows.append((f"{name}: silence of the guest's own port, ms", [event["own_gap_ms"][peer] for event in events]))
            rows.append((f"{name}: added by the network, ms", [self.added_ms(event, peer) for event in events]))
        return rows

    def show(self, figures):
        super().show(figures)
        write_report(self, figures, self.rows(figures["events"]), self.out)
        self.display.say(f"report:   {self.out}/report.html")

    def arrivals_near(self, event, peer):
        """[(s after RESUME, ms later than the fastest)] of the datagrams from the guest to a client. The guest's clock stands
        still while it is stopped, so what it sent before and after is compared apart."""
        stream, resumed = self.acts[event["by"]].stall_of[peer].arrivals["udp", "client"], event["resumed"]
        near = [(received - resumed, received - sent) for sent, received in zip(stream.sent, stream.received)
                if abs(received - resumed) < REPORTED]
        found = []
        for part in ([each for each in near if each[0] < 0], [each for each in near if each[0] >= 0]):
            fastest = min((delay for _, delay in part), default=0)
            found += [(when, 1000 * (delay - fastest)) for when, delay in part]
        return found

    def checks(self, events):
        if self.options.without_ilnp:
            return []
        found = [check("guest's own download", self.fetched["equal"], f"{self.fetched['octets']} octets of "
                       f"{self.download.octets}, curl: {self.fetched['curl_status']} {self.fetched['message']}")]
        may_add = 1000 * (NETWORK_MAY_ADD + ASKED_AGAIN * self.loses()) + 2 * max(self.options.delays.values())
        for event in events:
            what, after = f"move {event['number']} (to {event['kind']}, {event['way']})", event["after"]
            locator = self.sites.name_at(event["kind"])
            found.append(check(f"{what}: ILNP client knows where the guest is", after["peer_uses"] == locator,
                               f"it sends to {after['peer_uses']}, the guest's locator is {locator}"))
            found.append(check(f"{what}: LISP site knows where the guest is", after["lisp_uses"] == [RLOC[event["kind"]]],
                               f"it sends to {after['lisp_uses']}, the gateway is {RLOC[event['kind']]}"))
            found.append(check(f"{what}: DNS shows where the guest is", after["dns_says"] == [packed(
                self.sites.name_at(event["kind"], colons=True))[:8].hex()], f"it says {', '.join(after['dns_says'])}"))
            for peer, name in self.peers.items():
                found += self.lost_nothing(f"{what}: {name}", event, peer)
                added = self.added_ms(event, peer)
                if added is not None:
                    found.append(check(f"{what}: {name} waits for the hypervisor, hardly for the network",
                                       added < may_add, f"the network added {added:g} ms", timed=True))
        return found

    def lost_nothing(self, what, event, peer):
        """What is brought to a guest that has stopped, before the network was told, is lost in the hypervisor. Only libvirt has
        such a moment. What a wide area that shall lose packets took is in the table, and is nobody's fault."""
        if self.loses():
            return []
        to_client, to_guest = (event["sessions"][peer][f"datagrams lost to {role}"] for role in ("client", "guest"))
        if self.lossless:
            return [check(f"{what} lost no datagram", to_client + to_guest == 0, f"{to_client} to the client, {to_guest} to the guest")]
        by_network = self.lines[event["number"]].lost_by_network(self.stall_of[peer].arrivals["udp", "guest"],
                                                                 demo.COUNTER_PORTS[peer])
        return [check(f"{what} lost no datagram in the network", self.options.no_capture or to_client + by_network == 0,
                      f"{to_client} to the client, {by_network} to the guest; {to_guest - by_network} in the hypervisors")]
