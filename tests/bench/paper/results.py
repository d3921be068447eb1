# SPDX-License-Identifier: Apache-2.0
"""What was measured, row by row in a CSV file, and the statistics and tables made of it."""
import csv
import os
import platform
import statistics
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, "../../.."))
WHERE = ("commit", "machine", "accelerator", "way")  # fields of every row
WAYS = {"shared": "a file that both processes map, so that only processor and devices are handed over",
        "stop": "copied after it has stopped", "live": "copied while it runs", "postcopy": "fetched when it runs again"}


class Rows:
    """A CSV file to which each move is added when it is over: a run that was broken off goes on where it was."""

    def __init__(self, path, fields):
        self.path, self.fields = path, (*fields, *WHERE)

    def read(self):
        if not os.path.exists(self.path):
            return []
        with open(self.path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != self.fields:
                raise ValueError(f"{self.path} has other columns than this program writes: move it away")
            return [{name: text if name in WHERE else number(text) for name, text in row.items()} for row in reader]

    def append(self, rows):
        new = not os.path.exists(self.path)
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.fields, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerows(rows)


def number(text):
    """A cell: a number where it is one, None where there was nothing to measure."""
    try:
        return float(text) if text else None
    except ValueError:
        return text


def chosen(rows, **wanted):
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def values(rows, field):
    return [row[field] for row in rows if row[field] is not None]


def five(found):
    """Least, first quartile, median, third quartile, most."""
    quartiles = statistics.quantiles(found, n=4, method="inclusive") if len(found) > 1 else [found[0]] * 3
    return (min(found), *quartiles, max(found))


def spread(found, digits=0):
    """The median, the quartiles in brackets, as text."""
    if not found:
        return "-"
    _, low, middle, high, _ = five(found)
    return f"{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def table(columns, rows):
    """In Markdown; None: nothing to say."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join("-" if cell is None else str(cell) for cell in line) + " |" for line in lines) + "\n"


def commit():
    """What is checked out; rows and pages that a run writes itself are no change."""
    def git(*words):
        return subprocess.run(["git", "-C", ROOT, "-c", f"safe.directory={ROOT}", *words], capture_output=True, text=True,
                              check=False).stdout.strip()
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/papers")
    return (git("rev-parse", "--short=8", "HEAD") or "unknown") + ("-dirty" if changed else "")


def stamp(accelerator, way):
    """Where and with what a row was measured; `way`: of the guest's memory."""
    with open("/proc/cpuinfo", encoding="ascii") as lines:
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {"commit": commit(), "accelerator": accelerator, "way": way,
            "machine": f"{os.cpu_count()} x {models[0] if models else platform.machine()}; Linux {platform.release()}"}


def measured_with(rows):
    """For the page: all that the rows were measured with."""
    def all_of(field):
        return " and ".join(sorted({row[field] for row in rows}))
    return (f"Measured at commit {all_of('commit')}, on {all_of('machine')}; the guest's processor: "
            f"{all_of('accelerator').upper()}.\n")


def memory_of(rows):
    return " or ".join(WAYS[way] for way in sorted({row["way"] for row in rows}))
