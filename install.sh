#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs vkstyle from this folder and paints a first picture; or runs its tests. ./install.sh --help
set -eu

source=$(cd "$(dirname "$0")" && pwd)
prefix=
packages=yes
action=install

build_packages="gcc libc6-dev meson ninja-build pkgconf glslang-tools libvulkan-dev libvulkan-volk-dev
    libcjson-dev liblcms2-dev libpng-dev libstb-dev libvulkan1 mesa-vulkan-drivers spirv-tools"
test_packages="libcmocka-dev locales vulkan-validationlayers gimp gettext xvfb xauth xdotool
    imagemagick"

usage() {
    cat <<'END'
Usage: ./install.sh [OPTION]...

Installs vkstyle: packages it needs (apt; with sudo unless you are root), a build with meson, the
program, its model and manual, and the filter for each GIMP that is here: as root for all users, else
for you. Then paints a first picture and says where it is.

  --prefix DIR      Install below DIR. Default: ~/.local, or /usr/local for root.
  --no-packages     Leave packages alone; what is missing shows when building.
  --packages-only   List the packages, install those that are missing, and do nothing else.
  --test            Install what the tests need and run all of them. The last line is
                    'N passed, N failed, N skipped'.
  --uninstall       Remove all that was installed below the prefix (packages stay).
  --help            This.
END
}

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

say() {
    echo "== $*"
}

while [ $# -gt 0 ]; do
    case $1 in
    --prefix)
        [ $# -ge 2 ] || { echo "install.sh: --prefix needs a folder" >&2; exit 2; }
        prefix=$2
        shift
        ;;
    --prefix=*) prefix=${1#*=} ;;
    --no-packages) packages=no ;;
    --packages-only) action=packages ;;
    --test) action="test" ;;
    --uninstall) action=uninstall ;;
    --help | -h)
        usage
        exit 0
        ;;
    *)
        echo "install.sh: $1: no such option ('./install.sh --help' lists them)" >&2
        exit 2
        ;;
    esac
    shift
done

if [ -z "$prefix" ]; then
    if [ "$(id -u)" = 0 ]; then
        prefix=/usr/local
    else
        prefix=${HOME:?HOME is not set; give --prefix DIR}/.local
    fi
fi
case $prefix in
/*) ;;
*) prefix=$(pwd)/$prefix ;;
esac
manifest=$prefix/share/vkstyle/manifest.txt

# ---------------------------------------------------------------- packages

installed() {
    dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'
}

# Installs the packages named; asks for nothing when all are there, so that a second run needs
# neither network nor rights.
install_packages() {
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        fail "this is no Debian or Ubuntu; install the counterparts of these packages yourself, then" \
            "use --no-packages: $*"
    fi
    missing=
    for package in "$@"; do
        installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing packages:$missing"
    if [ "$(id -u)" = 0 ]; then
        as_root="env"
    elif command -v sudo >/dev/null; then
        as_root="sudo"
    else
        fail "packages are missing and there is no sudo; as root: apt-get install$missing"
    fi
    # A machine that was never updated has no lists; one that was may have old ones.
    $as_root apt-get -q update || fail "apt-get update failed"
    # shellcheck disable=SC2086
    $as_root DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing ||
        fail "apt-get install failed"
}

in_apt() {
    command -v apt-cache >/dev/null && apt-cache show "$1" >/dev/null 2>&1
}

# What the filter needs for each GIMP that is here; tests want the distribution's GIMP.
gimp_packages() {
    versions="$(gimp_versions) $(flatpak_version)"
    if [ "$action" = test ]; then
        versions=2.10
        ! in_apt libgimp-3.0-dev || versions=3.0
    fi
    for version in $versions; do
        case $version in
        3.*) headers=libgimp-3.0-dev ;;
        *) headers=libgimp2.0-dev ;;
        esac
        ! in_apt "$headers" || echo "$headers gettext"
    done
    # GIMP 3 is tested in a Debian 13 of its own where the system has another GIMP.
    if [ "$action" = test ] && [ "$(id -u)" = 0 ] && ! in_apt libgimp-3.0-dev; then
        echo mmdebstrap
    fi
}

get_packages() {
    [ "$packages" = yes ] || return 0
    wanted=$build_packages
    if [ "$action" = test ]; then
        wanted="$wanted $test_packages"
    fi
    # One line, each package once.
    # shellcheck disable=SC2046,SC2086
    wanted=$(printf '%s\n' $wanted $(gimp_packages) | awk '!seen[$0]++')
    if [ "$action" = packages ]; then
        say "packages:"
        echo "$wanted"
    fi
    # shellcheck disable=SC2086
    install_packages $wanted
    [ "$action" != packages ] || say "all of them are installed"
}

# ---------------------------------------------------------------- GIMP

# The versions ("3.0", "2.10") of the GIMPs that are programs of this system, one a line.
gimp_versions() {
    for program in gimp-console-3.2 gimp-console-3.0 gimp-console-3 gimp-console-2.10 gimp-console; do
        if command -v "$program" >/dev/null; then
            "$program" --version 2>/dev/null | sed -n 's/.*version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1
        fi
    done | awk '/^3\./ || /^2\.10$/ { if (!seen[$0]++) print }'
}

# The version of the GIMP that came as a Flatpak; nothing where there is none.
flatpak_version() {
    command -v flatpak >/dev/null && flatpak info org.gimp.GIMP >/dev/null 2>&1 || return 0
    flatpak info org.gimp.GIMP 2>/dev/null | sed -n 's/^ *Version: *\([0-9]*\.[0-9]*\).*/\1/p' | head -n 1
}

