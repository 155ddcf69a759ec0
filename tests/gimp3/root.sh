#!/bin/sh
# SPDX-License-Identifier: MIT
# A Debian 13 with GIMP 3 in a folder of its own, so that the filter for GIMP 3 can be built and
# tested on a machine with another GIMP. Needs root, mmdebstrap and, the first time, a network.
#
#   tests/gimp3/root.sh make           make it where it is not there yet; prints the folder
#   tests/gimp3/root.sh run COMMAND..  run a command in it: the source is /source (read-only), and
#                                      /build is a folder that stays (or $VKSTYLE_ROOT_BUILD)
#   tests/gimp3/root.sh build          prints that folder's name outside
#
# It is kept in $VKSTYLE_ROOTS, by default ${XDG_CACHE_HOME:-~/.cache}/vkstyle. Mounts are made in a mount
# namespace of the command's own and end with it, whatever happens. The last line of a failure says
# why; exit status 77: it cannot be made by this user or in this container.
set -eu

source=$(cd "$(dirname "$0")/../.." && pwd)
roots=${VKSTYLE_ROOTS:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/vkstyle}
root=$roots/debian13
build=${VKSTYLE_ROOT_BUILD:-$roots/debian13-build}
mirror=${MIRROR:-http://deb.debian.org/debian}
packages="gimp libgimp-3.0-dev gcc libc6-dev meson ninja-build pkgconf glslang-tools libvulkan-dev
    libvulkan-volk-dev libcjson-dev liblcms2-dev libpng-dev libstb-dev libvulkan1 mesa-vulkan-drivers
    libcmocka-dev gettext xvfb xauth xdotool imagemagick python3 libasan8 libubsan1 fonts-dejavu-core
    adwaita-icon-theme locales"

cannot() {
    echo "root.sh: $*" >&2
    exit 77
}

failed() {
    echo "root.sh: $*" >&2
    exit 1
}

check() {
    [ "$(id -u)" = 0 ] || cannot "a Debian 13 for GIMP 3 needs root (for chroot)"
    unshare -m true 2>/dev/null || cannot "this container does not allow mounts"
}

make() {
    check
    # What is there was made whole (renamed into place), from this very list.
    # shellcheck disable=SC2086
    wanted=$(echo $packages)
    if [ -f "$root/packages.txt" ] && [ "$(cat "$root/packages.txt")" = "$wanted" ]; then
        return
    fi
    command -v mmdebstrap >/dev/null || failed "a Debian 13 for GIMP 3 needs mmdebstrap (apt-get install mmdebstrap)"
    mkdir -p "$roots"
    new=$(mktemp -d "$roots/new-XXXXXX")
    trap 'rm -rf --one-file-system "$new"' EXIT
    trap 'exit 130' INT TERM
    chmod 755 "$new"
    unshare -m mmdebstrap --quiet --mode=root --variant=minbase \
        --include="$(echo "$wanted" | tr ' ' ,)" --aptopt='APT::Install-Recommends "false"' \
        trixie "$new" "deb $mirror trixie main" >"$roots/debian13.log" 2>&1 || {
        tail -n 5 "$roots/debian13.log" >&2
        failed "Debian 13 could not be made; all of it is in $roots/debian13.log"
    }
    mkdir -p "$new/source" "$new/build"
    echo "de_DE.UTF-8 UTF-8" >"$new/etc/locale.gen"
    chroot "$new" locale-gen >>"$roots/debian13.log" 2>&1
    echo "$wanted" >"$new/packages.txt"
    if [ -d "$root" ]; then
        mv "$root" "$new.old"
        mv "$new" "$root"
        rm -rf --one-file-system "$new.old"
    else
        mv "$new" "$root"
    fi
    trap - EXIT
}

run() {
    check
    [ -f "$root/packages.txt" ] || failed "there is no Debian 13 yet; 'root.sh make' makes it"
    mkdir -p "$build"
    # --kill-child and a process namespace: nothing inside outlives us.
    # shellcheck disable=SC2016
    exec unshare --mount --propagation private --pid --fork --kill-child -- sh -eu -c '
        root=$1 source=$2 build=$3
        shift 3
        mount --bind "$source" "$root/source"
        mount -o remount,bind,ro "$root/source"
        mount --bind "$build" "$root/build"
        mount -t proc proc "$root/proc"
        mount -t tmpfs tmpfs "$root/dev/shm"
        mount -t tmpfs tmpfs "$root/tmp"
        exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            LC_ALL=C.UTF-8 HOME=/tmp TERM=dumb "$@"
    ' sh "$root" "$source" "$build" "$@"
}

case ${1:-} in
make)
    make
    echo "$root"
    ;;
build)
    echo "$build"
    ;;
run)
    shift
    [ $# -gt 0 ] || { echo "root.sh: run what?" >&2; exit 2; }
    run "$@"
    ;;
*)
    sed -n '3,14s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
