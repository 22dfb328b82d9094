#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# MiniMax-M1 on vLLM 0.23.0. Written from that version's documentation and source; not run (see README.md, also for what each flag is for).
#   vllm-minimax-m1.sh single MODEL        one server with 8 GPUs of 80 GB: int8 experts
#   vllm-minimax-m1.sh head ADDRESS        two servers with 8 GPUs each, bfloat16: first on the one, with its own address
#   vllm-minimax-m1.sh worker ADDRESS      then on the other, with the address of the first
#   vllm-minimax-m1.sh serve MODEL         then on the first again
# Environment: PORT (8000), CONTEXT (tokens, 1000000), VLLM_API_KEY (the token that clients must give), VLLM_HOST_IP (this server's address
# in the network that joins the two: private, because what vLLM sends there is neither encrypted nor authenticated).
set -euo pipefail
stop() { printf '%s\n' "$*" >&2; exit 1; }
action=${1:-}
[[ $# -eq 2 ]] || { sed -n '4,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; }
ray_port=6379

version=$(python3 -c 'import vllm; print(vllm.__version__)' 2>/dev/null) ||
  stop "vLLM is not installed here: python3 -m venv vllm; vllm/bin/pip install vllm==0.23.0 'ray[cgraph]'; then put vllm/bin on the PATH"
[[ $version == 0.23.* ]] || stop "this is vLLM $version; the last version with MiniMax-M1 is 0.23.0"

serve() {
  local model=$1
  shift
  [[ -f $model/config.json ]] || stop "$model has no config.json"
  [[ -n ${VLLM_API_KEY:-} ]] || printf 'VLLM_API_KEY is not set: everybody who reaches the port may use the model\n' >&2
  export SAFETENSORS_FAST_GPU=1
  exec vllm serve "$model" --served-model-name MiniMax-M1 --trust-remote-code --host 0.0.0.0 --port "${PORT:-8000}" \
    --dtype bfloat16 --max-model-len "${CONTEXT:-1000000}" --mamba-cache-dtype float32 --no-enable-prefix-caching \
    --enable-auto-tool-choice --tool-call-parser minimax "$@"
}

case $action in
  single) serve "$2" --tensor-parallel-size 8 --quantization experts_int8 ;;
  head)
    export VLLM_HOST_IP=${VLLM_HOST_IP:-$2}
    exec ray start --head --node-ip-address "$2" --port "$ray_port" --num-gpus 8 --block
    ;;
  worker) exec ray start --address "$2:$ray_port" --num-gpus 8 --block ;;
  serve) serve "$2" --tensor-parallel-size 16 --distributed-executor-backend ray ;;
  *) stop "unknown action '$action'; one of single, head, worker, serve" ;;
esac
