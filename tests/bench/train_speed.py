# SPDX-License-Identifier: Apache-2.0
"""Training speed of the included model: this engine and PyTorch in turns, in one run on one machine.

    python3 -m venv /tmp/torch && /tmp/torch/bin/pip install torch numpy
    /tmp/torch/bin/python tests/bench/train_speed.py build/release/bin/fulgurite-engine [TURNS]

Both compute forward, backward and an AdamW update of all weights on the same number of sequences of random tokens. PyTorch
runs the network of resources/models/ember/training/model.py, which was written for speed on a CPU, without its
load-balance term. The second part is an update of reinforcement learning: the CISPO loss over the answers of 16 sequences of a
task, prompts included in the count of tokens; PyTorch gets them padded to the longest. Writing the answers is not compared:
the network above has no state to go on from. Prints tokens per second of each turn and the medians of the ratios.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
EMBER = ROOT / "resources/models/ember"
sys.path.insert(0, str(EMBER / "training"))
from model import Config, Ember  # noqa: E402

SEQUENCE, BATCH = 512, 8
TURNS = int(sys.argv[2]) if len(sys.argv) > 2 else 3


def dry_run(program, method, folder, config, pattern):
    (folder / "run.json").write_text(json.dumps({"out": "run", "model": str(EMBER), **config}))
    out = subprocess.run([program, "train", method, folder / "run.json", "--dry-run"], check=True, capture_output=True,
                         text=True).stdout
    return float(re.search(pattern, out).group(1))


def engine_speed(program, folder, arithmetic):
    ids = torch.randint(0, 2048, (SEQUENCE * BATCH * 2 + 1,)).tolist()
    (folder / "ids.json").write_text(json.dumps(ids))
    return dry_run(program, "pretrain", folder, {"data": ["ids.json"], "steps": 1, "sequence": SEQUENCE, "batch": BATCH,
                                                 "arithmetic": arithmetic}, r"speed +(\d+) tokens/s")


ANSWERS = 16
# 16 answers of up to 32 tokens to prompts of about 300.
RL = {"tasks": [{"task": "recall", "min_pairs": 40, "max_pairs": 40}], "batches": 1, "prompts": 4, "group": 4,
      "rollout": {"max_tokens": 32}}


def engine_rl_speed(program, folder):
    return dry_run(program, "rl", folder, RL, r"update (\d+) tokens/s")


def torch_rl_speed(model, optimizer, dtype, prompt=300, answer=32):
    ids = torch.randint(0, 2048, (ANSWERS, prompt + answer))
    advantage = torch.randn(ANSWERS, 1)
    old = torch.full((ANSWERS, answer), -7.0)
    times = []
    for _ in range(2):
        start = time.perf_counter()
        logits = model(ids[:, :-1], dtype=dtype)
        logits = (logits[0] if isinstance(logits, tuple) else logits)[:, -answer:].float()
        lp = torch.log_softmax(logits, -1).gather(-1, ids[:, -answer:, None])[..., 0]
        weight = (lp - old).exp().clamp(max=5).detach()
        (-(weight * advantage * lp).mean()).backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    return ANSWERS * (prompt + answer - 1) / times[-1]


def torch_speed(model, optimizer, dtype):
    ids = torch.randint(0, 2048, (BATCH, SEQUENCE + 1))
    times = []
    for _ in range(3):
        start = time.perf_counter()
        logits = model(ids[:, :-1], dtype=dtype)
        logits = logits[0] if isinstance(logits, tuple) else logits
        loss = torch.nn.functional.cross_entropy(logits.float().reshape(-1, 2048), ids[:, 1:].reshape(-1))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    return SEQUENCE * BATCH / statistics.mean(times[1:])


def main():
    model = Ember(Config())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
    ratios, rl_ratios = [], []
    dtypes = (("float32", torch.float32), ("bfloat16", torch.bfloat16))
    text = lambda speeds: ", ".join(f"{name} {speed:.0f}" for name, speed in speeds.items())
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(TURNS):
            ours = {name: engine_speed(sys.argv[1], Path(folder), name) for name in ("f32", "bf16")}
            theirs = {name: torch_speed(model, optimizer, dtype) for name, dtype in dtypes}
            ratios.append(max(ours.values()) / max(theirs.values()))
            print(f"turn {turn + 1}: pretraining, engine {text(ours)} tokens/s, PyTorch {text(theirs)}", flush=True)
            update = engine_rl_speed(sys.argv[1], Path(folder))
            theirs = {name: torch_rl_speed(model, optimizer, dtype) for name, dtype in dtypes}
            rl_ratios.append(update / max(theirs.values()))
            print(f"turn {turn + 1}: CISPO update, engine f32 {update:.0f} tokens/s, PyTorch {text(theirs)}", flush=True)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads; median ratios of the faster types: pretraining "
          f"{statistics.median(ratios):.2f}, CISPO update {statistics.median(rl_ratios):.2f}")


main()
