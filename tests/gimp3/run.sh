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
"$here/root.sh" make >/dev/null
kind=b
setup="-Dgimp=gimp3 -Dtests=enabled -Dwerror=true"

targets="plugin/gimp/vkstyle/vkstyle plugin/vkstyle tests/cli/cli_helper models/vgg19.safetensors
    plugin/gimp/vkstyle/vkstyle.svg plugin/gimp/vkstyle/locale/de/LC_MESSAGES/vkstyle.mo"
environment=
case $build in
*sanitize* | *asan*)
    kind=sanitized
    setup="$setup -Db_sanitize=address,undefined -Db_lundef=false --buildtype debugoptimized"
    environment="VKSTYLE_TEST_SANITIZED=1"
    ;;
esac
exec "$here/root.sh" run sh -eu -c "
    targets='$(echo $targets)'
    [ -f /build/$kind/build.ninja ] || meson setup /build/$kind /source $setup >/build/$kind.log 2>&1 || { cat /build/$kind.log; exit 1; }
    ninja -C /build/$kind \$targets >/build/$kind.log 2>&1 || { grep -A20 FAILED /build/$kind.log; exit 1; }
    exec env PYTHONDONTWRITEBYTECODE=1 VKSTYLE_TEST_PICTURES=${VKSTYLE_TEST_PICTURES:-} $environment python3 /source/tests/gimp3/suite.py /build/$kind \"\$@\"" sh "$@"
