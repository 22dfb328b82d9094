#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves on a machine with an H100-class GPU what only it can prove. Such servers often have the CUDA toolkit and neither a
# package manager nor a network, so nothing is built there: a bundle is made where Fulgurite is built and carried over.
#   packaging/test-gpu.sh                     build here, then test and measure here
#   packaging/test-gpu.sh --bundle DIR        build here, and put everything that is needed into DIR (below 64 MiB)
#   DIR/test-gpu.sh [--quick] [--sanitize]    on the server: test and measure with what lies beside the script
#     --quick      no measurements
#     --sanitize   run the tests under compute-sanitizer too (memcheck, racecheck, initcheck, synccheck)
# The server needs: the NVIDIA driver, cuBLAS of CUDA 13 (in /usr/local/cuda/lib64, or CUDA_HOME), glibc 2.36 or later. The
# measurements beside flash-linear-attention and transformers are made when python3 there has them.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tests=(kernels mixed gradients model training device)
programs=(bench_gpu_kernels)

say() { printf 'fulgurite: %s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

build_here() {
  # shellcheck source-path=SCRIPTDIR source=build.sh
  source "$here/build.sh"
  build fulgurite-engine fulgurite-cuda "${tests[@]/#/test_gpu_}" "${programs[@]}"
  [[ -f $build_dir/bin/libfulgurite-cuda.so ]] ||
    stop "the CUDA library was not built: nvcc was not found; put it on the PATH, or set CUDA_HOME"
}

# Shared libraries of a program that a bare server may lack: all but those of glibc, and of CUDA, which are the server's.
libraries_of() {
  ldd "$1" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' |
    grep -Ev '/(ld-linux-x86-64|libc|libm|libdl|libpthread|librt|libresolv|libcublas|libcublasLt|libcuda|libnccl)\.so' || true
}

make_bundle() {
  local target=$1 program
  build_here
  mkdir -p "$target/bin" "$target/lib" "$target/share/fulgurite/models"
  for program in fulgurite-engine "${tests[@]/#/test_gpu_}" "${programs[@]}"; do
    strip -o "$target/bin/$program" "$build_dir/bin/$program" 2>/dev/null ||
      strip -o "$target/bin/$program" "$(find "$build_dir" -name "$program" -type f -perm -u+x | head -1)"
    # shellcheck disable=SC2046 # paths of the system's libraries have no spaces
    cp -Lu $(libraries_of "$target/bin/$program") "$target/lib/"
  done
  strip -o "$target/bin/libfulgurite-cuda.so" "$build_dir/bin/libfulgurite-cuda.so"
  cp -r "$source_dir/resources/models/ember" "$target/share/fulgurite/models/"
  cp "$source_dir"/tests/bench/gpu/*.py "${BASH_SOURCE[0]}" "$target/"
  local kib
  kib=$(du -sk "$target" | cut -f1)
  say "$target: $((kib / 1024)) MiB"
  ((kib < 65536)) || stop "the bundle is larger than 64 MiB"
}

run_tests() {
  local name result=0 failed=0 skipped=0 passed=0
  for name in "${tests[@]}"; do
    result=0
    "$@" "$bin/test_gpu_$name" --gtest_brief=1 || result=$?
    case $result in
      0) passed=$((passed + 1)) ;;
      77) skipped=$((skipped + 1)) ;;
      *) failed=$((failed + 1)); say "test_gpu_$name failed with status $result" ;;
    esac
  done
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  ((failed == 0))
}

sanitize() {
  local tool checker
  checker=$(command -v compute-sanitizer || echo "${CUDA_HOME:-/usr/local/cuda}/bin/compute-sanitizer")
  [[ -x $checker ]] || stop "compute-sanitizer is not installed here"
  for tool in memcheck racecheck initcheck synccheck; do
    say "compute-sanitizer $tool"
    run_tests "$checker" --tool "$tool" --error-exitcode 99
  done
}

measure() {
  local model=$here/share/fulgurite/models/ember
  [[ -d $model ]] || model=$here/../resources/models/ember
  local python_files=$here
  [[ -f $here/fla_lightning.py ]] || python_files=$here/../tests/bench/gpu
  nvidia-smi --query-gpu=name,driver_version,clocks.sm,power.limit --format=csv || true
  "$bin/bench_gpu_kernels"
  "$bin/fulgurite-engine" bench --model "$model" --device cuda --contexts 1024,16384
  if python3 -c 'import fla' 2>/dev/null; then
    python3 "$python_files/fla_lightning.py"
  else
    say "flash-linear-attention is not installed for python3: its kernel was not measured"
  fi
}

case ${1:-} in
  -h | --help) sed -n '3,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
  --bundle) make_bundle "${2:?--bundle needs a folder}"; exit 0 ;;
esac
if [[ -f $here/build.sh ]]; then
  build_here
  bin=$build_dir/bin
else
  bin=$here/bin
  export LD_LIBRARY_PATH=$here/lib:${CUDA_HOME:-/usr/local/cuda}/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
quick=no
for option in "$@"; do
  case $option in
    --quick) quick=yes ;;
    --sanitize) ;;
    *) stop "no such option: $option (see --help)" ;;
  esac
done
"$bin/fulgurite-engine" doctor --model "$([[ -d $here/share ]] && echo "$here/share" || echo "$here/../resources")/$([[ -d $here/share ]] && echo fulgurite/)models/ember" || true
run_tests
[[ " $* " != *" --sanitize "* ]] || sanitize
[[ $quick == yes ]] || measure
