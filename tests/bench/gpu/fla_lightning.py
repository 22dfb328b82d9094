#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Simple GLA of flash-linear-attention at the shapes of bench_gpu_kernels: 64 heads of 128, a fixed decay for each head.

    pip install flash-linear-attention torch
    python3 tests/bench/gpu/fla_lightning.py [--longest TOKENS]

Prints one row for each length: microseconds, and microseconds per thousand tokens. Inputs are bfloat16, as that kernel
wants them; bench_gpu_kernels reads float32, twice the bytes.
"""
import argparse

import torch
from fla.ops.simple_gla import chunk_simple_gla


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--longest", type=int, default=1 << 20)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    heads, dim = 64, 128
    device = torch.device("cuda")
    decay = -torch.linspace(0.9, 0.004, heads, device=device)
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    print("| tokens | time | per 1000 tokens |\n| --- | --- | --- |")
    tokens = 1024
    while tokens <= options.longest:
        q, k, v = (torch.randn(1, tokens, heads, dim, device=device, dtype=torch.bfloat16) for _ in range(3))
        g = decay.expand(1, tokens, heads).contiguous()
        state = torch.zeros(1, heads, dim, dim, device=device)

        def run():
            return chunk_simple_gla(q, k, v, g, scale=1.0, initial_state=state, output_final_state=True)

        for _ in range(3):
            run()
        times = []
        for _ in range(options.repeats):
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            run()
            end.record()
            torch.cuda.synchronize()
            times.append(begin.elapsed_time(end) * 1e3)
        time = sorted(times)[len(times) // 2]
        print(f"| {tokens} | {time:.1f} us | {time / tokens * 1000:.2f} us |", flush=True)
        tokens *= 4


if __name__ == "__main__":
    main()
