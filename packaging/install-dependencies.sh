#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what building, testing and running Fulgurite needs from the distribution's own packages (Debian 12 and 13,
# Ubuntu 24.04). Installs nothing, and needs neither the network nor an administrator, when everything is there already.
#   packaging/install-dependencies.sh [--engine-only] [--tests] [--deb] [--list]
#     --engine-only   leave out Qt and everything else that only the desktop needs
#     --tests         add what only tests need: an environment for the official openai client
#     --deb           add what making and checking Debian packages needs
#     --list          print what is missing and install nothing
set -euo pipefail

# One requirement per word: alternatives parted by '|', the first available one is taken; '>=' asks for a version;
# 'PROGRAM=PACKAGE' is met by any PROGRAM on the PATH, '/FILE=PACKAGE' by the file. Names differ between releases, hence
# the alternatives.
engine_packages=(
  "g++=g++" "cmake=cmake" "ninja=ninja-build" "pkg-config=pkg-config"
  "libboost-dev>=1.81|libboost1.83-dev|libboost1.81-dev"
  libfmt-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev libssl-dev libutf8proc-dev
  "libjpeg62-turbo-dev|libjpeg-turbo8-dev" libpng-dev libwebp-dev # pictures of image libraries
  libgtest-dev libgmock-dev
  "pdftotext=poppler-utils" # at run time only: PDF files of a collection
  libopenblas0-pthread # at run time only: the ceiling that `fulgurite-engine bench` prints
)
desktop_packages=(
  qt6-base-dev "libqt6opengl6-dev|qt6-base-dev>=6.5" # what Charts needs of OpenGL was a package of its own at first
  "qt6-charts-dev|libqt6charts6-dev" "qt6-svg-dev|libqt6svg6-dev" libgl-dev libmd4c-dev qtkeychain-qt6-dev
  "/usr/lib/*/qt6/plugins/imageformats/libqsvg.so=qt6-svg-plugins|libqt6svg6" # the icons of the style sheet
  fonts-inter fonts-jetbrains-mono
)
test_packages=(python3-venv)
deb_packages=(debhelper dpkg-dev lintian debootstrap)

by_file_or_program='^[^>=]+=[^=]+$'

say() { printf 'fulgurite: %s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

list_only=no
desktop=("${desktop_packages[@]}")
tests=()
deb=()
for argument in "$@"; do
  case $argument in
    --engine-only) desktop=() ;;
    --tests) tests=("${test_packages[@]}") ;;
    --deb) deb=("${deb_packages[@]}") ;;
    --list) list_only=yes ;;
    -h | --help) sed -n '3,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) stop "install-dependencies.sh does not know '$argument'; see --help" ;;
  esac
done
requirements=("${engine_packages[@]}" "${desktop[@]}" "${tests[@]}" "${deb[@]}")

# Splits "name>=version" into $name and $wanted.
split_alternative() {
  name=${1%%>=*}
  wanted=
  [[ $1 != *'>='* ]] || wanted=${1#*>=}
}

new_enough() { [[ -z $2 ]] || dpkg --compare-versions "$1" ge "$2"; }

declare -A installed=()
read_installed() {
  local state package version
  while read -r state package version; do
    [[ $state != installed ]] || installed[$package]=$version
  done < <(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' 2>/dev/null || true)
}

is_met() {
  local alternative alternatives name wanted
  if [[ $1 =~ $by_file_or_program ]]; then
    if [[ $1 == /* ]]; then compgen -G "${1%%=*}" >/dev/null; else command -v "${1%%=*}" >/dev/null; fi
    return
  fi
  IFS='|' read -ra alternatives <<<"$1"
  for alternative in "${alternatives[@]}"; do
    split_alternative "$alternative"
    [[ -n ${installed[$name]:-} ]] && new_enough "${installed[$name]}" "$wanted" && return 0
  done
  return 1
}

missing=()
find_missing() {
  local requirement
  missing=()
  read_installed
  for requirement in "${requirements[@]}"; do
    is_met "$requirement" || missing+=("$requirement")
  done
}

# Prints the first alternative that the configured sources offer; fails when there is none.
choose() {
  local requirement=$1 alternative alternatives name wanted candidate
  [[ ! $requirement =~ $by_file_or_program ]] || requirement=${requirement#*=}
  IFS='|' read -ra alternatives <<<"$requirement"
  for alternative in "${alternatives[@]}"; do
    split_alternative "$alternative"
    candidate=$(LC_ALL=C apt-cache policy "$name" 2>/dev/null | sed -n 's/^ *Candidate: //p')
    [[ -n $candidate && $candidate != '(none)' ]] || continue
    new_enough "$candidate" "$wanted" || continue
    printf '%s\n' "$name"
    return 0
  done
  return 1
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  say "this machine has no apt-get. These are the Debian names of what has to be there:"
  say "  ${requirements[*]}"
  say "Going on as if they were; the build says which one it does not find."
  exit 0
fi

find_missing
if [[ $list_only == yes ]]; then
  [[ ${#missing[@]} -eq 0 ]] || printf '%s\n' "${missing[@]}"
  exit 0
fi
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || stop "packages are missing (${missing[*]}) and there is no sudo." \
    "Run packaging/install-dependencies.sh as root once, then start this again."
  as_root=(sudo)
fi
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q "$@"; }

say "installing what is missing from the distribution: ${missing[*]}"
apt update || say "apt-get update failed; trying with the package lists that are here"

packages=()
unknown=()
for requirement in "${missing[@]}"; do
  if package=$(choose "$requirement"); then packages+=("$package"); else unknown+=("$requirement"); fi
done
[[ ${#unknown[@]} -eq 0 ]] || stop "the package sources do not offer: ${unknown[*]}." \
  "Fulgurite builds on Debian 12, Debian 13 and Ubuntu 24.04 (with 'universe'); see /etc/apt and the network."

# --no-remove: nobody's packages are taken away for this.
apt install -y --no-install-recommends --no-remove "${packages[@]}" || stop "apt-get could not install:" \
  "${packages[*]}. Its message is above; when it wanted to remove packages (another Boost, say), remove them yourself."
find_missing
[[ ${#missing[@]} -eq 0 ]] || stop "still missing after the installation: ${missing[*]}"
