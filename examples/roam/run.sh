#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A guest moves between two data centres while a download, an ssh session and counter streams go on.
# Installs what is missing, builds what the demo needs, becomes root (by sudo when it is not), runs, cleans up.
#
#   examples/roam/run.sh                   with ILNP: everything survives
#   examples/roam/run.sh --without-ilnp    plain IPv6: everything dies
#   examples/roam/run.sh --help            all options
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../common/run.sh"

targets=(wire counter)
case " $* " in *" --without-ilnp "*) ;; *) targets+=(ilnp-host ilnpctl) ;; esac
run_example examples/roam/roam.py "${targets[@]}" -- "$@"
