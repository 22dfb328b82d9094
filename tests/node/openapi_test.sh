#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs schemathesis into a virtual environment of the build folder, once, and lets it loose on a live node by
# docs/openapi.json. usage: openapi_test.sh VENV ENGINE MODEL_FOLDER [EXAMPLES]. Exit status 77: skipped, with the reason.
set -eu
venv=$1 engine=$2 model=$3 examples=${4:-30}
here=$(dirname "$0")

skip() {
    echo "skipped: $1"
    exit 77
}

# Fourteen thousand requests: minutes on a quiet machine, twenty on a busy one.
[ -n "${FULGURITE_LIVE_API_TEST:-}" ] || skip "takes minutes; ask for it with FULGURITE_LIVE_API_TEST=1 ctest -R openapi_live"
[ -f "$model/config.json" ] || skip "there is no model in $model"
if [ ! -f "$venv/installed" ]; then
    command -v python3 >/dev/null || skip "python3 is not installed"
    rm -rf "$venv"
    python3 -m venv "$venv" || skip "python3 -m venv does not work here (Debian: python3-venv)"
    "$venv/bin/pip" install --quiet --disable-pip-version-check 'schemathesis>=4,<5' ||
        skip "pip could not install schemathesis (no network?)"
    touch "$venv/installed"
fi
exec "$venv/bin/python" "$here/openapi_live.py" "$engine" "$model" "$here/../../docs/openapi.json" "$examples"
