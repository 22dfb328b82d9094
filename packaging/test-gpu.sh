#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves on a machine with an H100-class GPU what only it can prove. Such servers often have the CUDA toolkit and neither a
# package manager nor a network, so nothing is built there: a bundle is made where Fulgurite is built and carried over.
#   packaging/test-gpu.sh                  build here, then take every step here
#   packaging/test-gpu.sh --bundle DIR     build here, and put this script and an archive of all that it needs into DIR,
#                                          which with the source folder stays below 64 MiB
#   DIR/test-gpu.sh [--out DIR] [STEP...]  on the server: take every step, or these, with what is in the archive
# Steps, in this order, each with its own limit of time and each to be taken alone if one command may not last longer:
#   doctor         what is here: GPU, libraries, versions
#   tests          every test of the CUDA library, whole models, training, and NCCL with one rank
#   memcheck racecheck initcheck synccheck   the tests of the kernels under compute-sanitizer
#   kernels        each operation at the published widths beside its two floors; lightning prefill up to a million tokens
#   cublas         the same products by cuBLAS alone
#   fla            the same lightning prefill by flash-linear-attention's simple GLA
#   slice-whole slice-share slice-fit   slices of MiniMax-M1, int8 and bfloat16, behind 1 K, 128 K and 1 M tokens
#   engine         a model of 1.1 billion parameters, prefill and decode
#   transformers   the same model in transformers
#   report         tables in Markdown of all that was measured: OUT/report.md
# Every step leaves OUT/STEP.log, and what measures OUT/STEP.json; OUT/results.tar.gz holds all of them. A step whose tool is missing here says so and counts
# as skipped. Status 0: nothing failed.
# The server needs: the NVIDIA driver, cuBLAS 13 (of a toolkit, CUDA_HOME, or of python3's packages), glibc 2.36 or later.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tests=(kernels mixed gradients sampling device one_rank model training)
# Whole models and training take hours under a sanitizer; their kernels are those of the tests here.
sanitized=(kernels mixed gradients sampling device)
programs=(bench_gpu_kernels bench_gpu_cublas)
steps=(doctor tests memcheck racecheck initcheck synccheck kernels cublas fla slice-whole slice-share slice-fit engine
  transformers report)
skipped=77

