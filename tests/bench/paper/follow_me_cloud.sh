#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Follow-Me-Cloud 2014, figures 5 and 6, with a real machine: see follow_me_cloud.py.
# Installs what is missing, builds what it needs, becomes root (by sudo when it is not), runs, cleans up.
#
#   tests/bench/paper/follow_me_cloud.sh             6 moves for each point: 14 minutes
#   tests/bench/paper/follow_me_cloud.sh --quick     one, in some of the ways, to out/paper-quick
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../../examples/common/run.sh"
packages=(build demo vm paper)

run_example tests/bench/paper/follow_me_cloud.py wire counter ilnp-host ilnp-sbr ilnp-gateway ilnpctl -- "$@"
