#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD VERSION [TEST]: the suite of GIMP 3, against this build where it has the filter for GIMP 3,
# else in a Debian 13 root with a build of its own. Exit status 77: neither can be had.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1 version=$2
shift 2
if [ "$version" = 3 ]; then
    exec python3 "$here/suite.py" "$build" "$@"
fi
"$here/root.sh" make >/dev/null || {
    # With VKSTYLE_TEST_GIMP3 (install.sh --test as root, which has installed mmdebstrap) only a container
    # without mounts is an excuse.
    status=$?
    [ "$status" != 77 ] || exit 77
    [ -z "${VKSTYLE_TEST_GIMP3:-}" ] || exit 1
    exit 77
}

kind=plain
setup="-Dgimp=gimp3 -Dtests=enabled -Dwerror=true"
if python3 -c 'import json, sys
sys.exit(not any(o["name"] == "b_sanitize" and "address" in o["value"] for o in json.load(open(sys.argv[1]))))' \
    "$build/meson-info/intro-buildoptions.json"; then
    kind=sanitized
    setup="$setup -Db_sanitize=address,undefined -Db_lundef=false --buildtype debugoptimized"
fi
targets="plugin/gimp/vkstyle/vkstyle plugin/vkstyle tests/cli/cli_helper models/vgg19.safetensors
    plugin/gimp/vkstyle/vkstyle.svg plugin/gimp/vkstyle/locale/de/LC_MESSAGES/vkstyle.mo"

# What this system's driver paints, for the comparison of drivers.
folder=$("$here/root.sh" build)
if [ $# = 0 ] && [ "$kind" = plain ]; then
    rm -rf "$folder/other"
    mkdir -p "$folder/other"
    "$build/tests/cli/cli_helper" inputs "$folder/other"
    "$build/plugin/vkstyle" transfer "$folder/other/content.png" "$folder/other/style.png" -o "$folder/other/other.png" \
        --full-size --size 48 --iterations 5 --levels 1 --progress none --report "$folder/other/other.json" 2>/dev/null
    other=/build/other
fi
exec "$here/root.sh" run sh -eu -c "
    targets='$(echo $targets)'
    [ -f /build/$kind/build.ninja ] || meson setup /build/$kind /source $setup >/build/$kind.log 2>&1 || { cat /build/$kind.log; exit 1; }
    ninja -C /build/$kind \$targets >/build/$kind.log 2>&1 || { grep -A20 FAILED /build/$kind.log; exit 1; }
    exec env PYTHONDONTWRITEBYTECODE=1 VKSTYLE_TEST_PICTURES=${VKSTYLE_TEST_PICTURES:-} VKSTYLE_TEST_OTHER=${other:-} \
        python3 /source/tests/gimp3/suite.py /build/$kind \"\$@\"" sh "$@"
