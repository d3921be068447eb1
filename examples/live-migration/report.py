# SPDX-License-Identifier: Apache-2.0
"""report.html of a run: the table, and for each move what happened around it on one time axis."""
import os
from html import escape

from common.drawing import Canvas, dot_lane, event_lane, time_axis
from common.page import checks_of, head, html_table, verdict_of


def write_report(run, figures, rows, out):
    events = figures["events"]
    columns = [f"move {event['number']}: {event['from']} to {event['kind']} by {event['by']}" for event in events]
    text = [(name, ["-" if cell is None else str(cell) for cell in cells]) for name, cells in rows]
    parts = [head("A virtual machine that moves"), "<h1>A virtual machine that moves</h1>",
             f"<p class='soft'>Linux {escape(figures['kernel'])} in QEMU, accelerator {escape(figures['accelerator'])}; "
             + ("plain IPv6" if figures["settings"]["without_ilnp"] else "ilnp-host in the guest") + "; one-way delays "
             + ", ".join(f"{escape(line)} {delay:g} ms" for line, delay in figures["settings"]["delays"].items()) + "</p>",
             verdict_of(figures), checks_of(figures), "<h2>Per move</h2>",
             "<div class='scroll'>", html_table(columns, text), "</div>"]
    for event in events:
        parts += [f"<h2>Move {event['number']}: {event['from']} to {event['kind']} by {event['by']}, memory: {event['way']}</h2>",
                  "<p class='soft'>Times in ms after the guest runs at its new place (RESUME). A dot is a datagram from the guest "
                  "where it comes; its height is how much later than the fastest of the move it came.</p>",
                  "<div class='scroll'>", *close_up(run, event)]
    with open(os.path.join(out, "report.html"), "w", encoding="utf-8") as file:
        file.write("".join(parts) + "</body></html>\n")


def close_up(run, event):
    since, until = -event["stopped_ms"] / 1000 - 0.3, 0.8
    body, y = Canvas(since, until, 0), 10
    for number, peer in enumerate(run.peers):
        points = [(when, late) for when, late in run.arrivals_near(event, peer) if since <= when <= until]
        y = dot_lane(body, y, 60, run.peers[peer], number % 2, points, [], "every datagram") + 12
    steps = [(at / 1000, step) for step, at in event["timeline_ms"].items()]
    shown = [(when, step) for when, step in steps if since <= when <= until]
    y = event_lane(body, y, shown)
    time_axis(body, y, unit_seconds=False)
    body.line(0, 0, y, "move", "the guest runs")
    body.height = y + 20
    later = [(when, step) for when, step in steps if (when, step) not in shown]
    listing = "".join(f"<li><i>{1000 * when:+.1f} ms</i>{escape(step)}</li>" for when, step in shown + later)
    return [body.svg(f"move {event['number']}"), "</div>", f"<ol>{listing}</ol>"]
