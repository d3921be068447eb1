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
if [ -f scripts/lib.sh ]; then . scripts/lib.sh; else as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }; fi

for word in "$@"; do
  case $word in -h | --help) exec python3 examples/roam/roam.py --help ;; esac
done

# Everything before the run itself is about this machine, not part of its result.
prepare() {
  [ ! -x scripts/install-packages.sh ] || scripts/install-packages.sh build demo
  [ -f build/dev/build.ninja ] || cmake --preset dev
  local targets=(wire counter)
  case " $* " in *" --without-ilnp "*) ;; *) targets+=(ilnp-host ilnpctl) ;; esac
  cmake --build build/dev --target "${targets[@]}"
}
prepare "$@" >&2

cd "$started_in"
as_root /usr/bin/python3 "$root/examples/roam/roam.py" "$@"
