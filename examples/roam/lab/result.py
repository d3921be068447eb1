# SPDX-License-Identifier: Apache-2.0
"""Figures per move and the verdict, from what a run recorded."""
import json
import os
import platform

from common.arrivals import Arrivals
from common.figures import check, failed_names, longest_silence, ms, session_checks
from common.figures import table as laid_out

from . import measure, topology

SCHEMA = "ilnp.roam/1"
STREAMS = (("udp", "client"), ("udp", "guest"), ("tcp", "client"), ("tcp", "guest"))
BEFORE = 1.0  # s before a move from which datagrams count: those under way when it began


def evaluate(run):
    arrivals = {key: Arrivals(run.counters[key[0]].logs[key[1]]) for key in STREAMS}
    captures = load_captures(run)
    moves = [move_figures(run, move, following_move_start(run, index), arrivals, captures)
             for index, move in enumerate(run.moves)]
    run.arrivals = arrivals  # the report draws them
    figures = {
        "schema": SCHEMA,
        "mode": "ilnp" if run.ilnp else "plain IPv6",
        "kernel": platform.release(),
        "congestion_control": run.congestion_control,
        "settings": {"moves": run.options.moves, "seconds": run.options.seconds, "delays_ms": run.options.delays,
                     "gap_ms": run.options.gap, "overlap_ms": run.options.overlap, "loss": run.options.loss,
                     "rate": run.options.rate, "dead_after_s": run.options.dead_after, "seed": run.options.seed},
        "moves": moves,
        "download": with_relative_end(run, run.sessions["download"]),
        "ssh": with_relative_end(run, run.sessions["ssh"]),
        "streams": {f"{protocol} {direction}": with_relative_end(run, stream) for protocol in ("udp", "tcp")
                    for direction, stream in run.sessions[protocol].items()},
        "new_connections": run.new_connections,
        "dns_at_end": run.records_after,
        "wire": json.loads(run.wire_counters),
        "ilnp_host": run.final_state,
        "files": {"captures": [] if run.options.no_capture else
                  [f"{role}-{net}.pcap" for role in ("guest", "client") for net in ("net1", "net2")],
                  "report": "report.html"},
    }
    figures["machine_late_ms"] = round(max(lane["latest_ms"] for pair in figures["wire"].values() for lane in pair.values()), 1)
    figures["checks"] = ilnp_checks(run, figures) if run.ilnp else plain_checks(run, figures)
    figures["verdict"] = verdict(run, figures)
    return figures


def with_relative_end(run, session):
    ended = session.get("ended_at")
    return {**session, "ended_at": round(ended - run.began, 3) if ended else None}


def load_captures(run):
    captures = {}
    if not run.options.no_capture:
        for role in ("guest", "client"):
            for net in ("net1", "net2"):
                captures[role, net] = measure.Capture(os.path.join(run.out, f"{role}-{net}.pcap"), run.wall_minus_monotonic)
    return captures


# ---------------------------------------------------------------- one move

def began_at(move):
    return min(step[key] for step in move["who"].values() for key in ("plugged", "unplugged") if key in step)


def following_move_start(run, index):
    return began_at(run.moves[index + 1]) if index + 1 < len(run.moves) else run.ended


def move_figures(run, move, until, arrivals, captures):
    since = began_at(move)
    figures = {"number": move["number"], "kind": move["kind"], "at_s": round(since - run.began, 3), "nodes": {}, "streams": {}}
    for role, step in move["who"].items():
        figures["nodes"][role] = node_figures(run, role, step, until, captures)
    for protocol, receiver in STREAMS:
        figures["streams"][f"{protocol} to_{receiver}"] = stream_figures(run, protocol, receiver, since, until, arrivals)
    figures["retransmitted_octets"] = {role: counts.between(since, until) for role, counts in run.retransmissions.items()}
    back = [when for _, _, when in run.ssh.echoes]
    figures["ssh_longest_gap_ms"] = ms(longest_silence(back, since, until))
    figures["ssh_alive"] = run.ssh.ended_at is None or run.ssh.ended_at > until
    figures["download_alive"] = not died_before(run.curl.ended_at, until, run) or run.sessions["download"]["equal"]
    return figures


def died_before(ended_at, until, run):
    return ended_at is not None and ended_at < min(until, run.ended)


