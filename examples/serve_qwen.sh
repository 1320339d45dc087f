#!/usr/bin/env bash
# Serves a model with vLLM's server and evolves strategies on it; ends the server afterwards.
#
#   examples/serve_qwen.sh Qwen/Qwen2.5-7B-Instruct 1 --questions quality:PATH --objective truth
#
# Arguments: the model, the number of GPUs, then options of train.py. Works as the body of a batch job:
# give --resume DIR instead in the next one, and nothing is paid for twice. Memory and parallelism as in
# configs/qwen2.5-*.yaml: 7B on one GPU of 80 GB, 32B on two, 72B on four.
set -euo pipefail
model="${1:?give a model, e.g. Qwen/Qwen2.5-7B-Instruct}"
gpus="${2:?give a number of GPUs, e.g. 1}"
shift 2
port="${PORT:-8000}"

# Prefix caching makes every passage cheap after its first reading; the token details let the client
# see that, and keep no more passages in flight than the cache holds.
vllm serve "$model" --tensor-parallel-size "$gpus" --dtype bfloat16 --max-model-len 16384 \
    --gpu-memory-utilization 0.9 --enable-prefix-caching --enable-prompt-tokens-details \
    --host 127.0.0.1 --port "$port" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT

until curl -sf "http://127.0.0.1:$port/health" >/dev/null; do
    kill -0 "$server" 2>/dev/null || { echo "the server has ended; see its messages above" >&2; exit 1; }
    sleep 2
done
case " $* " in
    *" --resume "*) python train.py --base-url "http://127.0.0.1:$port/v1" "$@" ;;
    *) python train.py --model "openai:$model" --base-url "http://127.0.0.1:$port/v1" "$@" ;;
esac
