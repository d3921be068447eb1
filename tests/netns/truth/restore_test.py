# SPDX-License-Identifier: Apache-2.0
"""restore_test.py BUILD: a store that is not the one of before is refused until the operator accepts it."""
import os
import sys

from truth_lab import Cluster, key, outcomes, record, restored
from lab import check, test_main, wait_until


def is_refused(client, words, records):
    client.wait_state("refused")
    status = client.ask("status")
    check(words in status["why"], f"the alarm says what is wrong: {status}")
    client.wait_event("reachable", reachable=False)
    check(client.records() == records, "forwarding goes on as before")
    for what in (client.claim(500), client.send("read", key=key(1))):
        answer = client.answer(what)
        check(answer["outcome"] == "refused" and words in answer["why"], f"nothing is put to it: {answer}")


def test(lab):
    cluster = Cluster(lab)
    cluster.start()
    c1 = cluster.client("c1").wait_state("ready")
    check(all(a["outcome"] == "done" for a in outcomes(c1, [c1.claim(n) for n in range(10)])), "ten records")
    snapshot = os.path.join(lab.directory, "backup")
    cluster.ctl("snapshot", "save", snapshot, node="e1")
    backup = c1.records()
    moved = c1.ask("replace", key=key(3), record=record(3, "dc2"), expected=backup[key(3)])
    check(moved["outcome"] == "done", f"{moved}")
    check(all(a["outcome"] == "done" for a in outcomes(c1, [c1.claim(n) for n in range(20, 30)])), "ten more")
    c1.wait_state("ready")
    newest = c1.records()

    # The same cluster by name and id, but as it was.
    restored(cluster, snapshot, "first")
    is_refused(c1, "set back to an older state", newest)
    c1.stop()
    c1.start()
    c1.wait_event("resync_finished", records=len(newest))
    is_refused(c1, "set back to an older state", newest)

    c1.events.clear()
    c1.send("accept")
    c1.wait_event("reachable", reachable=True)
    c1.wait_state("ready")
    wait_until(lambda: c1.records() == backup, "the store's records are the truth again")
    again = c1.ask("replace", key=key(3), record=record(3, "dc2"), expected=backup[key(3)])
    check(again["outcome"] == "done" and again["epoch"] < newest[key(29)], f"with lower epochs: {again}")

    # Another cluster at the same addresses.
    here = c1.records()
    restored(cluster, snapshot, "other")
    is_refused(c1, "another cluster", here)
    c1.send("accept")
    c1.wait_state("ready")
    wait_until(lambda: c1.records() == backup, "accepted")
    c1.stop()


if __name__ == "__main__":
    sys.exit(test_main(test))
