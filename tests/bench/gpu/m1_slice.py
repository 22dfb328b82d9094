#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Slices of MiniMax-M1 at its published widths on one GPU, and what they say of all 80 layers on eight of them.

    python3 tests/bench/gpu/m1_slice.py ENGINE [--only whole|share|fit] [--types int8,bf16] [--json FILE] [--seconds 560]

ENGINE is fulgurite-engine. Weights are made on the device; contexts are as if that many tokens had been read. No package is
needed. Measured, for int8 and bfloat16 experts, behind 1 K, 128 K and 1 M tokens:

  whole  layers of all 64 heads and 32 experts: LL, LLLL and LLSS, from which the time of one lightning layer, of one
         softmax layer and of all else follows
  share  what one rank of eight computes of the same layers: 8 heads, 1 key head, an eighth of every expert's width and of
         the vocabulary; the sums over the ranks are left out
  fit    as many layers as the memory holds in the published pattern (seven L, one S), to hold against their sum

A run that finds no memory, or no time before --seconds are over, is named with the reason and left out.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

M1 = {
    "architectures": ["MiniMaxM1ForCausalLM"], "model_type": "minimax_m1", "hidden_act": "silu",
    "hidden_size": 6144, "intermediate_size": 9216, "num_attention_heads": 64, "num_key_value_heads": 8,
    "head_dim": 128, "rotary_dim": 64, "rope_theta": 10000000, "num_local_experts": 32, "num_experts_per_tok": 2,
    "vocab_size": 200064, "rms_norm_eps": 1e-5, "postnorm": True, "shared_intermediate_size": 0,
    "layernorm_full_attention_alpha": 3.5565588200778455, "layernorm_full_attention_beta": 1,
    "layernorm_linear_attention_alpha": 3.5565588200778455, "layernorm_linear_attention_beta": 1,
    "layernorm_mlp_alpha": 3.5565588200778455, "layernorm_mlp_beta": 1,
    "max_position_embeddings": 10240000, "tie_word_embeddings": False,
}
CONTEXTS = (1024, 131072, 1048576)
SLICES = ("LL", "LLLL", "LLSS")


def config_file(folder, layers):
    path = os.path.join(folder, f"{layers}.json")
    kinds = [0 if kind == "L" else 1 for kind in layers]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(dict(M1, num_hidden_layers=len(kinds), attn_type_list=kinds), file)
    return path


class Runs:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.end = time.monotonic() + options.seconds
        self.rows = []

    def run(self, name, layers, experts, ranks="1"):
        """One process for each slice, so that each finds the memory empty. True: it was measured."""
        command = [self.options.engine, "bench", "--shape", config_file(self.folder, layers),
                   "--experts", experts, "--ranks", ranks, "--device", self.options.device, "--json", "--prompt", "2048",
                   "--decode", "32", "--repeats", "3", "--contexts", ",".join(map(str, self.options.contexts))]
        row = {"name": name, "layers": layers, "experts": experts}
        left = self.end - time.monotonic()
        try:
            if left < 5:
                raise subprocess.TimeoutExpired(command, self.options.seconds)
            done = subprocess.run(command, capture_output=True, text=True, timeout=left, check=False)
            if done.returncode == 0:
                row["report"] = json.loads(done.stdout)
            else:
                row["missing"] = (done.stderr.strip() or f"ended with status {done.returncode}").splitlines()[0].rstrip(".")
        except subprocess.TimeoutExpired:
            row["missing"] = f"the {self.options.seconds} seconds were over"
        self.rows.append(row)
        self.save()
        print(f"{name} {layers} {experts}: {row.get('missing') or 'measured'}", flush=True)
        return "report" in row

    def save(self):
        if self.options.json:
            with open(self.options.json, "w", encoding="utf-8") as file:
                json.dump({"rows": self.rows}, file, indent=1)

    def fit(self, experts):
        """The longest part of the published pattern that the memory takes."""
        for periods in (2, 1):
            if self.run("fit", "LLLLLLLS" * periods, experts):
                return
        self.run("fit", "LLLS", experts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("--only", choices=("whole", "share", "fit"))
    parser.add_argument("--types", default="int8,bf16")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--contexts", type=lambda text: [int(part) for part in text.split(",")], default=CONTEXTS)
    parser.add_argument("--seconds", type=float, default=560)
    parser.add_argument("--json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(options, folder)
        for experts in options.types.split(","):
            for name, ranks in (("whole", "1"), ("share", "8")):
                if options.only in (None, name):
                    for layers in SLICES:
                        runs.run(name, layers, experts, ranks)
            if options.only in (None, "fit"):
                runs.fit(experts)
    return 0 if any("report" in row for row in runs.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