say() { printf 'fulgurite: %s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

build_here() {
  # shellcheck source-path=SCRIPTDIR source=build.sh
  source "$here/build.sh"
  configure || stop "configuring failed; the first error above says what is missing"
  grep -q 'build bin/libfulgurite-cuda.so' "$build_dir/build.ninja" ||
    stop "the CUDA library is not built: nvcc was not found; put it on the PATH, or set CUDA_HOME"
  build fulgurite-engine fulgurite-cuda "${tests[@]/#/test_gpu_}" "${programs[@]}"
}

# Where the build has put a program.
built() { find "$build_dir" -name "$1" -type f -perm -u+x | head -1; }

# Shared libraries of a program that a bare server may lack: all but those of glibc, and of CUDA, which are the server's.
libraries_of() {
  ldd "$1" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' |
    grep -Ev '/(ld-linux-x86-64|libc|libm|libdl|libpthread|librt|libresolv|libcublas|libcublasLt|libcuda|libnccl)\.so' || true
}

# flash-linear-attention is pure Python and on few servers; PyTorch and Triton, which it needs, are large and there.
bundle_fla() {
  if python3 -m pip install -q --no-deps --no-compile --target "$1" fla-core einops; then
    say "flash-linear-attention is in the bundle"
  else
    say "pip has no fla-core here: the bundle goes without flash-linear-attention"
  fi
}

archive=fulgurite-gpu.tar.gz

make_bundle() {
  local target=$1 stage program kib tree
  set -e
  build_here
  stage=$(mktemp -d)
  mkdir -p "$target" "$stage/bin" "$stage/lib" "$stage/tests/data"
  for program in fulgurite-engine "${tests[@]/#/test_gpu_}" "${programs[@]}"; do
    strip -o "$stage/bin/$program" "$(built "$program")"
    # shellcheck disable=SC2046 # paths of the system's libraries have no spaces
    cp -Lu $(libraries_of "$stage/bin/$program") "$stage/lib/"
  done
  strip -o "$stage/bin/libfulgurite-cuda.so" "$build_dir/bin/libfulgurite-cuda.so"
  cp "$source_dir"/tests/bench/gpu/*.py "$source_dir"/tests/bench/gpu/*.json "$stage/"
  cp -r "$source_dir/tests/data/tokenizer_small" "$stage/tests/data/"
  bundle_fla "$stage/site"
  say "$(($(du -sk "$stage" | cut -f1) / 1024)) MiB before they are packed"
  tar -C "$stage" -cf - . | gzip -9 >"$target/$archive"
  rm -r "$stage"
  cp "$here/test-gpu.sh" "$target/"
  kib=$(du -sk "$target" | cut -f1)
  tree=$(cd "$source_dir" && { git ls-files -z 2>/dev/null || find . -path ./build -prune -o -type f -print0; } |
    xargs -0 du -ck | awk '$2 == "total" { sum += $1 } END { print sum }')
  say "$target: $((kib / 1024)) MiB, and $((tree / 1024)) MiB of sources"
  ((kib + tree < 65536)) || stop "that is more than 64 MiB"
}

# Folders with CUDA libraries: of a toolkit, and of the packages that PyTorch brings.
cuda_folders() {
  local toolkit=${CUDA_HOME:-/usr/local/cuda}
  printf '%s\n' "$toolkit/lib64"
  [[ -z $python ]] || "$python" - <<'PYTHON' 2>/dev/null
import glob, os, sysconfig
for kind in ("purelib", "platlib"):
    for found in sorted(glob.glob(os.path.join(sysconfig.get_path(kind), "nvidia", "*", "lib"))):
        print(found)
PYTHON
}

# The step's own limit of time, in seconds; all are below ten minutes.
limit_of() {
  case $1 in
    doctor | report) echo 60 ;;
    tests | memcheck | initcheck | slice-*) echo 580 ;;
    racecheck | synccheck) echo 580 ;;
    *) echo 420 ;;
  esac
}

missing() { printf 'skipped: %s\n' "$*"; return $skipped; }

run_tests() {
  local name result failed=0 left=0 passed=0 list=$1
  shift
  for name in $list; do
    result=0
    "$@" env "LD_LIBRARY_PATH=$libraries" "FULGURITE_SOURCE_DIR=$sources" "$bin/test_gpu_$name" --gtest_brief=1 || result=$?
    case $result in
      0) passed=$((passed + 1)) ;;
      "$skipped") left=$((left + 1)) ;;
      *) failed=$((failed + 1)); printf 'test_gpu_%s failed with status %d\n' "$name" "$result" ;;
    esac
  done
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$left"
  ((failed == 0)) || return 1
  ((passed > 0)) || return $skipped
}

sanitize() {
  local checker
  checker=$(command -v compute-sanitizer || echo "${CUDA_HOME:-/usr/local/cuda}/bin/compute-sanitizer")
  [[ -x $checker ]] || { missing "compute-sanitizer is not installed here"; return; }
  run_tests "${sanitized[*]}" "$checker" --tool "$1" --target-processes all --error-exitcode 99
}

with_python() {
  [[ -n $python ]] || { missing "python3 is not installed here"; return; }
  "$python" "$@"
}

# with_package MODULE SCRIPT ARGUMENT...: where python3 has PyTorch and the module, or the bundle brings it.
with_package() {
  local module=$1
  shift
  [[ -n $python ]] || { missing "python3 is not installed here"; return; }
  "$python" -c "import torch; assert torch.cuda.is_available()" 2>/dev/null ||
    { missing "python3 has no PyTorch that sees a GPU"; return; }
  if ! "$python" -c "import $module" 2>"$out/import.txt"; then
    export PYTHONPATH=$here/site${PYTHONPATH:+:$PYTHONPATH}
    "$python" -c "import $module" 2>"$out/import.txt" ||
      { missing "python3 cannot import $module: $(tail -1 "$out/import.txt")"; return; }
  fi
  "$python" "$@"
}

# One of our programs with the libraries that lie beside it; python3 and the toolkit's tools must not see those.
ours() { LD_LIBRARY_PATH=$libraries "$bin/$1" "${@:2}"; }

# The engine as one file that others can start.
write_engine() {
  printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$libraries" "$bin/fulgurite-engine" >"$out/engine.sh"
  chmod +x "$out/engine.sh"
}

# A checkpoint of 2.2 GB with random weights, in the spelling of transformers; made once.
write_model() {
  local model=${TMPDIR:-/tmp}/fulgurite-minimax-1b
  [[ -f $model/config.json ]] ||
    ours fulgurite-engine convert --random "$bench/minimax_1b.json" --dtype bf16 --out "$model" >/dev/null || return
  printf '%s\n' "$model"
}

describe() {
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,power.limit --format=csv || true
  uname -srm
  "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" --version 2>/dev/null | tail -2
  [[ -z $python ]] || "$python" -c '
import importlib
for name in ("torch", "triton", "transformers", "fla"):
    try:
        print(name, importlib.import_module(name).__version__)
    except Exception as error:
        print(name, "cannot be imported:", error)'
  printf 'libraries are looked for in %s\n' "$libraries"
  ours fulgurite-engine doctor
}

# The tests' programs say so by their status when they find no GPU.
has_gpu() {
  local result=0
  ours test_gpu_device --gtest_list_tests >"$out/gpu.txt" 2>&1 || result=$?
  ((result != skipped)) || missing "$(sed -n 's/^Skipped: //p' "$out/gpu.txt")"
}

# What a step does; its status is the step's.
take() {
  local model
  case $1 in
    kernels | cublas | slice-* | engine | transformers) has_gpu || return ;;
  esac
  case $1 in
    doctor) describe ;;
    tests) run_tests "${tests[*]}" ;;
    memcheck | racecheck | initcheck | synccheck) sanitize "$1" ;;
    kernels) ours bench_gpu_kernels --json "$out/kernels.json" ;;
    cublas) ours bench_gpu_cublas --json "$out/cublas.json" ;;
    fla) with_package fla.ops.simple_gla "$bench/fla_lightning.py" --json "$out/fla.json" ;;
    slice-*) write_engine && with_python "$bench/m1_slice.py" "$out/engine.sh" --only "${1#slice-}" --json "$out/$1.json" ;;
    engine)
      model=$(write_model) || return
      ours fulgurite-engine bench --model "$model" --device cuda --json >"$out/engine.json" && cat "$out/engine.json"
      ;;
    transformers)
      model=$(write_model) || return
      with_package transformers "$bench/transformers_speed.py" "$model" --json "$out/transformers.json"
      ;;
    report) with_python "$bench/report.py" "$out" >"$out/report.md" && cat "$out/report.md" ;;
    *) stop "no such step: $1 (see --help)" ;;
  esac
}

# A step in a process of its own that its limit of time can end.
run_step() {
  local step=$1 limit result=0 begin=$SECONDS
  limit=$(limit_of "$step")
  say "$step (at most $limit s)"
  timeout --kill-after=10 "$limit" bash "$here/test-gpu.sh" --inside "$step" >"$out/$step.log" 2>&1 || result=$?
  tail -n 40 "$out/$step.log"
  case $result in
    0) outcomes+=("$step: done in $((SECONDS - begin)) s") ;;
    "$skipped") outcomes+=("$step: $(grep -h -m1 -i '^skipped' "$out/$step.log" || echo skipped)") ;;
    124 | 137) outcomes+=("$step: ended after its $limit s"); failures=$((failures + 1)) ;;
    *) outcomes+=("$step: failed with status $result, see $out/$step.log"); failures=$((failures + 1)) ;;
  esac
}

# Where things lie, beside this script on a server and in the source folder otherwise.
find_things() {
  if [[ -f $here/build.sh ]]; then
    # shellcheck source-path=SCRIPTDIR source=build.sh
    source "$here/build.sh"
    bin=$build_dir/bin bench=$source_dir/tests/bench/gpu sources=$source_dir
  else
    [[ -d $here/bin ]] || tar -C "$here" -xzf "$here/$archive" || stop "$here/$archive cannot be unpacked"
    bin=$here/bin bench=$here sources=$here
  fi
  python=$(command -v python3 || true)
  export PYTHONUNBUFFERED=1
  libraries=$(cuda_folders | paste -sd:)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  [[ ! -d $here/lib ]] || libraries=$here/lib:$libraries
}

out=$PWD/gpu-results
wanted=()
inside=
while (($# > 0)); do
  case $1 in
    -h | --help) sed -n '3,/^set/s/^# \{0,1\}//p' "$here/test-gpu.sh"; exit 0 ;;
    --bundle) make_bundle "${2:?--bundle needs a folder}"; exit 0 ;;
    --out) out=$(realpath -m "${2:?--out needs a folder}"); shift ;;
    --inside) inside=${2:?}; out=$FULGURITE_GPU_OUT; shift ;;
    -*) stop "no such option: $1 (see --help)" ;;
    *) [[ " ${steps[*]} " == *" $1 "* ]] || stop "no such step: $1 (see --help)"; wanted+=("$1") ;;
  esac
  shift
done
find_things
if [[ -n $inside ]]; then
  take "$inside"
  exit
fi
mkdir -p "$out"
export FULGURITE_GPU_OUT=$out
[[ ! -f $here/build.sh ]] || build_here
failures=0
outcomes=()
for step in "${wanted[@]:-${steps[@]}}"; do
  run_step "$step"
done
(cd "$out" && shopt -s nullglob && tar -czf results.tar.gz ./*.log ./*.json ./*.md)
printf '%s\n' "" "${outcomes[@]}" "results are in $out"
((failures == 0))
