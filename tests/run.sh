#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and passes every test.
#
#   tests/run.sh                    everything, as CI does
#   tests/run.sh --fast             format, build, architecture and unit tests without sanitizers
#   tests/run.sh --only GATE ...    only these gates: format build architecture unit sanitizers tidy fuzz netns
#   FUZZ_SECONDS=5 tests/run.sh     seconds per fuzz target (20)
#
# Runs as any user; the gate `netns` needs root and takes it by sudo. Runs after the first are incremental (build/).
# The last line reads "N passed, N failed": test cases, and one for each gate that is a check and not a set of tests.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. scripts/lib.sh
exec </dev/null

all_gates=(format build architecture sanitizers tidy fuzz netns)
fast_gates=(format build architecture unit)
gates=()
while [ $# -gt 0 ]; do
  case $1 in
    --fast) gates=("${fast_gates[@]}") ;;
    --only)
      [ $# -ge 2 ] || fail "--only needs a gate: ${all_gates[*]} unit"
      case " ${all_gates[*]} unit " in *" $2 "*) gates+=("$2") ;; *) fail "no such gate: $2 (${all_gates[*]} unit)" ;; esac
      shift
      ;;
    -h | --help) sed -n '3,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) fail "unknown option $1 (--help shows them)" ;;
  esac
  shift
done
[ ${#gates[@]} -gt 0 ] || gates=("${all_gates[@]}")

jobs=$(build_jobs)
logs=build/logs
fuzz_seconds=${FUZZ_SECONDS:-20}
log_lines_shown=200
passed=0 failed=0
trouble=()
mkdir -p "$logs"
export GTEST_COLOR=no CTEST_OUTPUT_ON_FAILURE=1
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1

# count PASSED FAILED   adds to the totals; false when something failed or nothing was tested.
count() {
  passed=$((passed + $1)) failed=$((failed + $2))
  [ "$2" -eq 0 ] && [ "$1" -gt 0 ]
}

# one_check COMMAND...   a gate that counts as one.
one_check() { if "$@"; then count 1 0; else count 0 1; fi; }

# run_ctest BUILD ARGUMENTS...   counts what CTest's report says; skipped tests pass and fail nothing, but are named.
run_ctest() {
  local build=$1 report=$PWD/$logs/junit.xml outcome=0 total failures disabled skipped
  shift
  rm -f "$report"
  ctest --test-dir "$build" --timeout 300 --output-junit "$report" "$@" || outcome=1
  attribute() { sed -n "1,20s/.*[[:space:]]$1=\"\([0-9]*\)\".*/\1/p" "$report" 2>/dev/null | head -1; }
  total=$(attribute tests) failures=$(attribute failures) disabled=$(attribute disabled) skipped=$(attribute skipped)
  if [ -z "$total" ] || [ "$total" -eq 0 ]; then
    echo "no tests were run"
    count 0 1
    return
  fi
  [ "$outcome" -eq 0 ] || [ "$failures" -gt 0 ] || failures=1  # ctest itself is unhappy
  [ $((disabled + skipped)) -eq 0 ] || echo "$((disabled + skipped)) tests were skipped"
  count $((total - failures - disabled - skipped)) "$failures"
}

about_the_text='^(Architecture|Documentation)\.'
build_preset() { cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs" "${@:2}"; }

our_sources() {
  { git -c safe.directory='*' ls-files '*.h' '*.cpp' 2>/dev/null \
    || find . -path ./build -prune -o \( -name '*.h' -o -name '*.cpp' \) -print; } | sort
}

gate_format() {
  # shellcheck disable=SC2046  # file names of ours hold no blanks
  one_check clang-format --dry-run -Werror $(our_sources)
}

# All but the tests without namespaces: the gate `sanitizers` builds those, with the same warnings.
in_the_field=({core,io,ilnp-host,sbr,gateway,dns,ctl,examples,tests/bench,tests/netns}/all)

gate_build() { one_check build_preset dev --target "${in_the_field[@]}"; }

# Does the source keep to its layers, and does the text say what the programs do?
gate_architecture() {
  if ! build_preset dev --target ilnp-host ilnp-sbr ilnp-gateway; then count 0 1; return; fi
  run_ctest build/dev -j "$jobs" -R "$about_the_text"
}

gate_unit() {
  if ! build_preset dev; then count 0 1; return; fi
  run_ctest build/dev -j "$jobs" -LE 'netns|bench' -E "$about_the_text"
}

gate_sanitizers() {
  if ! build_preset asan-ubsan; then count 0 1; return; fi
  run_ctest build/asan-ubsan -j "$jobs"
}

gate_tidy() {
  if ! build_preset dev --target "${in_the_field[@]}"; then count 0 1; return; fi
  one_check scripts/clang_tidy.py build/dev --jobs "$jobs"
}

gate_fuzz() {
  local output=$logs/fuzz.out
  tests/fuzz/run.sh "$fuzz_seconds" 2>&1 | tee "$output"
  local totals
  totals=$(tail -1 "$output" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
  # shellcheck disable=SC2086  # two numbers
  if [ -n "$totals" ]; then count $totals; else count 0 1; fi
}

gate_netns() {
  if ! build_preset dev --target "${in_the_field[@]}"; then count 0 1; return; fi
  if ! can_be_root; then
    echo "network namespaces need root: run this as root, or install sudo"
    count 0 1
    return
  fi
  local outcome=0
  # The function runs here, so that its counts stay; only ctest becomes root.
  ctest() { as_root env CTEST_OUTPUT_ON_FAILURE=1 GTEST_COLOR=no ctest "$@"; }
  run_ctest build/dev -L netns || outcome=1
  unset -f ctest
  [ "$(id -u)" = 0 ] || as_root chown -R "$(id -u):$(id -g)" build/dev/Testing "$logs"
  return $outcome
}

# Gates run here and not in a subshell, because they count.
run_gate() {
  local gate=$1 started=$SECONDS log=$logs/$1.log outcome=0 verdict
  "gate_$gate" >"$log" 2>&1 || outcome=1
  verdict=$([ $outcome -eq 0 ] && echo "${green}ok$plain" || echo "${red}FAILED$plain")
  printf '%-14s %s  (%s)\n' "$gate" "$verdict" "$(human_seconds $((SECONDS - started)))"
  [ $outcome -eq 0 ] && return
  trouble+=("$gate")
  echo "---- the end of $log"
  tail -n $log_lines_shown "$log"
  echo "----"
}

scripts/install-packages.sh build test demo vm paper || fail "the packages are not all there"
started=$SECONDS
for gate in "${gates[@]}"; do run_gate "$gate"; done
[ ${#trouble[@]} -eq 0 ] || echo "${red}failed: ${trouble[*]}${plain}"
echo "all gates together: $(human_seconds $((SECONDS - started)))"
echo "$passed passed, $failed failed"
[ ${#trouble[@]} -eq 0 ] && [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
