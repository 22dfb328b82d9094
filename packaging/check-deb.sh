#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the packages of a folder in a bare root and uses them there: first the engine alone, which must bring no Qt, then the rest.
#   packaging/check-deb.sh FOLDER       (as root; the root is made by debootstrap with this machine's release and mirror)
set -euo pipefail
say() { printf 'fulgurite: %s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }
[[ $(id -u) -eq 0 ]] || stop "installing in a root of its own needs to be root"
packages=$(cd "${1:?folder with the packages}" && pwd)

# shellcheck source=/dev/null
. /etc/os-release
# shellcheck disable=SC2016 # apt-get's own variables
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
root=$(mktemp -d -t fulgurite-root-XXXXXX)
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf "$root"' EXIT
debootstrap --variant=minbase "$VERSION_CODENAME" "$root" "$mirror" >"$root.log" 2>&1 ||
  stop "debootstrap failed; see $root.log"
rm -f "$root.log"
for file in /etc/apt/apt.conf.d /etc/apt/sources.list /etc/apt/sources.list.d /etc/ssl/certs; do
  [[ ! -e $file ]] || { mkdir -p "$root$(dirname "$file")"; cp -rL "$file" "$root$(dirname "$file")/"; }
done
mkdir "$root/packages"
cp "$packages"/*.deb "$root/packages"
mount -t proc proc "$root/proc"
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }

inside apt-get -q update
inside sh -c 'apt-get install -qy --no-install-recommends /packages/fulgurite-engine_*.deb /packages/fulgurite-models_*.deb'
say "the engine alone"
if inside sh -c "dpkg-query -W -f '\${Package}\n' | grep -i qt"; then stop "the engine's package pulls in Qt"; fi
inside fulgurite-engine --version
answer=$(inside fulgurite-engine run "What is 17+58?")
[[ $answer == *75* ]] || stop "the engine answered: $answer"
say "it answered: $answer"
for file in man/man1/fulgurite-engine-run.1.gz bash-completion/completions/fulgurite-engine; do
  [[ -s $root/usr/share/$file ]] || stop "the engine's package lacks /usr/share/$file"
done
inside sh -c 'apt-get install -qy --no-install-recommends /packages/*.deb'
say "the desktop"
inside fulgurite --version
inside sh -c 'HOME=/root QT_QPA_PLATFORM=offscreen XDG_RUNTIME_DIR=/tmp fulgurite --measure-start'
inside sh -c 'cd /usr/share/doc/fulgurite && test -f user/README.md && test -f openapi.json && test -f cluster/Containerfile && test -f /usr/share/applications/org.fulgurite.Fulgurite.desktop'
inside sh -c 'dpkg --audit' | (! grep .)
inside sh -c 'apt-get purge -qy fulgurite fulgurite-engine fulgurite-models fulgurite-doc >/dev/null && test ! -e /usr/share/fulgurite'
say "installed, used and removed in a bare root of $PRETTY_NAME"
