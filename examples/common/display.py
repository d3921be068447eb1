# SPDX-License-Identifier: Apache-2.0
"""What the person in front of the terminal sees: steps, events, a live line, the table at the end.

On a terminal the live line is rewritten in place; elsewhere it comes as a plain line every two seconds. With --json
standard output belongs to the result and all of this goes to standard error."""
import shutil
import sys
import time

BOLD, GREEN, RED, DIM, PLAIN = "\033[1m", "\033[32m", "\033[31m", "\033[2m", "\033[0m"


class Display:
    def __init__(self, name, json_wanted):
        self.name = name
        self.json_wanted = json_wanted
        self.out = sys.stderr if json_wanted else sys.stdout
        self.terminal = self.out.isatty()
        self._live_shown = False
        self._last_live = 0.0
        self._began = time.monotonic()

    def _clear(self):
        if self._live_shown:
            self.out.write("\r\033[K")
            self._live_shown = False

    def say(self, text):
        self._clear()
        print(text, file=self.out, flush=True)

    def paint(self, colour, text):
        return f"{colour}{text}{PLAIN}" if self.terminal else text

    def step(self, text):
        self.say(self.paint(DIM, f"{time.monotonic() - self._began:5.1f} s  ") + text)

    def event(self, text):
        self.say(self.paint(DIM, f"{time.monotonic() - self._began:5.1f} s  ") + self.paint(BOLD, text))

    def failure(self, text):
        self._clear()
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)

    def live(self, line):
        """`line(now)` says how things are."""
        now = time.monotonic()
        if not self.terminal and now - self._last_live < 2:
            return
        self._last_live = now
        text = line(now)
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            self.out.write("\r\033[K" + text[:width])
            self.out.flush()
            self._live_shown = True
        else:
            self.say(f"{now - self._began:5.1f} s  {text}")

    def checks(self, checks):
        for check in checks:
            mark = self.paint(GREEN, "ok  ") if check["ok"] else self.paint(RED, "FAIL")
            self.say(f"  {mark} {check['name']}: {check['detail']}")

    def verdict(self, verdict):
        self.say("")
        self.say(self.paint(BOLD + (GREEN if verdict["ok"] else RED), verdict["text"]))
