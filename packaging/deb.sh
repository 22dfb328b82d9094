#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, and builds the Debian packages of the desktop, the engine, the models and the manual into build/deb.
#   packaging/deb.sh [--check]
#     --check   also run lintian, install the packages in a bare root of the same release, and use both programs there (as root)
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=build.sh
source "$(dirname "${BASH_SOURCE[0]}")/build.sh"

check=no
case ${1:-} in
  '') ;;
  --check) check=yes ;;
  -h | --help) sed -n '3,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
  *) stop "deb.sh does not know '$1'; see --help" ;;
esac

"$source_dir/packaging/install-dependencies.sh" --deb

# A copy, because Debian wants its folder at the top and writes beside the sources.
out=$source_dir/build/deb
copy=$out/source
mkdir -p "$copy"
find "$out" -maxdepth 1 -type f -delete
(cd "$source_dir" && tar -c --exclude=./build --exclude=./.git .) | tar -xC "$copy"
rm -rf "$copy/debian"
cp -r "$source_dir/packaging/debian" "$copy/debian"
(cd "$copy" && DEB_BUILD_OPTIONS="parallel=$(build_jobs)" dpkg-buildpackage -b -us -uc)
say "packages in $out:"
(cd "$out" && ls -l ./*.deb)

[[ $check == yes ]] || exit 0
lintian --fail-on error,warning "$out"/*.changes
exec "$source_dir/packaging/check-deb.sh" "$out"
