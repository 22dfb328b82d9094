# SPDX-License-Identifier: Apache-2.0
"""Probabilities with which answers are drawn against those that training computes, for each choice of arithmetic.

    python3 tests/bench/rl_precision.py build/release/bin/fulgurite-engine MODEL [--task addition] [--batches 4]

Needs nothing but Python. Each row is a run of `train rl` at a learning rate of zero, so that all rows speak of the same
weights; its answers are its own. 1 - r: of the correlation of the probabilities of all tokens that were drawn.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path


def figures(engine, folder, options, training, layers, head):
    name = f"{training}-{layers}-{head}"
    config = folder / f"{name}.json"
    config.write_text(json.dumps({
        "out": name, "model": str(options.model.resolve()), "tasks": [{"task": options.task}], "prompt": options.prompt,
        "batches": options.batches, "prompts": 32, "group": 16, "arithmetic": training,
        "rollout": {"max_tokens": options.max_tokens, "arithmetic": layers, "head": head},
        "learning_rate": {"peak": 0}, "evaluation": {"items": 0}, "rollouts": {"groups": 0}, "runs": "",
        "checkpoint": {"every": 1000, "dtype": "f32"}, "threads": options.threads}))
    subprocess.run([engine, "train", "rl", config], check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in (folder / name / "metrics.jsonl").read_text().splitlines()]
    tokens = round(sum(line["rollout.len_mean"] for line in lines) * 32 * 16)

    def mean(series):
        values = [line[series] for line in lines if series in line]
        return sum(values) / len(values)

    return (1 - mean("mismatch.pearson"), mean("mismatch.prob_absdiff"), mean("mismatch.logp_absdiff"),
            max(line["mismatch.is_max"] for line in lines), tokens)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("model", type=Path)
    parser.add_argument("--task", default="addition")
    parser.add_argument("--prompt", default="plain", choices=["plain", "chat"])
    parser.add_argument("--max-tokens", type=int, default=32)
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print("| training | answers | head of the answers | 1 - r | mean difference, probability | log-probability "
          "| largest ratio | tokens |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for training in ("f32", "bf16"):
            for layers in ("f32", "bf16"):
                for head in ("f32", "bf16"):
                    one, probability, log, most, tokens = figures(options.engine, Path(folder), options, training,
                                                                     layers, head)
                    print(f"| {training} | {layers} | {head} | {one:.2g} | {probability:.2g} | {log:.2g} | {most:.3g} "
                          f"| {tokens:,} |", flush=True)


if __name__ == "__main__":
    main()
