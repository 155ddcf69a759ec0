#!/bin/bash
# SPDX-License-Identifier: MIT
# The command line from outside: exit status, the last line of stderr, and what lies in the folder
# afterwards. Usage: cli.sh VKSTYLE CLI_HELPER [CASE...]
#
# Each case prints a line as cmocka does, so that install.sh counts them alike.
set -u

vkstyle=$(realpath "$1") helper=$(realpath "$2")
shift 2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export VKSTYLE_MODELS=$work/models
# Tiny jobs must not tell the user's real ones how fast the device is.
export XDG_CACHE_HOME=$work/cache
mkdir models out cache
"$helper" inputs "$work" || exit 1
cp small.safetensors models/
head -c 300 content.png >cut.png
printf 'not a picture' >text.png
: >empty.png
head -c 4000 small.safetensors >models/cut.safetensors
printf 'garbage' >models/garbage.safetensors

# ---------------------------------------------------------------- assertions

problem() {
    problems=$((problems + 1))
    echo "    $*"
    sed 's/^/    | /' "$work/stderr"
}

# run STATUS ARGUMENT...: runs vkstyle and expects this exit status.
run() {
    local expected=$1 status=0
    shift
    "$vkstyle" "$@" >"$work/stdout" 2>"$work/stderr" || status=$?
    [ "$status" = "$expected" ] || problem "status $status instead of $expected: vkstyle $*"
}

