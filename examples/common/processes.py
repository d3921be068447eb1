# SPDX-License-Identifier: Apache-2.0
"""Child processes of a run: started in a network namespace, logged, always stopped.

A child dies with us whatever happens to us (PR_SET_PDEATHSIG); stop() is the orderly way.
"""
import ctypes
import os
import signal
import subprocess
import threading
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """Something that the run needs did not work; the text is for the person who runs it."""


def _tied_to_parent():
    # Interrupts from the terminal are ours to handle; the children are told in order.
    os.setpgrp()
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Child:
    def __init__(self, name, argv, log_directory, on_line=None, stdin=None, env=None):
        self.name, self.argv = name, argv
        self.log_path = os.path.join(log_directory, name + ".log")
        self._log = open(self.log_path, "wb")
        self.process = subprocess.Popen(
            argv, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE if on_line else self._log,
            stderr=self._log, preexec_fn=_tied_to_parent, env=env)
        self._reader = None
        if on_line:
            self._reader = threading.Thread(target=self._read, args=(on_line,), daemon=True)
            self._reader.start()

    def _read(self, on_line):
        for line in self.process.stdout:
            on_line(line)

    def running(self):
        return self.process.poll() is None

    def wait(self, timeout):
        """Exit status, or None when it still runs after `timeout` seconds."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        if self._reader:
            self._reader.join(2)
        return status

    def terminate(self):
        if self.running():
            self.process.terminate()

    def stop(self, timeout=3):
        self.terminate()
        if self.wait(timeout) is None:
            self.process.kill()
            self.process.wait()
        self._log.close()
        return self.process.returncode

    def wait_for_log(self, text, timeout):
        """Returns once its log contains `text`; a child that ends before is a failure."""
        deadline = time.monotonic() + timeout
        while text not in self.log_text():
            if not self.running() and text not in self.log_text():
                raise Failure(f"{self.name} ended with status {self.process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise Failure(f"{self.name} was not ready within {timeout} s:\n{self.log_tail()}")
            time.sleep(0.02)

    def log_text(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def log_tail(self, lines=15):
        return "\n".join("  " + line for line in self.log_text().splitlines()[-lines:])


def run(argv, timeout=20, input_text=None, check=True):
    """Runs a command to its end and returns its standard output."""
    try:
        done = subprocess.run(argv, input=input_text, capture_output=True, text=True, timeout=timeout)
    except FileNotFoundError as missing:
        raise Failure(f"{argv[0]}: not installed") from missing
    except subprocess.TimeoutExpired as late:
        raise Failure(f"{' '.join(argv)}: no end within {timeout} s") from late
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(argv)}: status {done.returncode}\n{done.stderr.strip()}\n{(input_text or '')[:2000]}")
    return done.stdout


def wait_until(condition, timeout, what):
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {timeout} s")
        time.sleep(0.02)
