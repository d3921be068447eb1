#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Raad 2015, chapter 4, with a real machine: see raad.py.
# Installs what is missing, builds what it needs, becomes root (by sudo when it is not), runs, cleans up.
#
#   tests/bench/paper/raad.sh             30 moves to LIP6 and back in each of five ways of telling: 31 minutes
#   tests/bench/paper/raad.sh --quick     one move each way in two of them, to out/paper-quick
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../../examples/common/run.sh"
packages=(build demo vm paper)

run_example tests/bench/paper/raad.py wire counter ilnp-host ilnp-sbr ilnp-gateway ilnpctl -- "$@"
