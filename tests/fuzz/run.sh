#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh SECONDS [TARGET...]   runs every fuzz target (or those named) for that long, two at a time
# run.sh --keep                adds what earlier runs found to the kept corpora, as few inputs as reach the same code
# The last line reads "N passed, N failed". Inputs that break something lie in build/fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build/asan-ubsan found=build/fuzz/found artifacts=build/fuzz/artifacts logs=build/fuzz/logs
kept=tests/fuzz/corpus
max_octets=2048 memory_mb=1024 seconds_per_input=10 jobs=2

usage() { sed -n '3,5s/^# //p' "$0"; exit 2; }
[[ $# -ge 1 ]] || usage

cmake --preset asan-ubsan >"${TMPDIR:-/tmp}/fuzz-configure.$$" 2>&1 || { cat "${TMPDIR:-/tmp}/fuzz-configure.$$"; exit 1; }
rm -f "${TMPDIR:-/tmp}/fuzz-configure.$$"
cmake --build "$build" --target fuzz_targets -j"$jobs"
mkdir -p "$artifacts" "$logs"
mapfile -t targets <"$build/tests/fuzz/targets.txt"

if [[ $1 == --keep ]]; then
  for name in "${targets[@]}"; do
    mkdir -p "$found/$name" "$kept/$name"
    "$build/tests/fuzz/fuzz_$name" -merge=1 -max_len=$max_octets "$kept/$name" "$found/$name" 2>&1 | tail -1
  done
  exit
fi

[[ $1 =~ ^[0-9]+$ && $1 -gt 0 ]] || usage
duration=$1
shift
[[ $# -eq 0 ]] || targets=("$@")

one() {
  local name=$1 log=$logs/$1.log
  mkdir -p "$found/$name"
  local directories=("$found/$name")
  [[ -d $kept/$name ]] && directories+=("$kept/$name")
  if "$build/tests/fuzz/fuzz_$name" -max_total_time="$duration" -max_len=$max_octets -rss_limit_mb=$memory_mb \
      -timeout=$seconds_per_input -detect_leaks=1 -print_final_stats=1 -artifact_prefix="$artifacts/$name-" \
      "${directories[@]}" >"$log" 2>&1; then
    printf '%-20s ok      %s runs, %s\n' "$name" "$(sed -n 's/.*number_of_executed_units: //p' "$log")" \
      "$(grep -oE 'cov: [0-9]+' "$log" | tail -1)"
  else
    printf '%-20s FAILED  %s\n' "$name" "$log"
    grep -E 'does not hold|ERROR|SUMMARY|Assertion|Test unit written' "$log" | head -5
    return 1
  fi
}

set -m  # each target in a process group of its own, so that an interrupted run leaves none behind
children=()
trap 'for child in "${children[@]}"; do kill -- "-$child" 2>/dev/null || true; done' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 running=0
finish_one() { if wait -n; then passed=$((passed + 1)); else failed=$((failed + 1)); fi; running=$((running - 1)); }
for name in "${targets[@]}"; do
  [[ $running -lt $jobs ]] || finish_one
  one "$name" &
  children+=($!)
  running=$((running + 1))
done
while [[ $running -gt 0 ]]; do finish_one; done
children=()
echo "$passed passed, $failed failed"
[[ $failed -eq 0 && $passed -gt 0 ]]
