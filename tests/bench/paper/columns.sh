#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One live migration with MPTCP, plain IPv6, a stretched layer 2, and ours: see columns.py.
# Installs what is missing, builds what it needs, becomes root (by sudo when it is not), runs, cleans up.
#
#   tests/bench/paper/columns.sh             10 moves with pings and 10 with a TCP stream, each way: 24 minutes
#   tests/bench/paper/columns.sh --quick     one move of each kind, to out/paper-quick
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../../examples/common/run.sh"
packages=(build demo vm paper)

run_example tests/bench/paper/columns.py wire counter ilnp-host ilnp-sbr ilnp-gateway ilnpctl -- "$@"
