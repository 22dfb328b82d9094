#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and starts Fulgurite with the included model. Nothing else is needed before.
#   packaging/run.sh [--terminal] [ARGUMENTS...]
#     --terminal   chat in this terminal instead of opening the window (also where there is no display)
#   All other arguments go to the program: `fulgurite`, or `fulgurite-engine chat` in the terminal. A folder alone is the
#   checkpoint to open in either.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=build.sh
source "$(dirname "${BASH_SOURCE[0]}")/build.sh"

terminal=no
arguments=()
for argument in "$@"; do
  case $argument in
    --terminal) terminal=yes ;;
    -h | --help) sed -n '3,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) arguments+=("$argument") ;;
  esac
done
# Pictures are rendered off screen and need no display.
if [[ -z ${DISPLAY:-}${WAYLAND_DISPLAY:-}${QT_QPA_PLATFORM:-} && " ${arguments[*]} " != *' --screenshots'* ]]; then
  [[ $terminal == yes ]] || say "there is no display: chatting in this terminal instead of opening the window"
  terminal=yes
fi

"$source_dir/packaging/install-dependencies.sh"
if [[ $terminal == no ]]; then
  build fulgurite fulgurite-engine >&2
  exec "$build_dir/bin/fulgurite" "${arguments[@]}"
fi

[[ ${#arguments[@]} -ne 1 || ! -d ${arguments[0]} ]] || arguments=(--model "${arguments[0]}")
build fulgurite-engine >&2
exec "$build_dir/bin/fulgurite-engine" chat "${arguments[@]}"
