#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Writes what is generated from option tables: docs/operations/*-options.md and the example configurations.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build/dev}
"$build/ilnp-host/ilnp-host" --print-reference >docs/operations/ilnp-host-options.md
"$build/ilnp-host/ilnp-host" --print-example >ilnp-host/deploy/host.toml
"$build/sbr/ilnp-sbr" --print-reference >docs/operations/ilnp-sbr-options.md
"$build/sbr/ilnp-sbr" --print-example >sbr/deploy/sbr.toml
"$build/gateway/ilnp-gateway" --print-reference >docs/operations/ilnp-gateway-options.md
"$build/gateway/ilnp-gateway" --print-example >gateway/deploy/gateway.toml
