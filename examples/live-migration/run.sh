#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A virtual machine is live-migrated from one data centre to the other and back, while an ILNP client, an IP-only client and
# a LISP client have sessions with it.
# Installs what is missing, builds what the demo needs, becomes root (by sudo when it is not), runs, cleans up.
#
#   examples/live-migration/run.sh                   the guest is stopped and its memory copied
#   examples/live-migration/run.sh --way live        its memory is copied while it runs
#   examples/live-migration/run.sh --without-ilnp    what happens today
#   examples/live-migration/run.sh --help            all options
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../common/run.sh"

packages=(build demo vm)
run_example examples/live-migration/demo.py wire counter ilnp-host ilnp-sbr ilnp-gateway ilnp-dns ilnpctl -- "$@"
