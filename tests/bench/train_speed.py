# SPDX-License-Identifier: Apache-2.0
"""Training speed of the included model: this engine and PyTorch in turns, in one run on one machine.

    python3 -m venv /tmp/torch && /tmp/torch/bin/pip install torch numpy
    /tmp/torch/bin/python tests/bench/train_speed.py build/release/bin/fulgurite-engine

Both compute forward, backward and an AdamW update of all weights on the same number of sequences of random tokens. PyTorch
runs the network of resources/models/ember/training/model.py, which was written for speed on a CPU, without its
load-balance term. Prints tokens per second of each turn and the median of the ratios.
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

SEQUENCE, BATCH, TURNS = 512, 8, 3


def engine_speed(program, folder):
    ids = torch.randint(0, 2048, (SEQUENCE * BATCH * 2 + 1,)).tolist()
    (folder / "ids.json").write_text(json.dumps(ids))
    config = {"out": "run", "model": str(EMBER), "data": ["ids.json"], "steps": 1, "sequence": SEQUENCE, "batch": BATCH}
    (folder / "run.json").write_text(json.dumps(config))
    out = subprocess.run([program, "train", "pretrain", folder / "run.json", "--dry-run"], check=True,
                         capture_output=True, text=True).stdout
    return float(re.search(r"speed +(\d+) tokens/s", out).group(1))


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
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(TURNS):
            ours = engine_speed(sys.argv[1], Path(folder))
            theirs = {name: torch_speed(model, optimizer, dtype)
                      for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))}
            ratios.append(ours / max(theirs.values()))
            print(f"turn {turn + 1}: engine {ours:.0f} tokens/s, PyTorch " +
                  ", ".join(f"{name} {speed:.0f}" for name, speed in theirs.items()))
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads; median ratio to its faster type: "
          f"{statistics.median(ratios):.2f}")


main()