# The host of the filter for a version of GIMP.
gimp_host() {
    case $1 in
    3.*) echo gimp3 ;;
    *) echo gimp2 ;;
    esac
}

# Whether the headers of the host are here, and new enough.
gimp_headers() {
    case $1 in
    gimp3) pkg-config --exists 'gimpui-3.0 >= 3.0.4' 2>/dev/null ;;
    *) pkg-config --exists 'gimpui-2.0 >= 2.10.34' 2>/dev/null ;;
    esac
}

# The folder of the user's own plug-ins for a version of GIMP.
gimp_folder() {
    case $1 in
    3.*) profile=${GIMP3_DIRECTORY:-${XDG_CONFIG_HOME:-$HOME/.config}/GIMP/$1} ;;
    *) profile=${GIMP2_DIRECTORY:-${XDG_CONFIG_HOME:-$HOME/.config}/GIMP/$1} ;;
    esac
    if [ ! -d "$profile" ]; then
        # GIMP makes its folder itself at its first start; one made by us would be taken for complete.
        case $1 in
        3.*)
            program=gimp-console-$1
            command -v "$program" >/dev/null || program=gimp-console
            timeout 120 "$program" -idfs --quit --batch-interpreter=plug-in-script-fu-eval -b 1
            ;;
        *)
            program=gimp-console-2.10
            command -v "$program" >/dev/null || program=gimp-console
            timeout 120 "$program" -idfs -b '(gimp-quit 0)'
            ;;
        esac >/dev/null 2>&1 || true
    fi
    echo "$profile/plug-ins"
}

# Builds and stages the filter for each GIMP after the first one, which the main build serves.
stage_more_gimps() {
    for version in "$@"; do
        host=$(gimp_host "$version")
        gimp_headers "$host" || continue
        folder=
        [ "$(id -u)" = 0 ] || folder=$(gimp_folder "$version")
        configure "build-$version" --prefix "$prefix" --buildtype release -Dtests=disabled "-Dgimp=$host" \
            "-Dgimp_plugin_dir=$folder"
        compile
        stage_build
    done
}

