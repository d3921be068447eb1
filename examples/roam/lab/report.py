# SPDX-License-Identifier: Apache-2.0
"""report.html: one file, no network, readable in a light and in a dark browser. result.json: the same as figures."""
import json
import os
from html import escape

from common.drawing import (BUCKET, STALL, Canvas, attachment_lane, curve_lane, delay_lane, dot_lane, event_lane, move_marks,
                            time_axis)
from common.page import checks_of, head, html_table as table_of, verdict_of

from . import result, topology


def write(run, figures, out):
    with open(os.path.join(out, "result.json"), "w") as file:
        json.dump(figures, file, indent=2)
    with open(os.path.join(out, "report.html"), "w") as file:
        file.write(page(run, figures))


def page(run, figures):
    title = "A guest that moves" if run.ilnp else "A guest that moves, without ILNP"
    settings = figures["settings"]
    parts = [
        head(title),
        f"<h1>{escape(title)}</h1>",
        f"<p class='soft'>{'ILNP' if run.ilnp else 'plain IPv6'}; one-way delays "
        + ", ".join(f"{site} {delay:g} ms" for site, delay in settings["delays_ms"].items())
        + f"; gap of a hard move {settings['gap_ms']:g} ms, overlap of a soft move {settings['overlap_ms']:g} ms; "
        f"kernel {escape(figures['kernel'])}, TCP congestion control {escape(figures['congestion_control'])}</p>",
        verdict_of(figures), checks_of(figures),
        "<h2>Time line</h2>", legend(), "<div class='scroll'>", overview(run, figures), "</div>",
        "<h2>Per move</h2>", "<div class='scroll'>", html_table(figures), "</div>",
    ]
    for move in figures["moves"]:
        parts += [f"<h2>Move {move['number']}, {escape(move['kind'])}: "
                  + escape(" and ".join(f"{role} {n['from']} → {n['to']}" for role, n in move["nodes"].items())) + "</h2>",
                  "<div class='scroll'>", *close_up(run, figures, move)]
    parts += [how_to_read(), "</body></html>\n"]
    return "".join(parts)


def legend():
    return ("<p class='soft'><span class='key' style='background:var(--c0);margin-left:0'></span>to the client"
            "<span class='key' style='background:var(--c1)'></span>to the guest"
            "<span class='key area' style='background:var(--stall)'></span>silence above 50 ms (upper half: to the client)"
            "<span class='key area' style='background:var(--bad);width:3px'></span>a datagram that never came"
            "<span class='key area' style='background:var(--soft);opacity:.3'></span>the session is dead</p>")


def html_table(figures):
    return table_of([f"move {move['number']} {move['kind']}" for move in figures["moves"]], result.rows(figures))


# ---------------------------------------------------------------- pictures

def attachment(run, role):
    """{site: [(since, until or None)]} relative to the run's start."""
    spans = {site: [] for site in topology.HOMES[role]}
    spans[topology.HOMES[role][0]].append([-1.0, None])
    for event in run.timeline:
        if event["where"] == role and event["kind"] in ("plugged", "unplugged"):
            when, site = event["t"] - run.began, spans[event["site"]]
            if event["kind"] == "plugged":
                site.append([when, None])
            elif site:
                site[-1][1] = when
    return spans


def streams_of(run, protocol):
    out = []
    for number, receiver in enumerate(("client", "guest")):
        arrivals = run.arrivals[protocol, receiver]
        gaps = [(a - run.began, b - run.began) for a, b in arrivals.gaps(STALL)]
        ended = run.sessions[protocol][f"to_{receiver}"]["ended_at"]
        if len(arrivals) and ended and ended < run.ended:
            gaps.append((arrivals.received[-1] - run.began, ended - run.began))
        out.append((f"to the {receiver}", number, arrivals.delay_series(run.began, BUCKET), gaps))
    return out


def overview(run, figures):
    end = run.ended - run.began
    canvas = Canvas(-0.3, end, 640)
    body, y = Canvas(-0.3, end, 0), 22
    y = attachment_lane(body, y, "guest", attachment(run, "guest"), end) + 8
    y = attachment_lane(body, y, "client", attachment(run, "client"), end) + 12
    for protocol in ("udp", "tcp"):
        ends = [stream["ended_at"] for stream in run.sessions[protocol].values()]
        top = y
        y = delay_lane(body, y, 104, f"{protocol.upper()} counter", streams_of(run, protocol), "one-way delay") + 12
        mark_dead(body, run, min(filter(None, ends), default=None), top, 104)
    top = y
    y = curve_lane(body, y, 60, "ssh", [(back - run.began, (back - sent) * 1000) for _, sent, back in run.ssh.echoes], " ms",
                   0, "echo of each line", dots=True) + 12
    mark_dead(body, run, run.ssh.ended_at, top, 60)
    top = y
    y = curve_lane(body, y, 70, "download", [(t - run.began, octets / 1e6) for t, octets in run.curl.progress], " MB", 0,
                   f"of {run.download.octets / 1e6:.0f} MB")
    if not run.sessions["download"]["equal"]:
        mark_dead(body, run, run.curl.ended_at, top, 70)
    time_axis(canvas, y)
    canvas.parts += body.parts
    move_marks(canvas, figures["moves"], y)
    canvas.height = y + 20
    return canvas.svg("time line of the run")


