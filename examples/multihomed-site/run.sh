#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A site with two uplinks: they fail and come back while an ILNP peer and an IP-only peer have sessions with a host inside.
# Installs what is missing, builds what the demo needs, becomes root (by sudo when it is not), runs, cleans up.
#
#   examples/multihomed-site/run.sh           lost carrier, black hole, balance by weight
#   examples/multihomed-site/run.sh --help    all options
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../common/run.sh"

run_example examples/multihomed-site/demo.py wire counter ilnp-host ilnp-sbr ilnpctl -- "$@"
