# SPDX-License-Identifier: Apache-2.0
"""From what sessions recorded to figures, checks and a table."""
from .arrivals import Arrivals


def ms(seconds):
    return round(seconds * 1000, 1)


def check(name, ok, detail, timed=False):
    """`timed`: it is about time, and a busy machine may be what was late."""
    return {"name": name, "ok": bool(ok), "detail": detail, "timed": timed}


def session_checks(sessions, whose=""):
    """Did everything that Sessions.finish() speaks of survive, octet by octet?"""
    download, ssh = sessions["download"], sessions["ssh"]
    checks = [
        check(f"{whose}download", download["equal"] and download["curl_status"] == 0,
              f"{download['octets']} of {download['octets_expected']} octets, "
              + ("SHA-256 equal" if download["equal"] else "SHA-256 differs" if download["curl_status"] == 0 else
                 f"curl: {download['curl_status']}") + (f"; {download['message']}" if download["message"] else "")),
        check(f"{whose}ssh session", ssh["alive"] and ssh["lines_wrong"] == 0 and ssh["lines_back"] == ssh["lines_sent"],
              ("alive" if ssh["alive"] else f"died ({ssh['message'] or ssh['status']})") +
              f", {ssh['lines_back']} of {ssh['lines_sent']} lines back, {ssh['lines_wrong']} wrong"),
    ]
    for protocol in ("udp", "tcp"):
        for direction, stream in sessions[protocol].items():
            tcp = protocol == "tcp"
            clean = not stream.get("died") and stream.get("final") and stream["corrupt"] == 0
            checks.append(check(
                f"{whose}{protocol} {direction.replace('_', ' ')} counter",
                clean and (not tcp or (stream["jumps"] == 0 and stream["lost"] == 0)),
                (f"died: {stream['died']}" if stream.get("died") else "alive") +
                f", {stream.get('received', 0)} received, {stream.get('lost', 0)} lost, {stream.get('corrupt', 0)} corrupt"
                + (f", {stream.get('jumps', 0)} sequence gaps" if tcp else "")))
    return checks


def failed_names(checks):
    return "; ".join(each["name"] for each in checks if not each["ok"])


def longest_silence(times, since, until):
    """Seconds, of the silences that ended in the window."""
    return max((b - a for a, b in zip(times, times[1:]) if since <= b < until), default=0.0)


class Stalls:
    """What the sessions of one client felt between two moments."""

    def __init__(self, sessions):
        self.arrivals = {(protocol, role): Arrivals(counter.logs[role])
                         for protocol, counter in sessions.counters.items() for role in ("client", "guest")}
        self.echoes = sessions.ssh.echoes
        octets, self.grown = -1, []  # when the file had become larger
        for when, size in sessions.curl.progress:
            if size > octets:
                octets = size
                self.grown.append(when)

    def between(self, since, until):
        found = {f"{protocol} to {role}, ms": ms(stream.longest_gap(since, until)[0])
                 for (protocol, role), stream in self.arrivals.items()}
        found["ssh echo, ms"] = ms(longest_silence([back for _, _, back in self.echoes], since, until))
        found["download, ms"] = ms(longest_silence(self.grown, since, until))
        for role in ("client", "guest"):
            found[f"datagrams lost to {role}"] = self.arrivals["udp", role].lost(since - 1, until - 1)
        return found

    def round_trip(self, since, until):
        """Of an ssh line, in ms: the median of the last second."""
        trips = sorted(back - sent for _, sent, back in self.echoes if max(since, until - 1) <= back < until)
        return ms(trips[len(trips) // 2]) if trips else None


def table(columns, rows):
    """`rows`: [(label, [one cell per column])]."""
    lines = [("", columns)] + [(label, ["-" if c is None else f"{c:g}" if isinstance(c, float) else str(c) for c in cells])
                               for label, cells in rows]
    label = max(len(name) for name, _ in lines)
    widths = [max(len(cells[i]) for _, cells in lines) for i in range(len(columns))]
    out = [f"  {name:<{label}}  " + "  ".join(f"{text:>{width}}" for text, width in zip(cells, widths)) for name, cells in lines]
    out.insert(1, "  " + "-" * (len(out[0]) - 2))
    return "\n".join(out)
