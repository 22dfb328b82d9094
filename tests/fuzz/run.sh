#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fuzzes one target after the other: tests/fuzz/run.sh [SECONDS [NAME...]]. Build them first with the preset `fuzz`.
# New inputs and findings go to build/fuzz/found; the seeds in the tree stay as they are.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${1:-60}
[ $# -eq 0 ] || shift
if [ $# -eq 0 ]; then
    for folder in "$root"/tests/fuzz/corpus/*/; do
        set -- "$@" "$(basename "$folder")"
    done
fi
status=0
for name in "$@"; do
    found="$root/build/fuzz/found/$name"
    mkdir -p "$found/inputs"
    echo "== $name, $seconds s"
    "$root/build/fuzz/bin/fuzz_$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -max_len=65536 \
        -print_final_stats=1 -artifact_prefix="$found/" "$found/inputs" "$root/tests/fuzz/corpus/$name" \
        > "$found/log" 2>&1 || status=1
    tail -n 12 "$found/log"
done
exit $status
