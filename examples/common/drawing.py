# SPDX-License-Identifier: Apache-2.0
"""The SVG of the report: lanes over one time axis, and the same closer around each move. Colours are CSS classes, so
that one picture serves light and dark pages."""
from html import escape

WIDTH, LEFT, RIGHT = 1120, 150, 14
STALL = 0.05  # s of silence that are marked
BUCKET = 0.02  # s per point of a delay curve


class Canvas:
    def __init__(self, start, end, height):
        self.start, self.end, self.height = start, end, height
        self.parts = []

    def x(self, when):
        return round(LEFT + (when - self.start) / (self.end - self.start) * (WIDTH - LEFT - RIGHT), 2)

    def visible(self, since, until):
        return until > self.start and since < self.end

    def rect(self, since, until, y, height, css, title=""):
        if self.visible(since, until):
            a, b = self.x(max(since, self.start)), self.x(min(until, self.end))
            self.parts.append(f'<rect class="{css}" x="{a}" y="{y:g}" width="{max(b - a, 1.2):.2f}" height="{height:g}">'
                              f"<title>{escape(title)}</title></rect>")

    def line(self, when, y1, y2, css, title=""):
        if self.visible(when, when + 1e-9):
            x = self.x(when)
            self.parts.append(f'<line class="{css}" x1="{x}" y1="{y1:g}" x2="{x}" y2="{y2:g}"><title>{escape(title)}</title></line>')

    def text(self, x, y, text, css="", anchor="start"):
        self.parts.append(f'<text class="{css}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>')

    def path(self, points, css):
        if points:
            steps = "L".join(f"{x:g} {y:.1f}" for x, y in points)
            self.parts.append(f'<path class="{css}" d="M{steps}"/>')

    def svg(self, label):
        return (f'<svg viewBox="0 0 {WIDTH} {self.height:g}" role="img" aria-label="{escape(label)}">'
                + "".join(self.parts) + "</svg>")


class Scale:
    """A lane's vertical scale with its frame, name and two or three ticks."""

    def __init__(self, canvas, y, height, top, name, unit, hint=""):
        self.canvas, self.y, self.height, self.top = canvas, y, height, max(top, 1e-9)
        canvas.parts.append(f'<rect class="lane" x="{LEFT}" y="{y:g}" width="{WIDTH - LEFT - RIGHT}" height="{height:g}"/>')
        canvas.text(0, y + 13, name, "name")
        if hint:
            canvas.text(0, y + 28, hint, "small")
        for tick in ticks(self.top):
            canvas.parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{self.at(tick):.1f}" y2="{self.at(tick):.1f}"/>')
            canvas.text(LEFT - 6, self.at(tick) + 4, f"{tick:g}{unit if tick == ticks(self.top)[-1] else ''}", "small", "end")

    def at(self, value):
        return self.y + self.height - min(value, self.top) / self.top * self.height


def ticks(top):
    step = next(s for e in range(-1, 9) for s in (10 ** e, 2 * 10 ** e, 5 * 10 ** e) if top / s <= 3)
    return [n * step for n in range(0, int(top / step) + 1)]


def nice_top(value):
    return next(s for e in range(-1, 9) for s in (10 ** e, 1.5 * 10 ** e, 2 * 10 ** e, 3 * 10 ** e, 5 * 10 ** e, 7 * 10 ** e) if value <= s)


# ---------------------------------------------------------------- lanes

def time_axis(canvas, y, unit_seconds=True):
    span = canvas.end - canvas.start
    step = next(s for s in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if span / s <= 14)
    n = int(canvas.start / step) - 1
    while n * step <= canvas.end:
        when = n * step
        if when >= canvas.start:
            canvas.line(when, 0, y, "grid")
            label = f"{when:g} s" if unit_seconds else f"{when * 1000:+.0f} ms" if when else "0"
            canvas.text(canvas.x(when), y + 14, label, "small", "middle")
        n += 1


def attachment_lane(canvas, y, name, spans, end):
    """One row per site: where the node had a link."""
    canvas.text(0, y + 13, name, "name")
    for row, site in enumerate(spans):
        top = y + row * 18
        canvas.parts.append(f'<rect class="lane" x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="14"/>')
        canvas.text(LEFT - 6, top + 11, site, "small", "end")
        for since, until in spans[site]:
            canvas.rect(since, until if until is not None else end, top, 14, f"link{row}", f"{name} linked to {site}")
    return y + len(spans) * 18


