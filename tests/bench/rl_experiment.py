# SPDX-License-Identifier: Apache-2.0
"""CISPO against DAPO and GRPO on two tasks, from one start each, with models of 239,040 parameters.

    python3 tests/bench/rl_experiment.py build/release/bin/fulgurite-engine FOLDER [--minutes 50] [--known CSV] [--csv CSV]

Needs nothing but Python. Every finished run stays in FOLDER and is not made again, nor is one that the table --known holds; a
run that was stopped goes on from its checkpoint. The three rules differ in weight and mask alone: same start, prompts, group, normaliser, rewards, optimizer.

1. A byte tokenizer, a fresh model for each task, supervised warm start to a low accuracy.
2. One update a batch, one learning rate: the curves must coincide.
3. mu 4 and 16: a sweep of learning rates for each rule on seed 1.
4. The best of them (by mean@4 over the last two evaluations) on seeds 2 to 6.
"""

import argparse
import collections
import csv
import json
import subprocess
import time
from pathlib import Path

CONFIG = {
    "architectures": ["MiniMaxM1ForCausalLM"], "model_type": "minimax_m1", "attn_type_list": [0, 0, 1],
    "num_hidden_layers": 3, "hidden_size": 64, "intermediate_size": 64, "head_dim": 32, "num_attention_heads": 2,
    "num_key_value_heads": 2, "rotary_dim": 16, "rope_theta": 10000, "num_local_experts": 4, "num_experts_per_tok": 2,
    "vocab_size": 257, "eos_token_id": 256, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "postnorm": True,
    "layernorm_full_attention_alpha": 2.0, "layernorm_full_attention_beta": 1.0, "layernorm_linear_attention_alpha": 2.0,
    "layernorm_linear_attention_beta": 1.0, "layernorm_mlp_alpha": 2.0, "layernorm_mlp_beta": 1.0,
    "shared_intermediate_size": 0, "shared_moe_mode": "sigmoid", "hidden_act": "silu", "tie_word_embeddings": False}
# The text of the messages and nothing else: prompts are what the task writes.
CHAT = ("{%- for m in messages -%}{{ m['content'] }}{%- if m['role'] == 'assistant' -%}"
        "{{ '<end_of_sentence>' }}{%- endif -%}{%- endfor -%}")
# A start is trained on easier items in the same form: fewer steps, or fewer numbers to sort.
TASKS = {
    "sorting": {"warm": {"task": "sorting", "min_length": 3, "max_length": 6}, "items": 40000, "warm_steps": 250,
                "task": {"task": "sorting", "min_length": 7, "max_length": 7}, "max_tokens": 20, "held_out": 64,
                "plain_rate": 3e-4, "rates": {4: [5e-5, 1e-4, 2e-4, 4e-4, 8e-4], 16: [1.5e-5, 4e-5, 1e-4]}},
    "addition": {"warm": {"task": "addition", "min_digits": 1, "max_digits": 3}, "items": 30000, "warm_steps": 1250,
                 "task": {"task": "addition", "min_digits": 3, "max_digits": 3}, "max_tokens": 6, "held_out": 128,
                 "plain_rate": 1e-3, "rates": {4: [1.5e-5, 5e-5, 1.5e-4, 5e-4], 16: [1.5e-5, 5e-5, 1.5e-4, 5e-4, 1.5e-3]}},
}
RULES = {"cispo": {"loss": "cispo", "cap": 5}, "dapo": {"loss": "dapo"}, "grpo": {"loss": "grpo"}}
# Addition is learnt slowly: with four updates it has five times as many batches as sorting.
BATCHES = {"sorting": {1: 20, 4: 30, 16: 15}, "addition": {1: 20, 4: 150, 16: 15}}
SEEDS = range(2, 7)
FIELDS = {
    "reward": "rollout.reward_mean", "greedy": "eval.{}.greedy", "mean4": "eval.{}.mean@4", "entropy": "train.entropy",
    "ratio_p99": "train.ratio_p99", "ratio_max": "train.ratio_max", "capped": "train.cispo_cap_frac",
    "masked": "train.clip_frac", "kl_old": "train.kl_old", "grad_norm": "train.grad_norm", "tokens": "data.tokens"}