def node_figures(run, role, step, until, captures):
    """When the new locator was usable, and how long until a data packet came over the new path, each way."""
    plugged, usable = step["plugged"], usable_at(run, role, step)
    figures = {"from": step["from"], "to": step["to"], "locator_before": step.get("locator_before"),
               "locator_after": step.get("locator_after"),
               "no_link_ms": ms(plugged - step["unplugged"]) if step["unplugged"] < plugged else 0,
               "usable_s": round(usable - run.began, 6) if usable else None,
               "plugged_to_usable_ms": ms(usable - plugged) if usable else None}
    peer = "client" if role == "guest" else "guest"
    figures["one_way_ms"] = run.options.delays[step["to"]] + run.options.delays[run_site(run, peer, plugged)]
    figures["shorter_by_ms"] = max(0.0, run.options.delays[step["from"]] - run.options.delays[step["to"]])
    for name, where, key, site in (
            ("usable_to_first_packet_out_ms", captures.get((role, topology.INTERFACE_TO[step["to"]])), "source", step["to"]),
            ("usable_to_first_packet_in_ms", captures.get((role, topology.INTERFACE_TO[step["to"]])), "destination", step["to"]),
            ("usable_to_first_packet_at_peer_ms", captures.get((peer, topology.INTERFACE_TO[run_site(run, peer, plugged)])),
             "source", step["to"])):
        first = where.first(usable, **{key: site}) if where and usable else None
        figures[name] = ms(first - usable) if first is not None and first < until else None
    at_peer = figures["usable_to_first_packet_at_peer_ms"]
    figures["above_one_way_ms"] = round(at_peer - figures["one_way_ms"], 1) if at_peer is not None else None
    return figures


def run_site(run, role, when):
    """Where a node was plugged in last at or a moment after `when` (both move at once: the new place)."""
    site = topology.HOMES[role][0]
    for event in run.timeline:
        if event["where"] == role and event["kind"] == "plugged" and event["t"] <= when + 0.1:
            site = event["site"]
    return site


def usable_at(run, role, step):
    """The kernel's first word, after the cable was in, of a usable address with the new prefix."""
    for event in sorted(run.timeline, key=lambda e: e["t"]):
        if event["kind"] == "address" and event["where"] == role and event["t"] >= step["plugged"] and \
                not event["gone"] and not event["tentative"] and topology.site_of(event["address"]) == step["to"]:
            return event["t"]
    return None


def stream_figures(run, protocol, receiver, since, until, arrivals):
    stream, session = arrivals[protocol, receiver], run.sessions[protocol][f"to_{receiver}"]
    gap, start = stream.longest_gap(since, until)
    alive = not died_before(session["ended_at"], until, run)
    figures = {"alive": alive, "stall_ms": ms(gap), "stall_at_s": round(start - run.began, 3) if start else None}
    if not alive and session["ended_at"]:
        last = stream.received[-1] if len(stream) else run.began
        figures["stall_ms"], figures["died_at_s"] = None, round(session["ended_at"] - run.began, 3)
        figures["last_heard_s"] = round(last - run.began, 3)
    if protocol == "udp":
        sender = run.sessions[protocol]["to_guest" if receiver == "client" else "to_client"]
        last_window = until == run.ended
        figures["lost"] = stream.lost(since - BEFORE, until - BEFORE, sender.get("sent") if last_window else None) if alive else None
        figures["out_of_order"] = stream.out_of_order(since, until)
    else:
        figures["gaps_in_sequence"] = stream.jumps(since, until)
    return figures


# ---------------------------------------------------------------- verdict

def ilnp_checks(run, figures):
    checks = session_checks(run.sessions)
    for move in figures["moves"]:
        if move["kind"] == "soft" and run.options.loss.strip("0.%") == "":
            lost = [move["streams"][f"udp to_{role}"]["lost"] for role in ("client", "guest")]
            checks.append(check(f"move {move['number']} (soft) loses nothing", lost == [0, 0],
                                f"{lost[0]} datagrams lost to the client, {lost[1]} to the guest", timed=True))
    return checks


def plain_checks(run, figures):
    """The run has to show what it is for: the sessions worked, died at the first hard move, and it was not the network."""
    first = figures["moves"][0]["at_s"]
    download, ssh = figures["download"], figures["ssh"]
    before = max((octets for when, octets in run.curl.progress if when <= run.began + first), default=0)
    checks = [
        check("download ran before the first move", before > 0, f"{before} octets by then"),
        check("download died", not download["equal"] and download["curl_status"] not in (0, None),
              f"{download['octets']} of {download['octets_expected']} octets; " + (download["message"] or "no message")),
        check("ssh session died", not ssh["alive"] and ssh["lines_back"] > 0,
              f"{ssh['lines_back']} lines back; " + (ssh["message"] or f"status {ssh['status']}")),
    ]
    for name, stream in figures["streams"].items():
        checks.append(check(f"{name.replace('_', ' ')} counter died", stream.get("died") and stream.get("received", 0) > 0,
                            f"{stream.get('received', 0)} received; " + (stream.get("died") or "alive")))
    for new in figures["new_connections"]:
        checks.append(check(f"a new connection after move {new['move']}", new["works"],
                            f"by name to {new['site']} ({new['address']}): the network works, the old sessions are gone"))
    return checks