def mark_dead(canvas, run, ended, y, height):
    if ended and ended < run.ended:
        canvas.rect(ended - run.began, run.ended - run.began, y, height, "dead", "the session is dead")
        canvas.text(canvas.x(ended - run.began) + 6, y + height / 2 + 4, "dead", "small")


def events_near(run, move, since, until):
    """What happened around a move, in words, relative to its start."""
    start, out = move["at_s"] + run.began, []
    for event in sorted(run.timeline, key=lambda e: e["t"]):
        when, text = event["t"] - start, event_text(event)
        # Advertisements repeat what is known already: an address counts when it is news of this move.
        if event["kind"] == "address" and topology.site_of(event["address"]) not in [n["to"] for n in move["nodes"].values()]:
            continue
        if since <= when <= until and text and text not in [known for _, known in out]:
            out.append((when, text))
    for role, node in move["nodes"].items():
        for key, words in (("usable_to_first_packet_out_ms", "first data packet out"),
                           ("usable_to_first_packet_at_peer_ms", "first data packet from there at the peer"),
                           ("usable_to_first_packet_in_ms", "first data packet in")):
            if node[key] is not None and node["usable_s"] is not None:
                when = node["usable_s"] + node[key] / 1000 - move["at_s"]
                if since <= when <= until:
                    out.append((when, f"{role}, {node['to']}: {words}"))
    return sorted(out)[:24]


def event_text(event):
    where, kind = event["where"], event["kind"]
    if kind == "carrier" and event["interface"].startswith("net"):
        return f"{where}: {event['interface']} carrier {'up' if event['up'] else 'lost'}"
    if kind == "address" and not event["gone"]:
        return f"{where}: {event['address']} on {event['interface']}" + (" (tentative)" if event["tentative"] else " usable")
    if kind == "new connection":
        return f"a new connection to the guest at {event['site']} {'works' if event['works'] else 'fails'}"
    if kind == "shim":
        return f"{where}: {in_words(event['event'])}"
    return None


WORDS = {  # events of ilnp-host (docs/operations) as they read in a list
    "own_locator_up": "locator {locator} usable",
    "own_locator_down": "locator {locator} gone",
    "attached": "attached",
    "detached": "no locator at all",
    "locator_update_sent": "Locator Update sent: {locator}",
    "locator_update_acknowledged": "Locator Update acknowledged",
    "peer_moved": "peer moved to {locator}",
    "session_established": "session established",
    "session_recovered": "session recovered",
    "session_unreachable": "peer unreachable",
    "dns_published": "DNS says it too",
}


def in_words(event):
    try:
        return WORDS[event["event"]].format(**event)
    except KeyError:
        fields = {key: value for key, value in event.items() if key not in ("schema", "time", "level", "event")}
        return " ".join([event["event"]] + [f"{key}={value}" for key, value in fields.items()])


def close_up(run, figures, move):
    """Every datagram around a move, and a numbered list of what happened."""
    start = move["at_s"] + run.began
    stalls = [s["stall_ms"] or 2500 for name, s in move["streams"].items() if name.startswith("udp")]
    links = [abs(step["plugged"] - step["unplugged"]) for step in next(m for m in run.moves if m["number"] == move["number"])["who"].values()]
    until = min(max(0.8, 1.6 * max(stalls) / 1000, 1.15 * max(links)), 8.0, run.ended - start)
    since = -0.2 * until if move["kind"] != "soft" else -0.1 * until
    canvas = Canvas(since, until, 0)
    body, y = Canvas(since, until, 0), 10
    for number, receiver in enumerate(("client", "guest")):
        arrivals = run.arrivals["udp", receiver]
        points = [(r - start, (r - s) * 1000) for s, r in zip(arrivals.sent, arrivals.received)
                  if since <= r - start <= until]
        lost = [t - start for t in arrivals.lost_times(start + since, start + until)]
        y = dot_lane(body, y, 96, f"UDP to {receiver}", number, points, lost, "every datagram") + 12
    events = events_near(run, move, since, until)
    y = event_lane(body, y, events)
    time_axis(canvas, y, unit_seconds=False)
    canvas.parts += body.parts
    canvas.line(0, 0, y, "move", "the move begins")
    canvas.height = y + 20
    listing = "<ol>" + "".join(f"<li><i>{1000 * when:+.1f} ms</i>{escape(text)}</li>" for when, text in events) + "</ol>"
    if not any(len(run.arrivals["udp", receiver]) and since < run.arrivals["udp", receiver].received[-1] - start
               for receiver in ("client", "guest")):
        return ["</div><p class='soft'>No session was left to look at.</p>"]
    return [canvas.svg(f"close-up of move {move['number']}"), "</div>", listing]


def how_to_read():
    return """<h2>How to read this</h2>
<p class='text'>Each dot or curve point is a numbered record that one counter sent and the other received; its height is the time it
took. A move to a site that is farther away lifts the curve, a stall leaves a red field, a lost datagram a red tick at
the time it was sent. TCP loses nothing: what waited during a stall arrives at its end, old, hence the spike.</p>
<p class='text'>“Link to usable locator” is what the network takes (router advertisement, duplicate address detection); “usable to
first packet” is what the host takes, plus the one-way delay where the packet is seen at the peer.</p>
"""
