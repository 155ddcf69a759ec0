#!/bin/bash
# vkstyle and a PyTorch loop that does the same work, timed in turn on the same machine; prints each
# one's fastest iteration and the ratio to PyTorch's best. One command, on a CPU or on an NVIDIA GPU:
#
#   tests/bench/compare.sh
#
# Settings, by environment variables:
#   VKSTYLE     the program (build/plugin/vkstyle)
#   PYTHONS     interpreters that have torch, separated by spaces (/usr/bin/python3; name a virtual
#               environment's as well: PyPI's torch and Debian's differ much)
#   LOOP        the PyTorch loop (../shared/bench/pytorch_loop.py beside the checkout)
#   WEIGHTS     VGG-19 as Keras' HDF5 (../shared/vgg19/*.h5)
#   SIZES       pictures are N x N (on a CPU "256 512", on a GPU "512 1024 2048")
#   ITERATIONS  timed in each run (6 on a CPU, 20 on a GPU)
#   ROUNDS      runs of each program, in turn (2); the fastest counts
#   THREADS     of PyTorch on a CPU (all)
# Everything runs with the environment it is given: variables that tie a BLAS to an older processor
# (OPENBLAS_CORETYPE) make PyTorch slower than it is, so they are taken out.
set -euo pipefail
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
root=$(cd "$(dirname "$0")/../.." && pwd)
vkstyle=${VKSTYLE:-$root/build/plugin/vkstyle}
loop=${LOOP:-$root/../shared/bench/pytorch_loop.py}
weights=${WEIGHTS:-$(ls "$root"/../shared/vgg19/*.h5 2>/dev/null | head -n 1 || true)}
rounds=${ROUNDS:-2}
threads=${THREADS:-$(nproc)}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

die() { echo "compare.sh: $*" >&2; exit 1; }
[ -x "$vkstyle" ] || die "$vkstyle is not there: build it, or set VKSTYLE"
[ -f "$loop" ] || die "$loop is not there: set LOOP to a loop with pytorch_loop.py's options"
[ -f "$weights" ] || die "no VGG-19 weights: set WEIGHTS"

pythons=()
cuda=
for python in ${PYTHONS:-/usr/bin/python3}; do
    if ! "$python" -c 'import torch, h5py' 2>"$results/why"; then
        echo "left out: $python ($(tail -n 1 "$results/why"))" >&2
        continue
    fi
    pythons+=("$python")
    [ "$("$python" -c 'import torch; print(torch.cuda.is_available())')" = True ] && cuda=yes
done
[ ${#pythons[@]} -gt 0 ] || die "no interpreter in PYTHONS has torch and h5py"

# What PyTorch is given to choose from: one line of options each.
if [ "$cuda" ]; then
    sizes=${SIZES:-512 1024 2048} iterations=${ITERATIONS:-20}
    variants=()
    for precision in fp32 tf32 fp16; do
        for layout in "" " --channels-last"; do
            variants+=("--device cuda --precision $precision$layout"
                       "--device cuda --precision $precision$layout --compile")
        done
    done
    ours=("--precision fp32" "--precision fp16")
else
    sizes=${SIZES:-256 512} iterations=${ITERATIONS:-6}
    variants=("--threads $threads" "--threads $threads --channels-last")
    ours=("--precision fp32")
fi

# name, options, command...: one JSON object a line. A variant that fails (compilation does not work
# everywhere) is left out, and said so.
run() {
    local size=$1 who=$2 label=$3
    shift 3
    if ! /usr/bin/env time -f '%M' -o "$results/kilobytes" "$@" >"$results/out" 2>"$results/why"; then
        echo "left out at $size: $label ($(tail -n 1 "$results/why"))" >&2
        return 0
    fi
    python3 - "$results/out" "$size" "$who" "$label" "$(tail -n 1 "$results/kilobytes")" >>"$results/all" <<'P'
import json, sys
figures = json.loads(open(sys.argv[1]).read())
print(json.dumps({"size": int(sys.argv[2]), "who": sys.argv[3], "label": sys.argv[4],
                  "fastest": figures["fastest"], "median": figures["seconds_per_iteration"],
                  "kilobytes": int(sys.argv[5])}))
P
}

command -v time >/dev/null || [ -x /usr/bin/time ] || die "install the package 'time'"
date -u '+%Y-%m-%d %H:%M UTC'
grep -m 1 'model name' /proc/cpuinfo 2>/dev/null | sed 's/.*: //' || true
"$vkstyle" bench --size 64 --iterations 1 2>"$results/why" >"$results/out" || die "$(tail -n 1 "$results/why")"
head -n 1 "$results/out"
for size in $sizes; do
    for ((round = 0; round < rounds; round++)); do
        for options in "${ours[@]}"; do
            # shellcheck disable=SC2086 # options are words
            run "$size" vkstyle "vkstyle $options" \
                "$vkstyle" bench --json --size "$size" --iterations "$iterations" $options
        done
        for python in "${pythons[@]}"; do
            for options in "${variants[@]}"; do
                # shellcheck disable=SC2086
                run "$size" torch "$python $options" \
                    "$python" "$loop" "$weights" --size "$size" "$size" --iters "$iterations" $options
            done
        done
    done
done

python3 - "$results/all" <<'P'
import collections, json, sys
rows = collections.OrderedDict()
for line in open(sys.argv[1]):
    r = json.loads(line)
    old = rows.setdefault((r["size"], r["who"], r["label"]), r)
    if r["fastest"] < old["fastest"]:
        old.update(r)
for size in sorted({key[0] for key in rows}):
    here = [r for r in rows.values() if r["size"] == size]
    torch = [r["fastest"] for r in here if r["who"] == "torch"]
    best = min(torch) if torch else None
    print(f"\n{size} x {size}: seconds an iteration")
    print(f"{'fastest':>9} {'median':>9} {'to best':>8} {'MB':>6}  who")
    for r in sorted(here, key=lambda r: r["fastest"]):
        ratio = f"{r['fastest'] / best:8.2f}" if best else f"{'-':>8}"
        print(f"{r['fastest']:9.4f} {r['median']:9.4f} {ratio} {r['kilobytes'] // 1024:6d}  {r['label']}")
P
