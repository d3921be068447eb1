#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A guest moves between two data centres while a download, an ssh session and counter streams go on.
# Installs what is missing, builds what the demo needs, becomes root (by sudo when it is not), runs, cleans up.
#
#   examples/roam/run.sh                   with ILNP: everything survives
#   examples/roam/run.sh --without-ilnp    plain IPv6: everything dies
#   examples/roam/run.sh --help            all options
set -euo pipefail

started_in=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
. scripts/lib.sh

for word in "$@"; do
  case $word in -h | --help) exec python3 examples/roam/roam.py --help ;; esac
done

# Everything before the run itself is about this machine, not part of its result.
prepare() {
  scripts/install-packages.sh build demo
  [ -f build/dev/build.ninja ] || cmake --preset dev
  local targets=(wire counter)
  case " $* " in *" --without-ilnp "*) ;; *) targets+=(ilnp-host ilnpctl) ;; esac
  cmake --build build/dev -j "$(build_jobs)" --target "${targets[@]}"
}
prepare "$@" >&2

cd "$started_in"
# Replaces this shell, so that an interrupt reaches the run and nothing is between its exit status and the caller.
demo=(/usr/bin/python3 "$root/examples/roam/roam.py" "$@")
if [ "$(id -u)" = 0 ]; then exec "${demo[@]}"; fi
can_be_root || fail "the demo needs root for its network namespaces: run it as root, or install sudo"
exec sudo "${demo[@]}"
