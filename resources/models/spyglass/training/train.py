# SPDX-License-Identifier: Apache-2.0
"""Trains one dual encoder. One thread; stops and continues at any step.

python train.py SIZE DATA_DIR TOKENIZER_DIR RUN_DIR [--steps N] [--root /]
"""
import argparse
import json
import os
import random
import signal
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import kinds as K
import scenes as S
from model import DualEncoder, contrastive_loss, scene_loss, scene_parts
from prepare import SEED, open_arrays
from shapes import ENCODERS

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../ember/training"))
from muon import orthogonalise

BATCH, RUN = 128, 32    # scenes of a step; neighbours that stay together (half a block)
PATTERNS = ["plain", "striped", "dotted", "checked", "split"]
LAYOUTS = ["single", "row", "column", "spread", "beside", "above", "line"]
COLOURS = list(K.COLOURS)


class Batches:
    """Images, captions and what the scenes show, by step number alone."""

    def __init__(self, e, data, count, tokenizer, kinds):
        self.e, self.kinds = e, kinds
        self.images = open_arrays(data, count, "r")[e.image]
        self.tokenizer = Tokenizer.from_file(os.path.join(tokenizer, "tokenizer.json"))
        self.tokenizer.enable_truncation(e.positions)
        self.runs = count // RUN
        centres = (np.arange(e.image // e.patch) + .5) * e.patch / e.image
        self.at = np.stack(np.meshgrid(centres, centres), -1).reshape(-1, 2)     # row by row, (x, y)

    def indices(self, step):
        each = BATCH // RUN
        epoch, place = divmod(step * each, self.runs // each * each)
        order = np.random.default_rng((SEED, epoch)).permutation(self.runs)[place:place + each]
        return epoch, (order[:, None] * RUN + np.arange(RUN)).ravel()

    def patch_labels(self, scene):
        """The kind that each patch's centre lies on; the number of kinds where there is none."""
        label = np.full(len(self.at), len(self.kinds))
        for g in scene.groups:
            for x, y, side in g.boxes:
                label[(np.abs(self.at - (x, y)).max(1) < side / 2)] = g.kind
        return label

    def get(self, step):
        epoch, indices = self.indices(step)
        parts = [torch.zeros(BATCH, n) for n in scene_parts(len(self.kinds))]
        texts, labels = [], []
        for r, i in enumerate(indices):
            scene, _ = S.scene(self.kinds, SEED, "train", int(i))
            texts.append(S.caption(random.Random(f"{epoch}/{i}"), self.kinds, scene))
            labels.append(self.patch_labels(scene))
            for g in scene.groups:
                parts[0][r, g.kind] = 1 / len(scene.groups)
            for c in scene.colours:
                parts[1][r, COLOURS.index(c)] = 1 / len(scene.colours)
            parts[2][r, PATTERNS.index(scene.pattern)] = 1
            parts[3][r, LAYOUTS.index(scene.layout)] = 1
            parts[4][r, min(6, sum(len(g.boxes) for g in scene.groups))] = 1
        ids = [x.ids for x in self.tokenizer.encode_batch(texts)]
        longest = max(map(len, ids))
        ids = torch.tensor([x + [self.e.vocabulary - 1] * (longest - len(x)) for x in ids])
        return torch.from_numpy(self.images[indices]), ids, torch.from_numpy(np.stack(labels)), parts


class Optimizer:
    """Orthogonalised momentum for the matrices of the layers, Adam for the rest."""

    def __init__(self, model):
        self.groups, self.adam = {}, []
        for name, p in model.named_parameters():
            if "_layers" in name and p.ndim == 2:
                self.groups.setdefault(tuple(sorted(p.shape)), []).append(p)
            else:
                self.adam.append(p)
        self.momentum = {s: torch.zeros(len(ps), *s) for s, ps in self.groups.items()}
        self.moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self.adam]
        self.t = 0

    @torch.no_grad()
    def step(self, scale, muon=.02, adam=2e-3, decay=.01):
        self.t += 1
        for shape, ps in self.groups.items():
            wide = lambda t: t if tuple(t.shape) == shape else t.mT
            g, m = torch.stack([wide(p.grad) for p in ps]), self.momentum[shape]
            m.lerp_(g, .05)
            update = orthogonalise(g.lerp(m, .95))
            for p, u in zip(ps, update):
                p.mul_(1 - muon * scale * decay)
                p.add_(u if tuple(p.shape) == shape else u.mT, alpha=-muon * scale * max(1, p.shape[0] / p.shape[1]) ** .5)
        for p, (m, v) in zip(self.adam, self.moments):
            m.lerp_(p.grad, .1)
            v.lerp_(p.grad.square(), .02)
            d = (v / (1 - .98 ** self.t)).sqrt_().add_(1e-9)
            p.addcdiv_(m / (1 - .9 ** self.t), d, value=-adam * scale)

    def state(self):
        return {"t": self.t, "momentum": self.momentum, "moments": self.moments}

    def restore(self, s):
        self.t, self.momentum, self.moments = s["t"], s["momentum"], s["moments"]


def rate(step, steps):
    """Rises over 60 steps, falls in a straight line to nothing over the last 60 %."""
    return min(1, (step + 1) / 60) * min(1, (1 - step / steps) / .6)


def losses(model, batch):
    images, ids, labels, parts = batch
    with torch.autocast("cpu", torch.bfloat16):
        a, seen = model.image(images)
        b = model.text(ids)
    shown = labels < model.token_head.out_features - 1
    shown |= torch.rand(labels.shape) < .1      # few of the patches with nothing on them
    with torch.autocast("cpu", torch.bfloat16):
        out = model.token_head(model.token_norm(seen[shown]))
    return (contrastive_loss(model, a, b), F.cross_entropy(out.float(), labels[shown]),
            scene_loss(model.scene_head, a, parts), scene_loss(model.scene_head, b, parts))


def save(path, model, optimizer, state):
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state(), **state}, path + ".new")
    os.replace(path + ".new", path)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("size", choices=list(ENCODERS))
    ap.add_argument("data")
    ap.add_argument("tokenizer")
    ap.add_argument("run")
    ap.add_argument("--steps", type=int, default=1200)
    ap.add_argument("--count", type=int, default=65536, help="scenes that prepare.py drew")
    ap.add_argument("--root", default="/")
    a = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    e, kinds = ENCODERS[a.size], K.load(a.root)
    batches = Batches(e, a.data, a.count, a.tokenizer, kinds)
    model = DualEncoder(e, len(kinds))
    optimizer = Optimizer(model)
    os.makedirs(a.run, exist_ok=True)
    path = os.path.join(a.run, "checkpoint.pt")
    state = {"size": a.size, "step": 0, "cpu": 0.0, "wall": 0.0}
    if os.path.exists(path):
        c = torch.load(path)
        model.load_state_dict(c.pop("model"))
        optimizer.restore(c.pop("optimizer"))
        state = c
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    cpu, wall, saved = time.process_time() - state["cpu"], time.time() - state["wall"], time.time()
    sums = np.zeros(4)
    while state["step"] < a.steps and not stop:
        parts = losses(model, batches.get(state["step"]))
        (parts[0] + .5 * parts[1] + .1 * (parts[2] + parts[3])).backward()
        optimizer.step(rate(state["step"], a.steps))
        model.zero_grad()
        state["step"] += 1
        sums += [p.item() for p in parts]
        if state["step"] % 20 == 0:
            state["cpu"], state["wall"] = time.process_time() - cpu, time.time() - wall
            row = dict(step=state["step"], contrastive=sums[0] / 20, patches=sums[1] / 20, image=sums[2] / 20, text=sums[3] / 20,
                       cpu=state["cpu"], wall=state["wall"])
            print(json.dumps({k: round(v, 4) for k, v in row.items()}), flush=True)
            with open(os.path.join(a.run, "loss.jsonl"), "a") as f:
                f.write(json.dumps({k: round(v, 4) for k, v in row.items()}) + "\n")
            sums[:] = 0
        if time.time() - saved > 120:
            save(path, model, optimizer, state)
            saved = time.time()
    state["cpu"], state["wall"] = time.process_time() - cpu, time.time() - wall
    save(path, model, optimizer, state)


if __name__ == "__main__":
    main()