class Experiment:
    def __init__(self, engine, folder, seconds, collect, known):
        self.engine, self.folder, self.end, self.collect = engine, folder, time.monotonic() + seconds, collect
        self.known = collections.defaultdict(list)
        for row in csv.DictReader(known.open(newline="")) if known else []:
            self.known[self.key(row)].append(row)
        folder.mkdir(parents=True, exist_ok=True)

    @staticmethod
    def key(row):
        return tuple(str(row[field]) for field in ("task", "stage", "mu", "rule", "rate", "seed"))

    def call(self, *arguments):
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            subprocess.run([self.engine, *map(str, arguments)], check=True, capture_output=True, text=True, timeout=left)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None

    def start(self, name):
        """The checkpoint that all runs of a task begin at."""
        task, out = TASKS[name], self.folder / f"start-{name}"
        checkpoint = out / "checkpoints" / f"step-{task['warm_steps']:08d}"
        if checkpoint.exists():
            return checkpoint
        (self.folder / "chat.jinja").write_text(CHAT)
        (self.folder / "config.json").write_text(json.dumps(CONFIG))
        (self.folder / "nothing.txt").write_text("-")
        self.call("train", "tokenizer", "--data", self.folder / "nothing.txt", "--vocabulary", 257, "--special",
                  "<end_of_sentence>", "--chat-template", self.folder / "chat.jinja", "--out", self.folder / "tokenizer")
        items, talk = self.folder / f"items-{name}.json", self.folder / f"items-{name}.jsonl"
        items.write_text(json.dumps({"tasks": [task["warm"]]}))
        self.call("train", "items", items, "--count", task["items"], "--out", talk)
        config = self.folder / f"start-{name}.json"
        config.write_text(json.dumps({
            "out": out.name, "fresh": {"config": "config.json", "deviation": 0.06}, "tokenizer": "tokenizer",
            "data": [talk.name], "steps": task["warm_steps"], "sequence": 32, "batch": 64, "balance": 0.01,
            "learning_rate": {"peak": 0.004, "warmup": 100, "shape": "constant"}, "optimizer": {"weight_decay": 0},
            "checkpoint": {"every": 250, "dtype": "f32"}, "threads": 1}))
        self.call("train", "sft", config)
        return checkpoint

    def run(self, task, rule, updates, rate, seed):
        """Lines of the metrics of one run; none of an unfinished one when runs are only collected."""
        name = f"{task}-mu{updates}-{rule}-{rate:g}-seed{seed}"
        out = self.folder / "runs" / name
        batches = BATCHES[task][updates]
        last = batches * updates
        if not (out / "checkpoints" / f"step-{last:08d}").exists():
            if self.collect:
                return []
            config = self.folder / "run.json"
            config.write_text(json.dumps({
                "out": f"runs/{name}", "model": str(self.start(task)), "tokenizer": "tokenizer",
                "tasks": [TASKS[task]["task"]], "seed": seed, "batches": batches, "prompts": 8, "group": 8,
                "rollout": {"max_tokens": TASKS[task]["max_tokens"]},
                "objective": {**RULES[rule], "normaliser": "batch_tokens"}, "updates": updates,
                "learning_rate": {"peak": rate, "warmup": 2}, "evaluation": {"every": max(5, batches // 6), "items": TASKS[task]["held_out"], "samples": 4},
                "rollouts": {"every": 1000, "groups": 1}, "checkpoint": {"every": 5, "keep": 1}, "threads": 1}))
            begun = time.monotonic()
            self.call("train", "rl", config)
            print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)
        return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]

    def whole(self, task, table, save):
        """Fills `table` with rows, run after run, until all are made or time is up."""
        def rows(rule, updates, rate, seed, stage):
            cell = {"task": task, "stage": stage, "mu": updates, "rule": rule, "rate": f"{rate:g}", "seed": seed}
            found = self.known.get(self.key(cell), [])
            for line in [] if found else self.run(task, rule, updates, rate, seed):
                if line["step"] == 0 or "rl.batch" in line:
                    row = {**cell, "batch": line.get("rl.batch", 0), "updates": line["step"]}
                    for field, series in FIELDS.items():
                        value = line.get(series.format(task))
                        row[field] = "" if value is None else f"{value:.6g}"
                    found.append(row)
            table.extend(found)
            save()
            scores = [float(row["mean4"]) for row in found if row["mean4"]]
            return sum(scores[-2:]) / 2 if scores else -1

        for rule in RULES:
            rows(rule, 1, TASKS[task]["plain_rate"], 1, "one update")
        for updates, rates in TASKS[task]["rates"].items():
            best = {}
            for rule in RULES:
                scores = {rate: rows(rule, updates, rate, 1, "sweep") for rate in rates}
                best[rule] = max(scores, key=scores.get)
            for seed in SEEDS:
                for rule in RULES:
                    rows(rule, updates, best[rule], seed, "seeds")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=1e4)
    parser.add_argument("--known", type=Path, help="a table of earlier runs, which are not made again")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--collect", action="store_true", help="make no runs; a table of those that are finished")
    options = parser.parse_args()
    experiment = Experiment(options.engine, options.folder.resolve(), options.minutes * 60, options.collect, options.known)
    table = []

    def save():
        if options.csv and table:
            with options.csv.open("w", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=table[0].keys(), lineterminator="\n")
                writer.writeheader()
                writer.writerows(table)

    try:
        for task in TASKS:
            experiment.whole(task, table, save)
    except TimeoutError:
        print("time is up; the same command goes on")


if __name__ == "__main__":
    main()
