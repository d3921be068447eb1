# SPDX-License-Identifier: Apache-2.0
"""QEMU's control socket (QMP): commands, and events with the time at which they came here (CLOCK_MONOTONIC)."""
import json
import os
import socket
import threading
import time

from lab import Failure, check


class Qmp:
    """A thread reads, so that the time of an event is that of its arrival. Events: [(seconds, name, data)], oldest first."""

    def __init__(self, path, timeout=10.0):
        self.path, self.events = path, []
        self._answers, self._number, self._changed, self._closed = {}, 0, threading.Condition(), None
        self._socket = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + timeout
        while True:
            try:
                self._socket.connect(path)
                break
            except OSError as error:
                check(time.monotonic() < end, f"{path}: {error}")
                time.sleep(0.02)
        self._lines = self._socket.makefile("rb")
        greeting = json.loads(self._lines.readline() or b"{}")
        check("QMP" in greeting, f"{path} does not greet: {greeting}")
        threading.Thread(target=self._read, daemon=True).start()
        self.ask("qmp_capabilities")

    def _read(self):
        try:
            for line in self._lines:
                self._take(time.monotonic(), json.loads(line))
        except (OSError, ValueError):
            pass
        with self._changed:
            self._closed = time.monotonic()
            self._changed.notify_all()

    def _take(self, now, message):
        with self._changed:
            if "event" in message:
                self.events.append((now, message["event"], message.get("data", {})))
            elif "id" in message:
                self._answers[message["id"]] = message
            self._changed.notify_all()

    def ask(self, command, timeout=20.0, **arguments):
        """The answer; a refusal is a Failure."""
        with self._changed:
            self._number += 1
            number = self._number
        words = {"execute": command, "id": number}
        if arguments:
            words["arguments"] = arguments
        try:
            self._socket.sendall(json.dumps(words).encode() + b"\n")
        except OSError as error:
            raise Failure(f"{command}: QEMU is gone ({error})") from error
        with self._changed:
            there = self._changed.wait_for(lambda: number in self._answers or self._closed, timeout)
            answer = self._answers.pop(number, None)
        if answer is None:
            raise Failure(f"{command}: " + ("QEMU is gone" if there else f"no answer within {timeout} s"))
        check("return" in answer, f"{command}: {answer.get('error')}")
        return answer["return"]

    def wait_event(self, name, since=0, timeout=20.0, match=lambda data: True):
        """(seconds, data) of the first event after number `since` of the list."""
        def found():
            return next(((when, data) for when, event, data in self.events[since:] if event == name and match(data)), None)
        with self._changed:
            self._changed.wait_for(lambda: found() or self._closed, timeout)
            event = found()
            if event is None:
                raise Failure(f"QEMU is gone before {name}" if self._closed else f"no {name} within {timeout} s")
            return event

    def close(self):
        # Ends the thread's read, and with it its file.
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()


def unix_path(directory, name):
    """A Unix socket's name has at most 107 octets."""
    path = os.path.join(directory, name)
    check(len(path) < 108, f"{path} is too long for a socket")
    return path