def verdict(run, figures):
    ok = all(each["ok"] for each in figures["checks"])
    if run.ilnp:
        text = f"every session survived {len(figures['moves'])} moves, not one octet wrong" if ok else \
            "FAILED: " + failed_names(figures["checks"])
    elif ok:
        download = figures["download"]
        text = (f"as expected without ILNP: the download died with {100 * download['octets'] / download['octets_expected']:.0f} % "
                f"done, ssh and the counters died too; the run itself worked")
    else:
        text = "the run without ILNP did not show what it should: " + failed_names(figures["checks"])
    return {"ok": ok, "text": text}


# ---------------------------------------------------------------- the table

def cell(value, alive=True):
    if not alive:
        return "dead"
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def rows(figures):
    """[(label, [one cell per move])]: the table of terminal and report."""
    moves = figures["moves"]

    def per_move(function):
        return [function(move) for move in moves]

    def stream(name, key):
        def of(move):
            figure = move["streams"][name]
            if not figure["alive"] and key == "stall_ms":
                return f"died {figure.get('died_at_s', 0):.1f} s" if figure.get("died_at_s", 0) >= move["at_s"] else "dead"
            return cell(figure.get(key), figure["alive"])
        return per_move(of)

    def node(key):
        return per_move(lambda move: " / ".join(cell(each[key]) for each in move["nodes"].values()))

    table = [
        ("node", per_move(lambda move: " / ".join(move["nodes"]))),
        ("from -> to", per_move(lambda move: " / ".join(f"{n['from']} -> {n['to']}" for n in move["nodes"].values()))),
        ("at, s", per_move(lambda move: f"{move['at_s']:.1f}")),
        ("no link at all, ms", node("no_link_ms")),
        ("link to usable locator, ms", node("plugged_to_usable_ms")),
        ("UDP stall to client, ms", stream("udp to_client", "stall_ms")),
        ("UDP stall to guest, ms", stream("udp to_guest", "stall_ms")),
        ("TCP stall to client, ms", stream("tcp to_client", "stall_ms")),
        ("TCP stall to guest, ms", stream("tcp to_guest", "stall_ms")),
        ("ssh echo longest gap, ms", per_move(lambda move: cell(move["ssh_longest_gap_ms"], move["ssh_alive"]))),
        ("datagrams lost to client", stream("udp to_client", "lost")),
        ("datagrams lost to guest", stream("udp to_guest", "lost")),
        ("out of order by nature (shorter path)", per_move(lambda move: cell(natural_reordering(move)))),
        ("out of order to client", stream("udp to_client", "out_of_order")),
        ("out of order to guest", stream("udp to_guest", "out_of_order")),
        ("TCP sequence gaps to client", stream("tcp to_client", "gaps_in_sequence")),
        ("TCP sequence gaps to guest", stream("tcp to_guest", "gaps_in_sequence")),
        ("usable to first packet out, ms", node("usable_to_first_packet_out_ms")),
        ("usable to first packet at peer, ms", node("usable_to_first_packet_at_peer_ms")),
        ("  above the one-way delay, ms", node("above_one_way_ms")),
        ("usable to first packet in, ms", node("usable_to_first_packet_in_ms")),
        ("octets retransmitted by guest", per_move(lambda move: cell(move["retransmitted_octets"]["guest"]))),
        ("octets retransmitted by client", per_move(lambda move: cell(move["retransmitted_octets"]["client"]))),
        ("locator before", node("locator_before")),
        ("locator after", node("locator_after")),
    ]
    return table


def natural_reordering(move):
    """Datagrams under way on the longer path when the first one took the shorter: one per millisecond of difference."""
    return round(sum(node["shorter_by_ms"] for node in move["nodes"].values())) if move["kind"] == "soft" else 0


def table(figures):
    return laid_out([f"move {move['number']} {move['kind']}" for move in figures["moves"]], rows(figures))
