#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds, and measures everything that docs/benchmarks.md reports: about twenty minutes on a machine that does nothing else.
#
#   tests/bench/run.sh           medians of five rounds and more
#   tests/bench/run.sh --quick   one short round of each: whether they work, no figures to quote
#
# Exit status 1 when a target is missed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. scripts/lib.sh

rounds=5 seconds=2
case ${1-} in
  "") ;;
  --quick) rounds=1 seconds=0.5 ;;
  -h | --help) sed -n '3,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
  *) fail "unknown option $1 (--help shows them)" ;;
esac

scripts/install-packages.sh build test demo || fail "the packages are not all there"
{ cmake --preset dev && cmake --build --preset dev -j "$(build_jobs)"; } >&2 || fail "the build failed"

missed=()
measure() {  # NAME COMMAND...
  printf '\n%s\n    %s\n' "$1" "${*:2}"
  "${@:2}" || missed+=("$1")
}
measure "data path" as_root tests/bench/datapath/datapath.py --rounds "$rounds" --seconds "$seconds"
measure "many sessions" as_root tests/bench/scaling/scaling.py --rounds "$rounds" --seconds "$seconds"
measure "stall of a move" as_root tests/bench/stall/stall.py --rounds "$rounds"
measure "the shared truth" as_root tests/bench/truth/truth.py --rounds "$rounds"
measure "data path of a border router" as_root tests/bench/border/border.py --rounds "$rounds" --seconds "$seconds"
measure "data path of a gateway" as_root tests/bench/lisp/lisp.py --rounds "$rounds" --seconds "$seconds"
measure "ways to a node behind a gateway" as_root tests/bench/lisp/nodes.py --rounds "$rounds" --seconds "$seconds"
measure "control plane of a gateway" as_root tests/bench/lisp/control.py --rounds "$rounds"
measure "failure of an uplink" as_root tests/bench/border/failover.py --rounds "$rounds"
measure "activation of a move" as_root tests/bench/border/activate.py
measure "many nodes" as_root tests/bench/border/resident.py
measure "the functions alone" build/dev/tests/bench/core_bench/core_bench
measure "the functions of a border router" build/dev/tests/bench/core_bench/site_bench
measure "the functions of a gateway" build/dev/tests/bench/core_bench/lisp_bench
echo
[ ${#missed[@]} -eq 0 ] || fail "missed a target: ${missed[*]}"
