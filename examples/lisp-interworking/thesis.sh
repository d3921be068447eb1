#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The experiment of Raad 2015, chapter 4, with our gateways: see thesis.py.
# Installs what is missing, builds what it needs, becomes root (by sudo when it is not), runs, cleans up.
#
#   examples/lisp-interworking/thesis.sh            30 moves in each of four ways of telling, 25 minutes
#   examples/lisp-interworking/thesis.sh --runs 3   three
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../common/run.sh"

run_example examples/lisp-interworking/thesis.py wire ilnp-gateway ilnpctl -- "$@"