# A Flatpak is a system of its own: whether a filter built here starts in it is found out by starting
# it there. If so, it goes where that GIMP looks, with its model beside it.
stage_for_flatpak() {
    flatpak_said=
    version=$(flatpak_version)
    [ -n "$version" ] || return 0
    host=$(gimp_host "$version")
    if [ "$(id -u)" = 0 ]; then
        flatpak_said="run ./install.sh as the user who paints, not as root"
        return 0
    fi
    if ! gimp_headers "$host"; then
        flatpak_said="the headers to build for it are missing here"
        return 0
    fi
    configure build-flatpak --prefix "$prefix" --buildtype release -Dtests=disabled "-Dgimp=$host"
    compile
    plugin=$build/plugin/gimp/vkstyle
    answer=$(flatpak run --filesystem="$build:ro" --command="$plugin/vkstyle" org.gimp.GIMP 2>&1 || true)
    case $answer in
    *"must be run by GIMP"*) ;;
    *)
        flatpak_said="a filter built here does not start in it ($(echo "$answer" | tail -n 1))"
        return 0
        ;;
    esac
    # shellcheck disable=SC2016 # the sandbox's own variables
    folder=$(flatpak run --command=sh org.gimp.GIMP -c \
        'case $0 in 3.*) d=$GIMP3_DIRECTORY ;; *) d=$GIMP2_DIRECTORY ;; esac; echo "${d:-$XDG_CONFIG_HOME/GIMP/$0}"' \
        "$version" 2>/dev/null) || folder=
    if [ ! -d "$folder" ]; then
        flatpak_said="start that GIMP once, so that its folder is there, then run ./install.sh again"
        return 0
    fi
    target=$stage$folder/plug-ins/vkstyle
    mkdir -p "$target/models"
    cp -R "$plugin/vkstyle" "$plugin/vkstyle.svg" "$target/"
    [ ! -d "$plugin/locale/de" ] || { mkdir -p "$target/locale" && cp -R "$plugin/locale/de" "$target/locale/"; }
    cp "$build/models/vgg19.safetensors" "$target/models/"
    flatpak_said="the filter is $folder/plug-ins/vkstyle/vkstyle; restart GIMP"
}

# What was done for each GIMP, or what its user can do.
say_gimp() {
    for version in $(gimp_versions); do
        host=$(gimp_host "$version")
        if gimp_headers "$host"; then
            say "GIMP $version: restart it, then Filters > Artistic > Neural Style Transfer"
        elif [ "$host" = gimp3 ]; then
            say "GIMP $version: the filter was not built; it needs libgimp-3.0-dev, 3.0.4 or later"
        else
            say "GIMP $version: the filter was not built; it needs libgimp2.0-dev, 2.10.34 or later"
        fi
    done
    grep '/plug-ins/vkstyle/vkstyle$' "$manifest" | sed 's/^/   /' || true
    instead="use the distribution's GIMP (apt install gimp, then ./install.sh), or 'vkstyle transfer' here"
    if [ -n "$(flatpak_version)" ]; then
        case $flatpak_said in
        the\ filter\ is*) say "GIMP as Flatpak: $flatpak_said" ;;
        *) say "GIMP as Flatpak: no filter: $flatpak_said; or $instead" ;;
        esac
    fi
    if command -v snap >/dev/null && snap list gimp >/dev/null 2>&1; then
        say "GIMP as Snap: no filter, because a Snap loads only what it brings along; $instead"
    fi
    if [ -z "$(gimp_versions)$(flatpak_version)" ]; then
        say "no GIMP was found: the filter was not built; apt install gimp, then ./install.sh again, adds it"
    fi
}

# ---------------------------------------------------------------- building

# configure FOLDER OPTION...: a new build folder, or the old one with these options.
configure() {
    build=$source/$1
    shift
    if [ -e "$build" ] && [ ! -w "$build" ]; then
        fail "$build belongs to another user; remove it first"
    fi
    if [ -f "$build/build.ninja" ]; then
        meson setup --reconfigure "$build" "$source" "$@" >"$build/configure.log" 2>&1 || {
            cat "$build/configure.log" >&2
            fail "configuring failed; removing $build and trying again may help"
        }
    else
        mkdir -p "$build"
        meson setup "$build" "$source" "$@" >"$build/configure.log" 2>&1 || {
            cat "$build/configure.log" >&2
            fail "configuring failed"
        }
    fi
}

# compile [TARGET]...
compile() {
    ninja -C "$build" "$@" >"$build/compile.log" 2>&1 || {
        sed -n '/^FAILED/,$p' "$build/compile.log" | head -n 60 >&2
        fail "building failed; all of it is in $build/compile.log"
    }
}

