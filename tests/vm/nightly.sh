#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Many moves of a real guest under each condition: hours. A line for each; what is not "ok" has its output in DIRECTORY.
#
#   sudo tests/vm/nightly.sh BUILD_DIRECTORY [DIRECTORY]      MOVES=100 MANY=1000 by default
#
# Exit status: 0 when each condition is ok, or its guest's kernel died by emulation ("NOT TESTED"); 1 when one failed; 2 when
# nothing was tested.
set -uo pipefail
build=${1:?BUILD_DIRECTORY}
directory=${2:-$build/nightly}
moves=${MOVES:-100} many=${MANY:-1000}
mkdir -p "$directory"
tested=0 failed=0

# condition NAME OPTIONS...
condition() {
  local name=$1 status=0
  shift
  python3 "$(dirname "$0")/moves_test.py" "$build" "$@" >"$directory/$name.log" 2>&1 || status=$?
  case $status in
    0) tested=$((tested + 1)) ;;
    2) ;;
    *) failed=$((failed + 1)) ;;
  esac
  echo "$name: $(tail -n 1 "$directory/$name.log" | cut -c 1-300)"
}

for way in stop live postcopy; do
  condition "plain-$way" --moves "$moves" --ways "$way"
  condition "busy-$way" --moves "$moves" --ways "$way" --busy
done
condition loss-1 --moves "$moves" --loss 1
condition delay-20 --moves "$moves" --delay 20
condition delay-150 --moves "$moves" --delay 150
condition delay-150-loss-1 --moves "$moves" --delay 150 --loss 1
condition many --moves "$many"

[ "$failed" = 0 ] || exit 1
[ "$tested" != 0 ] || exit 2
