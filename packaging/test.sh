#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds everything, and runs all tests; the last lines are ctest's summary.
#   packaging/test.sh [CTEST ARGUMENTS...]      for example: packaging/test.sh -L unit
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=build.sh
source "$(dirname "${BASH_SOURCE[0]}")/build.sh"
case ${1:-} in
  -h | --help) sed -n '3,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
esac

"$source_dir/packaging/install-dependencies.sh" --tests
# shellcheck disable=SC2119 # no argument: every target
build
export QT_QPA_PLATFORM=offscreen
cd "$source_dir"
# A test that fails is run once more: on shared machines a window or server under test may be starved for a moment. Both runs are shown.
exec ctest --preset release -j "$(nproc)" --repeat until-pass:2 "$@"
