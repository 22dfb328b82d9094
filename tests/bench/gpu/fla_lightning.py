#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Simple GLA of flash-linear-attention at the shapes of bench_gpu_kernels: 64 heads of 128, a fixed decay for each head.

    pip install flash-linear-attention torch      (of it, the package fla-core is enough)
    python3 tests/bench/gpu/fla_lightning.py [--longest TOKENS] [--json FILE]

Prints one row for each length: microseconds, and microseconds per thousand tokens. Inputs are bfloat16, as that kernel
wants them; bench_gpu_kernels reads float32, twice the bytes. The decay is given once for each head (g_gamma) where this
version knows that, which reads least, else for each token; where both are known the faster one counts. Texts too long
for the GPU's memory go through in pieces, each with the state that the one before left.
"""
import argparse
import inspect
import json

import torch
from fla.ops.simple_gla import chunk_simple_gla

HEADS, DIM = 64, 128


class Inputs:
    def __init__(self, tokens, device):
        shape = (1, tokens, HEADS, DIM)
        self.q, self.k, self.v = (torch.rand(shape, device=device, dtype=torch.bfloat16) * 2 - 1 for _ in range(3))
        self.state = torch.zeros(1, HEADS, DIM, DIM, device=device)


def decay(device):
    return -torch.exp2(-8.0 * torch.arange(1, HEADS + 1, device=device) / HEADS)


def ways(tokens, device):
    """Name and arguments of each way to give the decay that this version knows."""
    known = inspect.signature(chunk_simple_gla).parameters
    if "g_gamma" in known:
        yield "g_gamma", lambda: {"g_gamma": decay(device)}
    if "g" in known:
        yield "g", lambda: {"g": decay(device).expand(1, tokens, HEADS).contiguous()}


def run(inputs, arguments, pieces):
    state = inputs.state
    for _ in range(pieces):
        out, state = chunk_simple_gla(inputs.q, inputs.k, inputs.v, scale=1.0, initial_state=state,
                                      output_final_state=True, **arguments)
    return out


def microseconds(call, repeats):
    for _ in range(3):
        call()
    times = []
    for _ in range(repeats):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        call()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1e3)
    return sorted(times)[len(times) // 2]


def measured(tokens, repeats, device):
    """The fastest way, in as few pieces as the memory allows: (microseconds, way, pieces)."""
    pieces = 1
    while tokens // pieces >= 1024:
        try:
            inputs = Inputs(tokens // pieces, device)
            best = None
            with torch.no_grad():
                for name, arguments in ways(tokens // pieces, device):
                    given = arguments()
                    time = microseconds(lambda: run(inputs, given, pieces), repeats)
                    best = min(best or (time, name), (time, name))
            return best[0], best[1], pieces
        except torch.cuda.OutOfMemoryError:
            inputs = given = None
            torch.cuda.empty_cache()
            pieces *= 2
    raise SystemExit(f"not even 1024 tokens of {tokens} fit into the memory of this GPU")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--longest", type=int, default=1 << 20)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--json")
    options = parser.parse_args()
    device = torch.device("cuda")
    rows = []
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    print("| tokens | time | per 1000 tokens | decay given as | pieces |\n| --- | --- | --- | --- | --- |")
    tokens = 1024
    while tokens <= options.longest:
        time, way, pieces = measured(tokens, options.repeats, device)
        print(f"| {tokens} | {time:.1f} us | {time / tokens * 1000:.2f} us | {way} | {pieces} |", flush=True)
        rows.append({"name": f"lightning prefill, {tokens} tokens", "seconds": time * 1e-6, "way": way, "pieces": pieces})
        if options.json:
            with open(options.json, "w", encoding="utf-8") as file:
                json.dump({"torch": torch.__version__, "rows": rows}, file, indent=1)
        tokens *= 4


if __name__ == "__main__":
    main()