# ---------------------------------------------------------------- installing

# The manifest names every file and, with a slash at the end, every folder that was made.
remove_listed() {
    # Files first, then folders from the longest name up; one that others use as well stays.
    grep -v '/$' "$1" | while IFS= read -r file; do
        rm -f -- "$file"
    done
    grep '/$' "$1" | sort -r | while IFS= read -r folder; do
        rmdir -- "$folder" 2>/dev/null || true
    done
}

copy_staged() {
    stage=$1
    list=$build/manifest.txt
    : >"$list"
    [ ! -f "$manifest" ] || grep '/$' "$manifest" >"$list" || true
    mkdir -p "$prefix" 2>/dev/null || true
    [ -w "$prefix" ] || fail "$prefix cannot be written; choose another folder with --prefix DIR"
    (cd "$stage" && find . -mindepth 1 -type d) | sed 's/^\.//' | while IFS= read -r folder; do
        [ -d "$folder" ] || { mkdir -- "$folder" && echo "$folder/" >>"$list"; } || exit 1
    done || fail "a folder could not be made"
    (cd "$stage" && find . ! -type d) | sed 's/^\.//' | while IFS= read -r file; do
        # Beside and renamed: a running program is not overwritten.
        { cp -P -- "$stage$file" "$file.new" && mv -f -- "$file.new" "$file"; } || exit 1
        echo "$file" >>"$list"
    done || fail "a file could not be written"
    # What an older version had and this one has not.
    if [ -f "$manifest" ]; then
        grep -v '/$' "$manifest" | while IFS= read -r file; do
            grep -qxF -- "$file" "$list" || rm -f -- "$file"
        done
    fi
    [ -d "$prefix/share/vkstyle" ] || { mkdir -p "$prefix/share/vkstyle" && echo "$prefix/share/vkstyle/" >>"$list"; }
    echo "$manifest" >>"$list"
    sort -u "$list" >"$manifest"
}

first_picture() {
    picture=$build/first-picture.png
    # Without a GPU, a smaller picture, so that it comes within minutes.
    size=
    if "$prefix/bin/vkstyle" devices --json 2>/dev/null | grep '"type"' | head -n 1 | grep -q software; then
        size="--size 256"
        say "no GPU with a Vulkan driver was found: the processor does the work"
    fi
    say "painting $source/docs/pictures/mountains.jpg in the manner of auvers.jpg"
    # shellcheck disable=SC2086
    "$prefix/bin/vkstyle" transfer "$source/docs/pictures/mountains.jpg" "$source/docs/pictures/auvers.jpg" \
        -o "$picture" --time-limit 180 $size ||
        fail "vkstyle is installed, but could not paint; '$prefix/bin/vkstyle doctor' tells more"
    say "the picture is $picture"
}

stage_build() {
    DESTDIR=$stage meson install -C "$build" --no-rebuild >"$build/install.log" 2>&1 || {
        cat "$build/install.log" >&2
        fail "installing failed"
    }
}

do_install() {
    get_packages
    say "building"
    versions=$(gimp_versions)
    host=none folder=
    for version in $versions; do
        if gimp_headers "$(gimp_host "$version")"; then
            host=$(gimp_host "$version")
            # Root installs for all, others into their own folder of GIMP.
            [ "$(id -u)" = 0 ] || folder=$(gimp_folder "$version")
            break
        fi
    done
    configure build --prefix "$prefix" --buildtype release -Dtests=disabled "-Dgimp=$host" \
        "-Dgimp_plugin_dir=$folder"
    compile
    main=$build
    stage=$build/stage
    rm -rf "$stage"
    stage_build
    # shellcheck disable=SC2046 # versions are words
    stage_more_gimps $(echo "$versions" | grep -vxF "${version:-none}" || true)
    stage_for_flatpak
    build=$main
    say "installing below $prefix"
    copy_staged "$stage"
    rm -rf "$stage"
    say_gimp
    first_picture
    case :$PATH: in
    *:"$prefix/bin":*) say "try: vkstyle transfer --help" ;;
    *) say "try: $prefix/bin/vkstyle transfer --help ($prefix/bin is not in your PATH)" ;;
    esac
}

