#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prefill and decode of a checkpoint in the transformers library on a GPU, beside `fulgurite-engine bench --device cuda`.

    pip install torch transformers
    python3 tests/bench/gpu/transformers_speed.py MODEL [--prompt 512] [--decode 32] [--json FILE]

MODEL is a folder that transformers reads: `fulgurite-engine convert --random config.json --out MODEL` with a configuration
of model_type `minimax` (tests/bench/gpu/minimax_1b.json is one).
"""
import argparse
import json
import time

import torch
import transformers
from transformers import AutoModelForCausalLM


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


def seconds_of(call, device):
    synchronize(device)
    start = time.perf_counter()
    call()
    synchronize(device)
    return time.perf_counter() - start


def median(values):
    return sorted(values)[len(values) // 2]


def load(folder, device):
    """In the type in which it is stored; the argument's name differs between versions."""
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    except TypeError:
        model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype="auto")
    return model.to(device).eval()


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--decode", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json")
    options = parser.parse_args()
    model = load(options.model, options.device)
    ids = (torch.arange(options.prompt, device=options.device) * 7919 % model.config.vocab_size)[None]

    def prefill():
        # What is asked of the engine too: the last row's logits.
        return model(ids, use_cache=True, logits_to_keep=1)

    prefill()
    prefill_seconds = median([seconds_of(prefill, options.device) for _ in range(options.repeats)])
    print(f"prefill: {options.prompt / prefill_seconds:.1f} tokens/s ({options.prompt} tokens)")

    def decode(cache):
        token = ids[:, -1:]
        for _ in range(options.decode):
            cache = model(token, past_key_values=cache, use_cache=True).past_key_values

    decode(prefill().past_key_values)
    times = []
    for _ in range(options.repeats):
        cache = prefill().past_key_values
        times.append(seconds_of(lambda: decode(cache), options.device))
    rate = options.decode / median(times)
    print(f"decode: {rate:.1f} tokens/s")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"torch": torch.__version__, "transformers": transformers.__version__,
                       "type": str(model.dtype), "prefill": {"tokens": options.prompt,
                       "tokens_per_second": options.prompt / prefill_seconds},
                       "decode": {"tokens_per_second": rate}}, file, indent=1)


if __name__ == "__main__":
    main()
