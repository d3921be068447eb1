# SPDX-License-Identifier: Apache-2.0
"""What the checks of this folder share: packets of a generator with its notes, what tshark reads in them, and the verdict."""
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile

GOOD, BAD = "1", "0"  # <protocol>.checksum.status


@contextlib.contextmanager
def generated(count):
    """GENERATOR TSHARK [COUNT] of the command line: (tshark, capture file, notes), one note for each packet."""
    generator, tshark = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        capture, notes = folder + "/packets.pcap", folder + "/meant.json"
        subprocess.run([generator, capture, notes, sys.argv[3] if len(sys.argv) > 3 else str(count)], check=True, timeout=300)
        yield tshark, capture, json.loads(pathlib.Path(notes).read_text())


def dissect(tshark, capture, fields, preferences, decode_as):
    """One dict per frame: field to list of values. `decode_as`: ports whose payload is no application's."""
    command = [tshark, "-n", "-r", capture, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"]
    for preference in preferences:
        command += ["-o", preference]
    for ports in decode_as:
        command += ["-d", f"{ports},data"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return [{field: value.split(",") if value else [] for field, value in zip(fields, line.split("\t"))}
            for line in done.stdout.splitlines()]


def finish(counts, problems, frames):
    """Says what there was, and ends: 1 where tshark does not agree."""
    for kind, seen in sorted(counts.items()):
        print(f"{seen:6} {kind}")
    print("\n".join(problems[:20]) or f"tshark agrees on all {len(frames)} packets")
    sys.exit(1 if problems else 0)
