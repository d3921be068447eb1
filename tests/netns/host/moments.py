# SPDX-License-Identifier: Apache-2.0
"""Moments in s since 1970, as events have them, and by the monotonic clock. All programs of a run have one clock."""
import datetime
import time


def seconds(event):
    """Since 1970."""
    return datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


def monotonic(wall):
    return wall - time.time() + time.monotonic()


def wall(monotonic_time):
    return time.time() - time.monotonic() + monotonic_time
