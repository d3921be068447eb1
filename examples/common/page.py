# SPDX-License-Identifier: Apache-2.0
"""Parts of a report.html: one file, no network, readable in a light and in a dark browser."""
from html import escape

STYLE = """
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #1d1d1f; --soft: #60636a; --faint: #dcdde0; --lane: #f3f3f1;
  --c0: #1f6fd0; --c1: #c0561a; --link0: #4a9a6a; --link1: #8a63c9; --bad: #d02b3a; --good: #1c7f4b; --stall: #d02b3a33; }
@media (prefers-color-scheme: dark) { :root { --page: #17181a; --ink: #e9e9ea; --soft: #a2a5ad; --faint: #383a3f;
  --lane: #1f2023; --c0: #6aa9f5; --c1: #f0955c; --link0: #5fb583; --link1: #ab8ae6; --bad: #ff6b76; --good: #5cc88d;
  --stall: #ff6b763d; } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 28px 24px 60px; max-width: 1180px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
h1 { font-size: 24px; margin: 0 0 4px } h2 { font-size: 17px; margin: 34px 0 8px } p { margin: 6px 0 } .text { max-width: 95ch }
.verdict { margin: 16px 0; padding: 12px 16px; border-left: 5px solid; background: var(--lane); font-weight: 600 }
.good { border-color: var(--good) } .bad { border-color: var(--bad) }
.soft { color: var(--soft) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px }
th, td { padding: 3px 14px 3px 0; text-align: right; border-bottom: 1px solid var(--faint); white-space: nowrap }
th:first-child, td:first-child { text-align: left } thead th { border-bottom: 2px solid var(--soft) }
ul.checks { list-style: none; padding: 0 } .checks b { display: inline-block; width: 3.2em }
.checks .ok b { color: var(--good) } .checks .no b { color: var(--bad) }
svg { width: 100%; min-width: 760px; height: auto; display: block; margin: 6px 0 2px }
svg text { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--ink) }
svg .small { font-size: 11px; fill: var(--soft) } svg .name { font-weight: 600 }
svg .number { font-size: 9.5px; fill: var(--page); font-weight: 700 }
.lane { fill: var(--lane) } .grid { stroke: var(--faint); stroke-width: 1 }
.curve { fill: none; stroke-width: 1.4; stroke-linejoin: round } .c0 { stroke: var(--c0) } .c1 { stroke: var(--c1) }
.dots { fill: none; stroke-width: 2.4; stroke-linecap: round } .lost { fill: none; stroke: var(--bad); stroke-width: 1 }
.stall { fill: var(--stall) } .dead { fill: var(--soft); opacity: .18 } .move { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 4 3 }
.link0 { fill: var(--link0) } .link1 { fill: var(--link1) } .event { fill: var(--ink) }
.key { display: inline-block; width: 22px; height: 3px; vertical-align: middle; margin: 0 6px 0 14px }
.key.area { height: 12px } ol { columns: 2; column-gap: 40px; font-size: 13.5px; padding-left: 26px; margin: 4px 0; overflow-wrap: anywhere }
ol i { font-style: normal; color: var(--soft); font-variant-numeric: tabular-nums; margin-right: 6px }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace }
@media (max-width: 760px) { ol { columns: 1 } }
"""


def head(title):
    return ("<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>")


def verdict_of(figures):
    verdict = figures["verdict"]
    return f"<div class='verdict {'good' if verdict['ok'] else 'bad'}'>{escape(verdict['text'])}</div>"


def checks_of(figures):
    return "<ul class='checks'>" + "".join(
        f"<li class='{'ok' if c['ok'] else 'no'}'><b>{'ok' if c['ok'] else 'FAIL'}</b>{escape(c['name'])}: "
        f"{escape(c['detail'])}</li>" for c in figures["checks"]) + "</ul>"


def html_table(columns, rows):
    """`rows`: [(label, [the text of one cell per column])]."""
    top = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(f"<tr><td>{escape(name)}</td>" + "".join(f"<td>{escape(text)}</td>" for text in cells) + "</tr>"
                   for name, cells in rows)
    return f"<table><thead><tr><th></th>{top}</tr></thead><tbody>{body}</tbody></table>"
