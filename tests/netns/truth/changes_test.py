# SPDX-License-Identifier: Apache-2.0
"""changes_test.py BUILD: what is acknowledged is there, one of two wins, nobody changes anything without a majority."""
import sys

from truth_lab import Authority, Cluster, address, key, outcomes, record
from lab import check, test_main, wait_until


def the_leader_is_killed_in_a_stream_of_changes(cluster, c1, c2):
    """Two routers claim the same 200 nodes at the same time; in the middle the leader is killed."""
    leader = cluster.leader()
    sent = []
    for number in range(200):
        sent.append((c1.claim(number, "dc1"), c2.claim(number, "dc2")))
        if number == 100:
            cluster.members[leader].kill()
        if number >= 4:  # a few are always under way
            c1.answer(sent[number - 4][0]), c2.answer(sent[number - 4][1])
    pairs = list(zip(outcomes(c1, [a for a, _ in sent]), outcomes(c2, [b for _, b in sent])))
    known = [pair for pair in pairs if all(answer["outcome"] != "unreachable" for answer in pair)]
    check(len(known) > 150, f"only {len(known)} of 200 races had an end")
    for pair in known:
        check(sorted(a["outcome"] for a in pair) == ["conflict", "done"], f"one wins: {pair}")
    c1.wait_state("ready")
    for number in range(1000, 1020):
        wait_until(lambda n=number: owned(c1, n), "two members are enough")
        check("epoch" in c1.read(number), f"{number} was acknowledged, and is not there")
    stored = {number: c1.read(number) for number in range(200)}
    for number, pair in enumerate(pairs):
        for answer in pair:
            if answer["outcome"] == "done":
                check(stored[number].get("epoch") == answer["epoch"], f"{number}: {pair}, read {stored[number]}")
    wait_until(lambda: c1.records() == c2.records(), "the two routers do not agree")
    cluster.members[leader].start("existing")
    wait_until(cluster.leader, "the cluster does not come together again", 40, 0.1)
    print(f"  leader killed: {len(known)} of 200 races decided, the others unknown to one of the two")


def owned(client, number):
    """Whether a claim of this node was acknowledged, now or, when its answer was late, before."""
    outcome = client.answer(client.claim(number))["outcome"]
    check(outcome in ("done", "conflict", "unreachable"), f"claim of {number}: {outcome}")
    return outcome != "unreachable"


def two_claim_one_node_in_the_same_second(c1, c2):
    decided = 0
    for number in range(2000, 2060):
        pair = c1.answer(c1.claim(number, "dc1")), c2.answer(c2.claim(number, "dc2"))
        if "unreachable" in [a["outcome"] for a in pair]:
            continue  # a store on a busy machine may be late
        check([a["outcome"] for a in pair] == ["done", "conflict"], f"the second is told: {pair}")
        check(c2.read(number)["epoch"] == pair[0]["epoch"], "a conflict changes nothing")
        decided += 1
        if decided == 20:
            return
    check(False, f"only {decided} claims were decided")


def a_minority_changes_nothing(cluster, c2):
    alone = cluster.client("c1", "alone", members=["e1"])
    alone.wait_state("ready")
    before = alone.records()
    alone.events.clear()
    e1 = cluster.members["e1"].ns
    others = [f"{address(member)}/128" for member in ("e2", "e3")]
    for other in others:
        e1.ip("-6", "route", "add", "blackhole", other)
    answers = outcomes(alone, [alone.claim(3000 + i) for i in range(5)])
    check({a["outcome"] for a in answers} <= {"unreachable"}, f"no majority, no change: {answers}")
    check(alone.wait_event("reachable", reachable=False)["why"], "and it is said why")
    check(alone.records() == before, "the copy serves")
    wait_until(lambda: c2.answer(c2.claim(3100))["outcome"] in ("done", "conflict"), "the majority goes on")
    for other in others:
        e1.ip("-6", "route", "del", "blackhole", other)
    alone.wait_state("ready")
    wait_until(lambda: key(3100) in alone.records(), "what the others did meanwhile is seen")
    alone.stop()


def the_store_is_compacted_while_the_watch_is_cut(cluster, c1, c2):
    c1.events.clear()
    c1.cut()
    for number in (1001, 1002):
        removed = c2.ask("remove", key=key(number), expected=c2.records()[key(number)])
        check(removed["outcome"] == "done", f"{removed}")
    revision = c2.ask("status")["revision"]
    cluster.ctl("compact", str(revision))
    c1.wait_event("reachable", reachable=False)
    check(key(1001) in c1.records(), "nothing is forgotten while the store is away")
    c1.events.clear()
    c1.cut(off=False)
    c1.wait_event("resync_finished")
    check(key(1001) not in c1.records() and c1.records() == c2.records(), "a full read finds what is gone")


def a_router_starts_without_the_store(c1):
    known = c1.records()
    c1.stop()
    c1.cut()
    c1.start()
    c1.wait_event("resync_finished", records=len(known))
    check(c1.records() == known, "the copy has everything")
    c1.wait_event("reachable", reachable=False)
    check(c1.answer(c1.claim(4000))["outcome"] == "unreachable", "no claim without the store")
    c1.cut(off=False)
    c1.wait_event("reachable", reachable=True)
    c1.wait_state("ready")
    check(c1.answer(c1.claim(4000))["outcome"] == "done", "and then again")


def only_the_right_certificates_do(cluster):
    stranger = Authority(cluster.directory, "stranger")
    stranger.sign("impostor", "DNS:client")
    cluster.members["e2"].ns.ip("addr", "add", "2001:db8:e2::3/64", "dev", "eth0", "nodad")
    cases = {
        "certificate": cluster.client("c2", "wrong-ca", ca=stranger.path("pem")),
        "mismatch": cluster.client("c2", "wrong-name", endpoints=["https://[2001:db8:e2::3]:2377"]),
        "": cluster.client("c2", "impostor", certificate=stranger.path("pem", "impostor"),
                           key=stranger.path("key", "impostor")),
    }
    for words, client in cases.items():
        why = wait_until(lambda c=client: c.ask("read", key=key(1))["why"], "no answer")
        check(words in why, f"{client.name}: {why}")
        check(client.ask("status")["state"] == "unreachable", f"{client.name} got in")
        client.stop()


def test(lab):
    cluster = Cluster(lab)
    cluster.start()
    c1, c2 = cluster.client("c1"), cluster.client("c2")
    for client in (c1, c2):
        client.wait_state("ready")
    check(c1.ask("replace", key=key(1), record=record(1), expected=7)["outcome"] == "conflict", "not there")
    the_leader_is_killed_in_a_stream_of_changes(cluster, c1, c2)
    two_claim_one_node_in_the_same_second(c1, c2)
    the_store_is_compacted_while_the_watch_is_cut(cluster, c1, c2)
    a_router_starts_without_the_store(c1)
    a_minority_changes_nothing(cluster, c2)
    only_the_right_certificates_do(cluster)
    for client in (c1, c2):
        client.stop()


if __name__ == "__main__":
    sys.exit(test_main(test))