def delay_lane(canvas, y, height, name, streams, hint):
    """`streams`: [(label, css number, series, gaps)] with times relative to the run's start."""
    highest = [high for _, _, series, _ in streams for t, _, high in series if canvas.start <= t <= canvas.end]
    scale = Scale(canvas, y, height, nice_top(max(highest, default=1)), name, " ms", hint)
    for label, number, series, gaps in streams:
        for since, until in gaps:
            half = height / 2 if len(streams) > 1 else height
            canvas.rect(since, until, y + (number * half if len(streams) > 1 else 0), half, f"stall stall{number}",
                        f"{name} {label}: nothing for {1000 * (until - since):.0f} ms")
        segment, last = [], None
        for t, low, high in series:
            if not canvas.start <= t <= canvas.end:
                continue
            if last is not None and t - last > STALL:
                canvas.path(segment, f"curve c{number}")
                segment = []
            segment.append((canvas.x(t), scale.at(low)))
            if high - low > 0.5:
                segment += [(canvas.x(t), scale.at(high)), (canvas.x(t), scale.at(low))]
            last = t
        canvas.path(segment, f"curve c{number}")
    return y + height


def dot_lane(canvas, y, height, name, number, points, lost, hint):
    """Single datagrams: delay over arrival; those that never came stand at the bottom at the time they were sent."""
    scale = Scale(canvas, y, height, nice_top(max((d for _, d in points), default=1)), name, " ms", hint)
    dots = "".join(f"M{canvas.x(t)} {scale.at(d):.1f}h.01" for t, d in points if canvas.start <= t <= canvas.end)
    if dots:
        canvas.parts.append(f'<path class="dots c{number}" d="{dots}"/>')
    ticks_ = "".join(f"M{canvas.x(t)} {y + height}v-9" for t in lost if canvas.start <= t <= canvas.end)
    if ticks_:
        canvas.parts.append(f'<path class="lost" d="{ticks_}"/>')
    return y + height


def curve_lane(canvas, y, height, name, points, unit, number, hint="", dots=False):
    scale = Scale(canvas, y, height, nice_top(max((v for _, v in points), default=1)), name, unit, hint)
    where = [(canvas.x(t), scale.at(v)) for t, v in points if canvas.start <= t <= canvas.end]
    if dots:
        canvas.parts.append(f'<path class="dots c{number}" d="' + "".join(f"M{x} {v:.1f}h.01" for x, v in where) + '"/>')
    else:
        canvas.path(where, f"curve c{number}")
    return y + height


def move_marks(canvas, moves, bottom):
    for move in moves:
        canvas.line(move["at_s"], 0, bottom, "move", f"move {move['number']}")
        if canvas.start <= move["at_s"] <= canvas.end:
            canvas.text(canvas.x(move["at_s"]) + 4, 12, f"move {move['number']}: {move['kind']}", "name")


def event_lane(canvas, y, events):
    """Marks with numbers, one mark for those that coincide; the list below the picture says what they are."""
    canvas.text(0, y + 13, "events", "name")
    groups = []  # [x, first number, last number, texts]
    for number, (when, text) in enumerate(events, 1):
        if not canvas.start <= when <= canvas.end:
            continue
        x = canvas.x(when)
        if groups and x - groups[-1][0] < 9:
            groups[-1][2] = number
            groups[-1][3].append(text)
        else:
            groups.append([x, number, number, [text]])
    ends = [-100.0] * 4  # right edge of what stands on each row
    for x, first, last, texts in groups:
        label = str(first) if first == last else f"{first}-{last}"
        width = 11 + 5.6 * len(label)
        row = next((i for i, end in enumerate(ends) if x - width / 2 > end + 2), len(ends) - 1)
        ends[row] = x + width / 2
        top = y + 1 + row * 17
        canvas.parts.append(
            f'<g><title>{escape(chr(10).join(texts))}</title><line class="grid" x1="{x}" x2="{x}" y1="{y - 3:g}" y2="{top:g}"/>'
            f'<rect class="event" x="{x - width / 2:.1f}" y="{top:g}" width="{width:.1f}" height="15" rx="7.5"/>'
            f'<text class="number" x="{x}" y="{top + 11:g}" text-anchor="middle">{label}</text></g>')
    return y + 70
