#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A guest goes from one ILNP data centre to another one, to one that knows LISP only, and back, while an ILNP peer and a
# host of a LISP site have sessions with it.
# Installs what is missing, builds what the demo needs, becomes root (by sudo when it is not), runs, cleans up.
#
#   examples/lisp-interworking/run.sh           with Change-Priority
#   examples/lisp-interworking/run.sh --help    all options
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../common/run.sh"

run_example examples/lisp-interworking/demo.py wire counter ilnp-host ilnp-sbr ilnp-gateway ilnpctl -- "$@"
