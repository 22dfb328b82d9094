#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prefill and decode of a checkpoint in the transformers library on a GPU, beside `fulgurite-engine bench --device cuda`.

    pip install torch transformers
    python3 tests/bench/gpu/transformers_speed.py MODEL [--prompt 512] [--decode 32]

MODEL is a folder that transformers reads: `fulgurite-engine convert --random config.json --out MODEL` with a configuration
of model_type `minimax`.
"""
import argparse
import time

import torch
from transformers import AutoModelForCausalLM


def timed(call, repeats):
    times = []
    for _ in range(repeats):
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--decode", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(options.model, torch_dtype="auto").to("cuda").eval()
    vocabulary = model.config.vocab_size
    ids = (torch.arange(options.prompt, device="cuda") * 7919 % vocabulary)[None]

    def prefill():
        return model(ids, use_cache=True)

    prefill()
    seconds = timed(prefill, options.repeats)
    print(f"prefill: {options.prompt / seconds:.1f} tokens/s ({options.prompt} tokens)")

    def decode():
        state = prefill()
        token, cache = ids[:, -1:], state.past_key_values
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(options.decode):
            out = model(token, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
        torch.cuda.synchronize()
        return time.perf_counter() - start

    decode()
    rates = sorted(options.decode / decode() for _ in range(options.repeats))
    print(f"decode: {rates[len(rates) // 2]:.1f} tokens/s")


if __name__ == "__main__":
    main()
