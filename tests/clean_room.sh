#!/bin/bash
# SPDX-License-Identifier: MIT
# Tries ./install.sh and ./install.sh --test on clean Debian systems, as root and as a user with sudo.
# What is tried is the last commit. Needs root, mmdebstrap, a network and some 3 GB in $TMPDIR.
#
#   tests/clean_room.sh [SUITE[:WHO[:WHAT]]]...
#
# SUITE is bookworm (12) or trixie (13), WHO root or user, WHAT install or test. Default: all.
# MIRROR names another mirror than deb.debian.org; KEEP=1 leaves the last system for a look.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
mirror=${MIRROR:-http://deb.debian.org/debian}
[ "$(id -u)" = 0 ] || { echo "clean_room.sh: this needs root (for chroot)" >&2; exit 1; }
command -v mmdebstrap >/dev/null || { echo "clean_room.sh: apt-get install mmdebstrap" >&2; exit 1; }

system=
mounted=no
finish() {
    if [ "$mounted" = yes ]; then
        umount "$system/proc" && mounted=no
    fi
    # Never remove below a mount.
    if [ -n "$system" ] && [ "$mounted" = no ] && [ -z "${KEEP:-}" ]; then
        rm -rf "$system"
    fi
    system=
}
trap finish EXIT
trap 'exit 130' INT TERM

make_system() {
    local suite=$1
    system=$(mktemp -d "${TMPDIR:-/tmp}/vkstyle-$suite-XXXXXX")
    chmod 755 "$system"
    mmdebstrap --quiet --mode=root --variant=minbase --include=sudo,ca-certificates "$suite" "$system" \
        "deb $mirror $suite main"
    mount -t proc proc "$system/proc"
    mounted=yes
    chroot "$system" useradd --create-home --shell /bin/bash tester
    echo 'tester ALL=(ALL) NOPASSWD: ALL' >"$system/etc/sudoers.d/tester"
    for home in root home/tester; do
        mkdir "$system/$home/vkstyle"
        git -C "$root" archive HEAD | tar -x -C "$system/$home/vkstyle"
    done
    chroot "$system" chown -R tester: /home/tester
}

# inside WHO COMMAND
inside() {
    if [ "$1" = root ]; then
        chroot "$system" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            sh -c "cd /root/vkstyle && $2"
    else
        chroot "$system" su - tester -c "cd /home/tester/vkstyle && $2"
    fi
}

try_install() {
    local prefix=/usr/local
    [ "$1" = root ] || prefix=/home/tester/.local
    inside "$1" "./install.sh" || return 1
    [ -s "$system$prefix/bin/vkstyle" ] || { echo "no $prefix/bin/vkstyle"; return 1; }
    inside "$1" "test -s build/first-picture.png" || { echo "no picture"; return 1; }
    inside "$1" "$prefix/bin/vkstyle doctor" || return 1
    # Again, over itself, and away: nothing of ours may be left.
    inside "$1" "./install.sh --no-packages" || return 1
    inside "$1" "./install.sh --uninstall" || return 1
    if find "$system$prefix" -name '*vkstyle*' | grep .; then
        echo "left behind by --uninstall"
        return 1
    fi
}

try_test() {
    inside "$1" "./install.sh --test | tee /tmp/log-$1; tail -n 1 /tmp/log-$1 | grep -E '^[0-9]+ passed, 0 failed, [0-9]+ skipped\$'"
}

[ $# -gt 0 ] || set -- bookworm:root bookworm:user trixie:root trixie:user
failures=0
for one in "$@"; do
    IFS=: read -r suite who what <<<"$one"
    for person in ${who:-root user}; do
        # A clean system each, so that one's packages do not help the other.
        make_system "$suite"
        for step in ${what:-install test}; do
            echo "#### $suite, $person, $step"
            if "try_$step" "$person"; then
                echo "#### $suite, $person, $step: good"
            else
                echo "#### $suite, $person, $step: FAILED"
                failures=$((failures + 1))
            fi
        done
        finish
    done
done
[ "$failures" = 0 ] && echo "#### all good"
