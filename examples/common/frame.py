# SPDX-License-Identifier: Apache-2.0
"""What is around the run of an example: its folders, signals, a bound on its time, its exit status, and the tidying up.

Exit status: 0 every check held; 1 one did not; 2 the run itself did not work; 130 interrupted.
"""
import contextlib
import glob
import os
import shutil
import signal
import sys
import tempfile
import time

from .places import remove_leftovers
from .processes import Failure


def run(name, options, display, longest, body):
    """body(directory, out) does it, and returns whether every check held. `options` has out and keep."""
    if os.geteuid() != 0:
        print(f"{name}: needs root for network namespaces; examples/{name}/run.sh takes it", file=sys.stderr)
        return 2
    remove_leftovers(name)
    out = os.path.abspath(options.out or time.strftime(f"out/{name}-%Y%m%d-%H%M%S"))
    os.makedirs(out, exist_ok=True)
    directory = tempfile.mkdtemp(prefix=f"{name}-{os.getpid()}-")
    bound(longest)
    catch_signals()
    status = 2
    try:
        status = 0 if body(directory, out) else 1
    except Failure as failure:
        display.failure(str(failure))
        options.keep = True
    except KeyboardInterrupt:
        display.failure("interrupted")
        status = 130
    finally:
        signal.alarm(0)
        tidy(directory, out, options.keep)
    return status


def bound(longest):
    def too_late(_number, _frame):
        raise Failure(f"the run took more than {longest} s")

    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(longest)


def catch_signals():
    def interrupted(number, _frame):
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)  # a second one must not interrupt the cleaning up
        raise KeyboardInterrupt(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)


def tidy(directory, out, keep):
    if keep:
        for big in [path for name in ("www/download.bin", "downloaded-*.bin")
                    for path in glob.glob(f"**/{name}", root_dir=directory, recursive=True)]:
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(directory, big))
        shutil.rmtree(os.path.join(out, "run"), ignore_errors=True)
        shutil.move(directory, os.path.join(out, "run"))
        print(f"logs and configurations: {out}/run", file=sys.stderr)
    else:
        shutil.rmtree(directory, ignore_errors=True)
    # What sudo made belongs to who asked for it.
    owner, group = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if owner and group:
        for path, _, files in os.walk(out):
            for name in [path] + [os.path.join(path, file) for file in files]:
                os.chown(name, int(owner), int(group), follow_symlinks=False)
