# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the run.sh of an example (bash, set -euo pipefail): run_example SCRIPT TARGETS -- OPTIONS
# installs what is missing of the groups in `packages`, builds TARGETS, becomes root (by sudo when it is not), and runs
# SCRIPT with OPTIONS.
set -euo pipefail
packages=(build demo)

run_example() {
  local script=$1 targets=() word
  shift
  while [ "$1" != -- ]; do
    targets+=("$1")
    shift
  done
  shift
  local root started_in=$PWD
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  cd "$root"
  . scripts/lib.sh
  for word in "$@"; do
    case $word in -h | --help) exec python3 "$script" --help ;; esac
  done

  # Everything before the run itself is about this machine, not part of its result.
  {
    scripts/install-packages.sh "${packages[@]}"
    [ -f build/dev/build.ninja ] || cmake --preset dev
    cmake --build build/dev -j "$(build_jobs)" --target "${targets[@]}"
  } >&2

  cd "$started_in"
  # Replaces this shell, so that an interrupt reaches the run and nothing is between its exit status and the caller.
  local demo=(/usr/bin/python3 "$root/$script" "$@")
  if [ "$(id -u)" = 0 ]; then exec "${demo[@]}"; fi
  can_be_root || fail "the demo needs root for its network namespaces: run it as root, or install sudo"
  exec sudo "${demo[@]}"
}