# What lies in the folders, with the contents of out/.
state() {
    find . -path ./cache -prune -o ! -name stdout ! -name stderr -print | sort
    cat out/* 2>/dev/null | cksum
}

# fails STATUS TEXT ARGUMENT...: the last line of stderr begins "vkstyle: " and has TEXT; no file
# appeared or changed.
fails() {
    local expected=$1 text=$2 before after last
    shift 2
    before=$(state)
    run "$expected" "$@"
    last=$(tail -n 1 "$work/stderr")
    case $last in
    "vkstyle: "*"$text"*) ;;
    *) problem "the last line lacks '$text': vkstyle $*" ;;
    esac
    after=$(state)
    [ "$before" = "$after" ] || problem "files came, went or changed: vkstyle $*"
    [ ! -s "$work/stdout" ] || problem "something went to stdout: vkstyle $*"
}

stdout_has() {
    grep -qF -- "$1" "$work/stdout" || problem "stdout lacks '$1'"
}

stderr_has() {
    grep -qF -- "$1" "$work/stderr" || problem "stderr lacks '$1'"
}

there() {
    [ -f "$1" ] || problem "$1 is missing"
}

absent() {
    [ ! -e "$1" ] || problem "$1 is there"
}

# Nothing but these in out/.
only() {
    local have
    have=$(cd out && find . -mindepth 1 | sed 's,^./,,' | sort | tr '\n' ' ')
    [ "$have" = "$*${1+ }" ] || problem "out/ has '$have', not '$*'"
}

json() {
    "$helper" json "$@" 2>"$work/stderr" || problem "JSON $1"
}

small=(--model small --iterations 6 --levels 1 --progress none)

# ---------------------------------------------------------------- cases: usage

help_teaches() {
    run 0 --help
    stdout_has "vkstyle transfer photo.jpg painting.jpg -o result.png"
    run 0 transfer --help
    stdout_has "Examples:"
    stdout_has "--style-scale S"
    stdout_has "--precision auto|fp32|fp16"
    stdout_has "--quality draft|normal|best"
    stdout_has "--colour off|luminance|match|match-pca"
    stdout_has "--style STYLE"
    stdout_has "fine-strokes: Small"
    run 0 transfer -h
    for command in evaluate devices doctor bench help "model info" "model import"; do
        # shellcheck disable=SC2086 # two words
        run 0 $command --help
        stdout_has "Usage: vkstyle $command"
        # shellcheck disable=SC2086
        run 0 help $command
        stdout_has "Usage: vkstyle $command"
    done
    run 0 model --help
    stdout_has "model import"
    run 0 --version
    stdout_has "vkstyle "
    run 0 help --man
    stdout_has ".SH \"EXIT STATUS\""
    run 0 help --completion
    bash -n "$work/stdout" || problem "the completion is no bash"
    stdout_has "large-shapes"
    stdout_has "match-pca"
    run 0 transfer --help
    [ "$(awk 'length > 80' "$work/stdout" | wc -l)" = 0 ] || problem "help is wider than 80 columns"
}

commands_are_checked() {
    fails 2 "a command is missing"
    fails 2 "did you mean 'transfer'?" tranfer content.png style.png -o out/a.png
    fails 2 "no such command" paint
    fails 2 "the command comes first" --size 3
    fails 2 "'model info'" model
    fails 2 "'model import'" model inf
    fails 2 "no command 'paint'" help paint
}

options_are_checked() {
    local base=(transfer content.png style.png -o out/a.png)
    fails 2 "--sise: no such option; did you mean --size?" "${base[@]}" --sise 3
    fails 2 "--hue: no such option" "${base[@]}" --hue
    fails 2 "--colour needs a value" "${base[@]}" --colour
    fails 2 "-x: no such option" "${base[@]}" -x
    fails 2 "-outfile: no such option" transfer content.png style.png -outfile out/a.png
    fails 2 "-: standard input and output are not used" transfer - style.png -o out/a.png
    fails 2 "-o needs a value" transfer content.png style.png -o -
    fails 2 "-o needs a value" transfer content.png style.png -o
    fails 2 "--beta needs a value" "${base[@]}" --beta --size 32
    fails 2 "--keep-partial takes no value" "${base[@]}" --keep-partial=yes
    fails 2 "-o OUT is missing" transfer content.png style.png
    fails 2 "a content image and a style image" transfer -o out/a.png
    fails 2 "a content image and a style image" transfer content.png -o out/a.png
    fails 2 "an empty name" transfer "" style.png -o out/a.png
    fails 2 "'devices' takes no names" devices here
    fails 2 "one name too many" model info a b
}

values_are_checked() {
    local base=(transfer content.png style.png -o out/a.png)
    fails 2 "--beta: 'abc' is not a number" "${base[@]}" --beta abc
    fails 2 "--beta: '1,5' is not a number" "${base[@]}" --beta=1,5
    fails 2 "--beta: -1 is out of range" "${base[@]}" --beta -1
    fails 2 "--size: '1.5' is not a whole number" "${base[@]}" --size 1.5
    fails 2 "--size: 99999 is out of range; give 0 to 65536" "${base[@]}" --size 99999
    fails 2 "--optimizer: no choice is called 'adm'; did you mean 'adam'?" "${base[@]}" --optimizer adm
    fails 2 "--memory: 'lots' is not a number of bytes" "${base[@]}" --memory lots
    fails 2 "--progress: no choice is called 'plian'; did you mean 'plain'?" "${base[@]}" --progress plian
    fails 2 "--save-every: '0x5' is not a whole number" "${base[@]}" --save-every 0x5
    fails 2 "--save-every: 0 is out of range" "${base[@]}" --save-every 0
    fails 2 "--style-weights: 2 given for 1 styles" "${base[@]}" --style-weights 1,2
    fails 2 "--style-weights: 'a' is not a list" "${base[@]}" --style-weights a
    fails 2 "--style-weights: '1,' is not a list" "${base[@]}" --style-weights 1,
    fails 2 "--style-weights: all are 0" "${base[@]}" --style-weights 0
    fails 2 "--layer-weights has 2 numbers" "${base[@]}" --layer-weights 1,2
    fails 2 "--alpha and --beta are both 0" "${base[@]}" --alpha 0 --beta 0
    fails 2 "--colour: no choice is called 'lumiance'; did you mean 'luminance'?" "${base[@]}" --color lumiance
    fails 2 "--colour-strength: 2 is out of range" "${base[@]}" --color-strength=2
    fails 2 "--preset: none is called 'strnog'; did you mean 'strong'?" "${base[@]}" --preset strnog
    fails 2 "--quality: no choice is called 'good'" "${base[@]}" --quality good
    fails 2 "--format is for folders" "${base[@]}" --format jpg
    fails 2 "--bits: 9 is none of" model import small.safetensors -o out/a.safetensors --bits 9
    fails 2 "--size: 0 is out of range" bench --size 0
}

outputs_are_checked() {
    fails 2 "-o: " transfer content.png style.png -o out/a.gif
    fails 2 "-o: " transfer content.png style.png -o out/a
    fails 1 "the folder nowhere: No such file" transfer content.png style.png -o nowhere/a.png
    fails 1 "the folder /proc" transfer content.png style.png -o /proc/a.png
    fails 1 "the folder text.png: Not a directory" transfer content.png style.png -o text.png/a.png
    mkdir folder.png
    fails 1 "a folder; name a file in it" transfer content.png style.png -o folder.png
    ln -s /dev/null null.png
    fails 1 "not a plain file" transfer content.png style.png -o null.png
    fails 2 "content.png is also an input" transfer content.png style.png -o content.png
    fails 2 "./style.png is also an input" transfer content.png style.png -o ./style.png
    fails 2 "other.png is also an input" transfer content.png style.png -o other.png --init other.png
    fails 2 "--report and -o name the same file" transfer content.png style.png -o out/a.png --report out/a.png
    fails 2 "style.png is also an input" transfer content.png style.png -o out/a.png --report style.png
    fails 1 "--report: nowhere/r.json cannot be written" transfer content.png style.png -o out/a.png --report nowhere/r.json
    fails 2 "does not end in .safetensors" evaluate content.png style.png content.png -o out/a.npz
    fails 2 "does not end in .safetensors" model import small.safetensors -o out/a.h5
    fails 1 "the folder nowhere" evaluate content.png style.png content.png -o nowhere/a.safetensors
    rmdir folder.png
    rm null.png
    # An unprivileged user and a folder that is not theirs; root may write anywhere.
    if [ "$(id -u)" != 0 ]; then
        mkdir locked
        chmod 555 locked
        fails 1 "the folder locked: Permission denied" transfer content.png style.png -o locked/a.png
        rmdir locked
    fi
}

inputs_are_checked() {
    fails 1 "missing.png" transfer missing.png style.png -o out/a.png "${small[@]}"
    fails 1 "missing.png" transfer content.png missing.png -o out/a.png "${small[@]}"
    fails 1 "missing.png" transfer content.png style.png -o out/a.png --init missing.png "${small[@]}"
    fails 1 "text.png" transfer text.png style.png -o out/a.png "${small[@]}"
    fails 1 "cut.png" transfer content.png cut.png -o out/a.png "${small[@]}"
    fails 1 "empty.png" transfer empty.png style.png -o out/a.png "${small[@]}"
    fails 2 "out is a folder; write" transfer out style.png -o out/a.png "${small[@]}"
    fails 1 "out: no pictures in this folder" transfer content.png out -o out/a.png "${small[@]}"
    fails 1 "small.safetensors" transfer small.safetensors:nothing style.png -o out/a.png "${small[@]}"
    fails 1 "nothing.safetensors" evaluate nothing.safetensors:a style.png content.png -o out/a.safetensors
}

models_are_checked() {
    local base=(transfer content.png style.png -o out/a.png --iterations 2 --progress none)
    fails 1 "absent" "${base[@]}" --model absent
    fails 1 "absent.safetensors" "${base[@]}" --model ./absent.safetensors
    fails 1 "garbage.safetensors" "${base[@]}" --model garbage
    fails 1 "cut.safetensors" "${base[@]}" --model cut
    fails 1 "content.png" "${base[@]}" --model ./content.png
    fails 1 "absent" model info absent
    fails 1 "text.png" model import text.png -o out/a.safetensors
    run 0 model info small
    stdout_has "conv4_2"
    fails 2 "conv9_9" "${base[@]}" --model small --content-layer conv9_9
    fails 2 "conv9_9" "${base[@]}" --model small --style-layers conv1_1,conv9_9
}

# ---------------------------------------------------------------- cases: devices

devices_are_listed() {
    run 0 devices
    stdout_has "usable"
    run 0 devices --json
    json stdout 0.index 0.name 0.driver 0.uuid 0.type 0.memory 0.usable
    fails 3 "no-such-gpu" transfer content.png style.png -o out/a.png "${small[@]}" --device no-such-gpu
    fails 3 "99" transfer content.png style.png -o out/a.png "${small[@]}" --device 99
}

a_machine_without_vulkan() {
    local fake=$work/fake
    mkdir "$fake"
    # A driver manifest that is not there: the loader finds no driver.
    export VK_DRIVER_FILES=/nonexistent.json VK_ICD_FILENAMES=/nonexistent.json
    fails 3 "" devices
    fails 3 "" transfer content.png style.png -o out/a.png "${small[@]}"
    run 3 doctor
    stdout_has "FAIL"
    stdout_has "->"
    unset VK_DRIVER_FILES VK_ICD_FILENAMES
    # A loader that cannot be loaded.
    printf 'no library' >"$fake/libvulkan.so.1"
    cp "$fake/libvulkan.so.1" "$fake/libvulkan.so"
    LD_LIBRARY_PATH=$fake fails 3 "" devices
    LD_LIBRARY_PATH=$fake fails 3 "" transfer content.png style.png -o out/a.png "${small[@]}"
}

doctor_finds_no_fault() {
    run 0 doctor --model small
    stdout_has "self-test passed"
    stdout_has "a small picture was painted"
    # A GIMP that has the filter and one that has not.
    mkdir -p bin config/GIMP/3.0/plug-ins/vkstyle
    printf '#!/bin/sh\n' | tee bin/gimp-2.10 >bin/gimp-3.0
    chmod +x bin/gimp-2.10 bin/gimp-3.0
    touch config/GIMP/3.0/plug-ins/vkstyle/vkstyle
    HOME=$work XDG_CONFIG_HOME=$work/config PATH=$work/bin:$PATH run 0 doctor --model small
    stdout_has "3, native: the filter is installed"
    mkdir -p .local/share/flatpak/app/org.gimp.GIMP
    HOME=$work run 0 doctor --model small
    stdout_has "Flatpak"
    rm -r .local bin config
}

# ---------------------------------------------------------------- cases: work

a_picture_is_painted() {
    run 0 transfer content.png style.png -o out/a.png --report out/a.json "${small[@]}"
    only a.json a.png
    "$helper" png out/a.png 52 39 || problem "out/a.png"
    cmp -s content.png out/a.png && problem "the picture is the content"
    json out/a.json command files.content files.styles.0 files.output device model seed
    [ "$("$helper" text out/a.json files.output)" = out/a.png ] || problem "files.output"
    # The same again: the same bytes.
    run 0 transfer content.png style.png -o out/b.png "${small[@]}"
    cmp -s out/a.png out/b.png || problem "the same command gave another picture"
    # And something else gives something else.
    run 0 transfer content.png other.png -o out/b.png "${small[@]}"
    cmp -s out/a.png out/b.png && problem "another style gave the same picture"
    rm -f out/*
}

a_plan_is_replayed() {
    run 0 transfer content.png style.png -o out/a.png --report out/a.json "${small[@]}"
    run 0 transfer content.png style.png -o out/b.png --plan out/a.json --model small --progress none
    cmp -s out/a.png out/b.png || problem "the replayed plan gave another picture"
    local base=(transfer content.png style.png -o out/c.png --model small --progress none)
    fails 1 "--plan: nothing.json cannot be read" "${base[@]}" --plan nothing.json
    fails 2 "--plan" "${base[@]}" --plan text.png
    fails 2 "out/a.json is also an input" "${base[@]}" --plan out/a.json --report out/a.json
    rm -f out/*
}

options_have_an_effect() {
    run 0 transfer content.png style.png -o out/a.png "${small[@]}" --size 32
    "$helper" png out/a.png 32 24 || problem "--size 32"
    run 0 transfer content.png style.png -o out/a.png "${small[@]}" --size 32 --full-size
    "$helper" png out/a.png 52 39 || problem "--full-size"
    run 0 transfer content.png style.png -o out/c.png "${small[@]}" --init random --seed 1
    run 0 transfer content.png style.png -o out/d.png "${small[@]}" --init random --seed 2
    cmp -s out/c.png out/d.png && problem "--seed has no effect"
    run 0 transfer content.png style.png -o out/e.png "${small[@]}" --init other.png
    run 0 transfer content.png style.png other.png -o out/f.png "${small[@]}" --style-weights 3,1
    run 0 transfer content.png style.png other.png -o out/g.png "${small[@]}" --style-weights=1,3
    cmp -s out/f.png out/g.png && problem "--style-weights has no effect"
    run 0 transfer content.png style.png -o out/h.jpg "${small[@]}" --optimizer lbfgs
    "$helper" png out/h.jpg 52 39 || problem "JPEG"
    run 0 transfer content.png style.png -o out/i.safetensors "${small[@]}"
    run 0 transfer out/i.safetensors:image style.png -o out/j.png "${small[@]}"
    rm -f out/*
}

# option NAME: its value in the report of the picture just painted.
option() {
    "$helper" text out/a.json "options.$1"
}

presets_give_way() {
    run 0 transfer content.png style.png -o out/a.png --report out/a.json "${small[@]}" --preset fine-strokes
    [ "$(option style-scale)" = 0.5 ] || problem "--preset fine-strokes"
    # What was asked for by name wins, before or after.
    run 0 transfer content.png style.png -o out/a.png --report out/a.json "${small[@]}" --style-scale 2 --preset fine-strokes
    [ "$(option style-scale)" = 2 ] || problem "the preset won over --style-scale before it"
    run 0 transfer content.png style.png -o out/a.png --report out/a.json "${small[@]}" --preset=gentle --beta 7
    [ "$(option beta)" = 7 ] || problem "the preset won over --beta after it"
    [ "$(option iterations)" = 6 ] || problem "the preset undid --iterations"
    run 0 transfer content.png style.png -o out/a.png --report out/a.json "${small[@]}" --preset texture
    [ "$(option init)" = random ] || problem "--preset texture"
    rm -f out/*
}

colours_are_kept() {
    run 0 transfer content.png style.png -o out/a.png "${small[@]}"
    run 0 transfer content.png style.png -o out/b.png "${small[@]}" --color luminance
    run 0 transfer content.png style.png -o out/c.png "${small[@]}" --colour match
    run 0 transfer content.png style.png -o out/d.png "${small[@]}" --colour match --colour-strength 0
    cmp -s out/a.png out/b.png && problem "--color luminance has no effect"
    cmp -s out/a.png out/c.png && problem "--colour match has no effect"
    cmp -s out/a.png out/d.png || problem "--colour-strength 0 is not as off"
    rm -f out/*
}

a_style_is_a_folder() {
    mkdir crops
    cp style.png crops/1.png
    cp other.png crops/2.png
    echo "no picture" >crops/notes.txt
    run 0 transfer content.png style.png other.png -o out/a.png "${small[@]}"
    run 0 transfer content.png crops -o out/b.png "${small[@]}"
    cmp -s out/a.png out/b.png || problem "a folder is not as its pictures"
    # It shares its weight out: 2 for the folder is 1 for each.
    run 0 transfer content.png style.png style.png other.png -o out/c.png "${small[@]}" --style-weights 4,1,1
    run 0 transfer content.png style.png crops -o out/d.png "${small[@]}" --style-weights 4,2
    cmp -s out/c.png out/d.png || problem "a folder's weight is not shared out"
    run 0 transfer content.png --style crops -o out/e.png "${small[@]}"
    cmp -s out/a.png out/e.png || problem "--style FOLDER"
    rm -rf out/* crops
}

masks_go_with_styles() {
    mkdir crops
    cp style.png crops/1.png
    cp style.png crops/2.png
    printf 'P2 4 1 255 255 255 0 0\n' >left.pgm
    printf 'P2 4 1 255 0 0 255 255\n' >right.pgm
    local base=(transfer content.png)
    fails 2 "--style-mask: 2 given for 1 styles; give one each" "${base[@]}" style.png -o out/a.png --style-mask left.pgm,right.pgm
    fails 2 "--style-mask: 2 given for 1 styles; give one each" "${base[@]}" crops -o out/a.png --style-mask left.pgm,left.pgm
    fails 1 "--style-mask: 'none.pgm' cannot be read" "${base[@]}" crops other.png -o out/a.png "${small[@]}" --style-mask none.pgm,right.pgm
    fails 2 "other.png is also an input" "${base[@]}" crops -o other.png --style-mask other.png
    # A folder takes one mask for all its pictures, and crops of a style are that style.
    run 0 "${base[@]}" style.png other.png -o out/a.png "${small[@]}" --style-mask left.pgm,right.pgm
    run 0 "${base[@]}" crops other.png -o out/b.png "${small[@]}" --style-mask left.pgm,right.pgm
    cmp -s out/a.png out/b.png || problem "a folder under a mask is not as its pictures"
    run 0 "${base[@]}" --style other.png --style crops -o out/c.png "${small[@]}" --style-mask ,left.pgm
    run 0 "${base[@]}" other.png style.png -o out/d.png "${small[@]}" --style-mask ,left.pgm
    cmp -s out/c.png out/d.png || problem "a folder's mask went to another style"
    # A mask of one name is one mask.
    run 0 "${base[@]}" style.png style.png -o out/e.png "${small[@]}" --style-mask left.pgm,left.pgm
    run 0 "${base[@]}" style.png -o out/f.png "${small[@]}" --style-mask left.pgm
    cmp -s out/e.png out/f.png || problem "a style twice under a mask is another"
    cmp -s out/a.png out/f.png && problem "masks change nothing"
    rm -rf out/* crops left.pgm right.pgm
}

a_folder_is_painted() {
    mkdir photos
    cp content.png photos/b.png
    cp other.png photos/a.png
    cp text.png photos/bad.png
    local batch=(transfer photos content.png --style style.png -o out/all --model small --iterations 4 --levels 1)
    # One that fails does not stop the others, and is told.
    run 1 "${batch[@]}" --progress plain
    (cd out/all && only_here=$(find . -type f | sort | tr '\n' ' ') && [ "$only_here" = "./a.json ./a.png ./b.json ./b.png ./content.json ./content.png " ]) || problem "out/all"
    stderr_has "out/all: 3 painted, 0 done before, 1 failed"
    [ "$(tail -n 1 stderr)" = "vkstyle: 1 of 4 failed: photos/bad.png" ] || problem "the last line"
    cmp -s out/all/b.png out/all/content.png || problem "the same picture twice is not the same"
    run 0 transfer content.png style.png -o out/one.png --model small --iterations 4 --levels 1 --progress none
    cmp -s out/one.png out/all/b.png || problem "in a folder a picture turns out differently"
    # The style is prepared once: the second picture of that size found it.
    [ "$("$helper" text out/all/content.json styles_prepared)" = 0 ] || problem "the style was prepared again"
    json out/all/a.json files.content files.output made_from.content.path made_from.parameters.beta losses.total.3
    # Again: only what is new, or asked for otherwise.
    rm photos/bad.png
    touch -d '2001-01-01' out/all/*.png
    run 0 "${batch[@]}" --progress plain
    stderr_has "out/all: 0 painted, 3 done before, 0 failed"
    [ "$(find out/all -name '*.png' -newermt 2002-01-01 | wc -l)" = 0 ] || problem "a done picture was touched"
    rm out/all/a.png
    run 0 "${batch[@]}" --progress plain
    stderr_has "1 painted, 2 done before"
    run 0 "${batch[@]}" --progress plain --beta 3
    stderr_has "3 painted, 0 done before"
    run 0 "${batch[@]}" --progress plain --beta 3 --again
    stderr_has "3 painted, 0 done before"
    cp style.png photos/b.png
    run 0 "${batch[@]}" --progress plain --beta 3
    stderr_has "1 painted, 2 done before"
    run 0 transfer photos --style style.png -o out/jpg/ --format jpg "${small[@]}"
    there out/jpg/a.jpg
    mkdir more
    cp content.png more/a.jpg
    fails 2 "would both become out/all/a.png" transfer photos more --style style.png -o out/all "${small[@]}"
    fails 2 "--report: in a folder" transfer photos --style style.png -o out/all --report out/r.json "${small[@]}"
    fails 2 "--format: no choice is called 'gif'" transfer photos --style style.png -o out/all --format gif "${small[@]}"
    fails 1 "cannot be made" transfer photos --style style.png -o nowhere/deep "${small[@]}"
    rm -rf out/* photos more
}

pictures_on_the_way() {
    run 0 transfer content.png style.png -o out/a.png "${small[@]}" --save-every 3
    only a-000003.png a-000006.png a.png
    "$helper" png out/a-000003.png 52 39 || problem "--save-every"
    cmp -s out/a-000003.png out/a-000006.png && problem "the pictures are alike"
    rm -f out/*
}

progress_is_shown() {
    run 0 transfer content.png style.png -o out/a.png --model small --iterations 6 --levels 1 --progress json
    [ -s stdout ] || problem "no JSON"
    while IFS= read -r line; do
        printf '%s\n' "$line" >line.json
        json line.json phase iteration iterations loss seconds
    done <stdout
    grep -q '"iteration": 6' stdout || problem "the last iteration is not told"
    rm -f line.json
    run 0 transfer content.png style.png -o out/a.png --model small --iterations 6 --levels 1 --progress plain
    stderr_has "of 6"
    stderr_has "out/a.png: 52x39"
    run 0 transfer content.png style.png -o out/a.png "${small[@]}"
    [ "$(grep -vc '^note: ' stderr)" = 0 ] || problem "--progress none talks"
    rm -f out/*
}

a_time_limit_keeps_the_picture() {
    run 0 transfer content.png style.png -o out/a.png --model small --iterations 1000000 --time-limit 1 --progress none
    only a.png
    rm -f out/*
}

# interrupt STATUS SIGNAL ARGUMENT...: begins an endless job, waits for its first iteration, sends
# the signal, expects the status within ten seconds.
interrupt() {
    local expected=$1 signal=$2 status=0 job
    shift 2
    # Emptied here: the job's own redirection may come after the first look at them.
    : >stdout
    : >stderr
    "$vkstyle" transfer content.png style.png --model small --levels 1 --iterations 1000000 \
        --progress json "$@" >stdout 2>stderr &
    job=$!
    for _ in $(seq 600); do
        grep -q '"iteration": [1-9]' stdout && break
        kill -0 "$job" 2>/dev/null || break
        sleep 0.1
    done
    kill "-$signal" "$job" 2>/dev/null || problem "it had ended before the signal"
    for _ in $(seq 100); do
        kill -0 "$job" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$job" 2>/dev/null && problem "it did not stop within ten seconds"
    wait "$job" || status=$?
    [ "$status" = "$expected" ] || problem "status $status instead of $expected after SIG$signal"
    case $(tail -n 1 stderr) in
    "vkstyle: interrupted"*) ;;
    *) problem "the last line does not tell of the interruption" ;;
    esac
}

an_interruption_leaves_nothing() {
    interrupt 130 INT -o out/a.png --report out/a.json
    absent out/a.png
    interrupt 130 TERM -o out/a.png
    absent out/a.png
    rm -f out/*
    printf 'older' >out/a.png
    interrupt 130 INT -o out/a.png
    [ "$(cat out/a.png)" = older ] || problem "the older picture was harmed"
    only a.png
    rm -f out/*
}

an_interruption_can_keep_the_picture() {
    interrupt 130 INT -o out/a.png --keep-partial --report out/a.json
    only a.json a.png
    "$helper" png out/a.png 52 39 || problem "the partial picture"
    stderr_has "out/a.png holds the picture after"
    json out/a.json interrupted
    rm -f out/*
}

# Killed at some moment and gone on with, over and over: the picture of an undisturbed run.
a_killed_run_goes_on() {
    local job=(transfer content.png style.png --model small --size 96 --levels 1 --iterations 300 --tile 64
        --progress none) status n
    run 0 "${job[@]}" -o out/whole.png
    for n in 1 2; do
        "$vkstyle" "${job[@]}" -o out/a.png --checkpoint out/state --checkpoint-every 1 >stdout 2>stderr &
        for _ in $(seq 300); do
            [ -e out/state ] && break
            kill -0 $! 2>/dev/null || break
            sleep 0.1
        done
        sleep "0.$((RANDOM % 10))"
        status=0
        kill -KILL $! 2>/dev/null || break
        wait $! 2>/dev/null || status=$?
        [ "$status" = 137 ] || problem "status $status after SIGKILL"
        [ "$n" = 1 ] || [ -e out/state ] || problem "the state is gone"
    done
    [ -e out/state ] || problem "no state was written before the run was killed"
    absent out/a.png
    run 0 "${job[@]}" -o out/a.png --checkpoint out/state
    stderr_has "going on"
    cmp -s out/whole.png out/a.png || problem "another picture than that of an undisturbed run"
    only a.png whole.png
    rm -f out/*
}

a_state_is_nobody_elses_file() {
    fails 2 "--checkpoint and -o name the same file" transfer content.png style.png -o out/a.png "${small[@]}" --checkpoint out/a.png
    fails 2 "also an input" transfer content.png style.png -o out/a.png "${small[@]}" --checkpoint content.png
    printf 'older' >out/older
    fails 2 "out/older is broken or no checkpoint" transfer content.png style.png -o out/a.png "${small[@]}" --checkpoint out/older
    [ "$(cat out/older)" = older ] || problem "an older file was harmed"
    rm -f out/*
}

too_little_memory_is_told() {
    fails 4 "" transfer content.png style.png -o out/a.png "${small[@]}" --memory 1K
    grep -q '[0-9]' stderr || problem "no numbers"
}

a_full_disk_harms_nothing() {
    # No file may grow past 1 KiB; the model needs more. (Not for transfer: software Vulkan's memory
    # is such a file as well.)
    printf 'older' >out/a.safetensors
    (
        ulimit -f 1
        fails 1 "out/a.safetensors" model import small.safetensors -o out/a.safetensors
        exit "$problems"
    ) || problem "a limit on the size of files"
    [ "$(cat out/a.safetensors)" = older ] || problem "the older file was harmed"
    only a.safetensors
    rm -f out/*
    # A disk of 64 KiB that is all but full, where this user may mount one.
    cat >disk.sh <<'END'
mount -t tmpfs -o size=64k none out || exit 77
printf older >out/a.png
head -c 57000 /dev/zero >out/filler
"$1" transfer content.png style.png -o out/a.png --model small --iterations 2 --size 200 --progress none 2>stderr
[ $? = 1 ] && [ "$(cat out/a.png)" = older ] && [ "$(find out -type f | wc -l)" = 2 ] &&
    tail -n 1 stderr | grep -q '^vkstyle: .*out/a.png'
END
    local status=0
    if unshare --user --map-root-user --mount true 2>/dev/null; then
        unshare --user --map-root-user --mount bash disk.sh "$vkstyle" >/dev/null 2>&1 || status=$?
        [ "$status" = 0 ] || [ "$status" = 77 ] || problem "a full disk"
    fi
    "$vkstyle" --version >/dev/full 2>stderr
    [ $? = 1 ] || problem "a full standard output is no failure"
}

losses_are_evaluated() {
    run 0 evaluate content.png style.png content.png -o out/a.safetensors --model small
    only a.safetensors
    stdout_has "loss_content 0"
    stdout_has "loss_style "
    fails 2 "same size" evaluate content.png style.png style.png -o out/b.safetensors --model small
    rm -f out/*
}

models_are_imported() {
    if "$vkstyle" model import small.safetensors -o out/copy.safetensors >stdout 2>stderr; then
        run 0 model info ./out/copy.safetensors
        stdout_has "conv4_2"
    else
        case $(tail -n 1 stderr) in
        "vkstyle: "*) ;;
        *) problem "no reason given" ;;
        esac
        only
    fi
    rm -f out/*
}

a_benchmark_is_run() {
    run 0 bench --model small --size 48 --iterations 2 --json
    json stdout size.0 size.1 model device precision seconds_per_iteration fastest predicted_bytes peak_bytes kernels.0.name kernels.0.seconds
    run 0 bench --model small --size 48 --iterations 2
    stdout_has "ms/iteration"
}

# ---------------------------------------------------------------- all of them

cases="help_teaches commands_are_checked options_are_checked values_are_checked outputs_are_checked
    inputs_are_checked models_are_checked devices_are_listed a_machine_without_vulkan doctor_finds_no_fault
    a_picture_is_painted a_plan_is_replayed options_have_an_effect presets_give_way colours_are_kept
    a_style_is_a_folder masks_go_with_styles a_folder_is_painted pictures_on_the_way progress_is_shown
    a_time_limit_keeps_the_picture an_interruption_leaves_nothing an_interruption_can_keep_the_picture
    a_killed_run_goes_on a_state_is_nobody_elses_file too_little_memory_is_told a_full_disk_harms_nothing losses_are_evaluated models_are_imported
    a_benchmark_is_run"
[ $# = 0 ] || cases=$*
failures=0
for name in $cases; do
    problems=0
    : >stderr
    echo "[ RUN      ] $name"
    "$name"
    if [ "$problems" = 0 ]; then
        echo "[       OK ] $name"
    else
        echo "[  FAILED  ] $name"
        failures=$((failures + 1))
    fi
done
[ "$failures" = 0 ]
