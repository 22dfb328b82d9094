# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What run.sh and test.sh share: the source folder, messages, and building the release preset. Sourced, not run.
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_dir=$source_dir/build/release
export LANG=${LANG:-C.UTF-8}

say() { printf 'fulgurite: %s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

# Compiler processes at a time: as many as cores, but each may need 1.2 GB.
build_jobs() {
  local cores memory_kib by_memory
  cores=$(nproc)
  memory_kib=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null)
  by_memory=$((${memory_kib:-4000000} / 1200000))
  ((by_memory >= 1)) || by_memory=1
  echo $((by_memory < cores ? by_memory : cores))
}

# configure: run CMake unless the build folder is configured already and no preset has changed since.
configure() {
  local cached=
  [[ ! -f $build_dir/CMakeCache.txt ]] ||
    cached=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build_dir/CMakeCache.txt")
  if [[ -n $cached && $cached != "$source_dir" ]]; then
    say "$build_dir was configured for $cached: configuring it anew"
    (cd "$source_dir" && cmake --fresh --preset release)
  elif [[ ! -f $build_dir/build.ninja || $source_dir/CMakePresets.json -nt $build_dir/build.ninja ]]; then
    (cd "$source_dir" && cmake --preset release)
  fi
}

# build [TARGET...]: all targets without an argument.
build() {
  local targets=()
  [[ $# -eq 0 ]] || targets=(--target "$@")
  configure || stop "configuring failed; the first error above says what is missing"
  (cd "$source_dir" && cmake --build --preset release -j "$(build_jobs)" "${targets[@]}") ||
    stop "the build failed; the first 'error:' above says where"
}
