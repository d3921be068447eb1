#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A guest moves between two sites, each with an ilnp-sbr, while an ILNP peer and an IP-only peer have sessions with it.
# Installs what is missing, builds what the demo needs, becomes root (by sudo when it is not), runs, cleans up.
#
#   examples/two-sites/run.sh           unseen, then optimised, then back
#   examples/two-sites/run.sh --help    all options
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../common/run.sh"

run_example examples/two-sites/demo.py wire counter ilnp-host ilnp-sbr ilnpctl -- "$@"