do_uninstall() {
    [ -f "$manifest" ] || fail "nothing is installed below $prefix (no $manifest); try --prefix DIR"
    copy=$(mktemp)
    cp "$manifest" "$copy"
    remove_listed "$copy"
    rm -f "$copy"
    say "removed what was installed below $prefix"
}

# ---------------------------------------------------------------- tests

# Adds up a meson log. A cmocka test counts each of its cases; any other test counts as one.
count_results() {
    awk '
        function close_test() {
            if (!open_test) return
            cases = 0
            for (name in state) {
                cases++
                if (state[name] == "FAILED") { failed++; bad++ }
                else if (state[name] == "SKIPPED") skipped++
                else passed++
            }
            if (!cases && result == "skip") skipped++
            else if (!cases && result == "ok") passed++
            else if (result == "fail" && !bad) failed++
            open_test = 0
        }
        /^=+ [0-9]+\/[0-9]+ =+$/ { close_test(); open_test = 1; split("", state); bad = 0; result = "fail" }
        /^result: / {
            if ($0 ~ /exit status 0$/) result = "ok"
            else if ($0 ~ /exit status 77/) result = "skip"
            else result = "fail"
        }
        /^\[ +OK \] [^ ]+$/ { state[$NF] = "OK" }
        /^\[ +FAILED +\] [^ ]+$/ { state[$NF] = "FAILED" }
        /^\[ +ERROR +\] [^ ]+$/ { state[$NF] = "FAILED" }
        /^\[ +SKIPPED +\] [^ ]+$/ { state[$NF] = "SKIPPED" }
        END { close_test(); print passed + 0, failed + 0, skipped + 0 }
    ' "$1"
}

# run_tests TITLE MESON-TEST-OPTION...: in the folder configured last.
run_tests() {
    title=$1
    shift
    say "$title"
    status=0
    meson test -C "$build" --no-rebuild --print-errorlogs "$@" || status=$?
    log=$build/meson-logs/testlog.txt
    [ -f "$log" ] || fail "meson test left no log"
    # shellcheck disable=SC2046
    set -- $(count_results "$log")
    [ $# = 3 ] || fail "$log could not be counted"
    # A failure that left no trace in the log is a failure all the same.
    [ "$status" = 0 ] || [ "$2" != 0 ] || set -- "$1" 1 "$3"
    echo "$title: $1 passed, $2 failed, $3 skipped"
    total_passed=$((total_passed + $1))
    total_failed=$((total_failed + $2))
    total_skipped=$((total_skipped + $3))
}

do_test() {
    get_packages
    total_passed=0 total_failed=0 total_skipped=0
    # The validation layer watches every test; where it is asked for and missing, tests fail.
    export VKSTYLE_VALIDATION=1
    # What drivers keep until the end of the process is not ours to free.
    export LSAN_OPTIONS="suppressions=$source/tests/lsan.supp:print_suppressions=0"
    export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
    # As root, with packages at hand, GIMP 3 has to be tested: in a Debian 13 of its own if need be.
    if [ "$packages" = yes ] && [ "$(id -u)" = 0 ]; then
        export VKSTYLE_TEST_GIMP3=1
    fi
    say "building, warnings are errors"
    configure build-test --buildtype release -Dwerror=true -Dtests=enabled
    compile all meson-test-prereq
    # Times are no test: a busy machine may take longer.
    run_tests "plain build" --timeout-multiplier 4
    say "building with AddressSanitizer and UndefinedBehaviorSanitizer"
    configure build-sanitized --buildtype debugoptimized -Dwerror=true -Dtests=enabled \
        -Db_sanitize=address,undefined -Db_lundef=false
    compile all meson-test-prereq
    export VKSTYLE_TEST_QUICK=1
    run_tests "sanitized build" --timeout-multiplier 6
    echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
    [ "$total_failed" = 0 ] && [ "$total_passed" -gt 0 ]
}

case $action in
packages) get_packages ;;
install) do_install ;;
uninstall) do_uninstall ;;
test) do_test ;;
esac
