# SPDX-License-Identifier: Apache-2.0
"""Training loop for CPUs: worker processes take micro-batches from a shared counter, the parent
averages gradients and steps. Resumes from RUN/checkpoint.pt; data are a function of the step.

python train.py --run RUN --text TEXT.json --tokenizer DIR/tokenizer.json [--steps N] [--workers 2]

RUN/control.json, read before every step, may override `total_steps`, `lr`, `mix` and `phases`.
"""
import argparse
import json
import math
import os
import signal
import time

os.environ["OMP_NUM_THREADS"] = "1"     # parallelism comes from processes

import torch
import torch.multiprocessing as mp
import torch.nn.functional as F

from model import Config, Ember

TOKENS = 4096          # per micro-batch
DEFAULT = {
    "total_steps": 4000, "warmup": 60, "decay": 0.35, "lr": 1.0, "mix": {},
    # from this progress on: micro-batches per step, and the share of each row length
    "phases": [
        {"from": 0.00, "micro": 2, "rows": {"512": 1.0}, "recall": [50, 200]},
        {"from": 0.10, "micro": 2, "rows": {"512": 1.0}, "recall": [50, 400]},
        {"from": 0.20, "micro": 3, "rows": {"512": 0.8, "1024": 0.2}, "recall": [60, 450]},
        {"from": 0.35, "micro": 4, "rows": {"512": 0.7, "1024": 0.15, "2048": 0.15}, "recall": [60, 450]},
        {"from": 0.50, "micro": 4, "rows": {"512": 0.65, "1024": 0.05, "2048": 0.1, "4096": 0.2}, "recall": [60, 450]},
    ],
}


def control(run):
    c = dict(DEFAULT)
    path = os.path.join(run, "control.json")
    if os.path.exists(path):
        try:
            c.update(json.load(open(path)))
        except ValueError:
            pass    # half-written; the next step reads it again
    return c


def phase(c, step):
    p = step / c["total_steps"]
    return [f for f in c["phases"] if f["from"] <= p][-1]


def lr_scale(c, step):
    p = step / c["total_steps"]
    s = min(1.0, (step + 1) / c["warmup"])
    if p > 1 - c["decay"]:
        s *= max(0.0, (1 - p) / c["decay"])
    return s * c["lr"]


def row_length(ph, step, i):
    import random
    rows = ph["rows"]
    return int(random.Random(f"rows/{step}/{i}").choices(list(rows), list(rows.values()))[0])


def bind(model, flat_p, flat_g):
    """Parameters and gradients become views of two flat (shared) buffers."""
    o = 0
    for p in model.parameters():
        n = p.numel()
        p.data = flat_p[o:o + n].view(p.shape)
        p.grad = flat_g[o:o + n].view(p.shape)
        o += n


def worker(rank, cfg, flat_p, flat_g, counter, pipe, args):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    from data import Source
    src = Source(args.tokenizer, args.text, seed=args.seed)
    model = Ember(cfg)
    bind(model, flat_p, flat_g)
    while True:
        msg = pipe.recv()
        if msg is None:
            return
        step, ph, mix = msg
        flat_g.zero_()
        stats = []
        while True:
            with counter.get_lock():
                i = counter.value
                counter.value += 1
            if i >= ph["micro"]:
                break
            T = row_length(ph, step, i)
            ids, w, doc = src.batch((step, i), TOKENS // T, T, ph["recall"], mix)
            x, ctx = model.hidden(ids[:, :-1].contiguous(), doc[:, :-1].contiguous(), torch.bfloat16)
            w = w[:, 1:] * (doc[:, 1:] == doc[:, :-1])
            keep = w.flatten().nonzero()[:, 0]
            logits = F.linear(x.flatten(0, 1)[keep], model.lm_head.weight.bfloat16()).float()
            ce = F.cross_entropy(logits, ids[:, 1:].flatten()[keep], reduction="none")
            wk = w.flatten()[keep]
            aux = torch.stack(ctx["aux"]).mean()
            loss = (ce * wk).sum() / (0.5 * TOKENS) + args.aux * aux
            (loss / ph["micro"]).backward()
            ans = wk == 1.0
            stats.append((T, ce[ans].sum().item(), int(ans.sum()), aux.item(), torch.stack(ctx["load"]).min().item()))
        pipe.send(stats)


def main():
    ap = argparse.ArgumentParser()
    for n, d in (("run", None), ("text", None), ("tokenizer", None)):
        ap.add_argument("--" + n, required=True, default=d)
    ap.add_argument("--workers", type=int, default=2)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--aux", type=float, default=0.05)
    ap.add_argument("--save-every", type=float, default=240, help="seconds between checkpoints")
    args = ap.parse_args()
    from muon import Optimizer
    torch.set_num_threads(1)
    cfg = Config()
    model = Ember(cfg)
    model.init_weights(args.seed)
    n = sum(p.numel() for p in model.parameters())
    flat_p = torch.cat([p.data.flatten() for p in model.parameters()]).share_memory_()
    grads = [torch.zeros(n).share_memory_() for _ in range(args.workers)]
    bind(model, flat_p, grads[0])
    opt = Optimizer(list(model.named_parameters()), cfg.head_dim)
    step, tokens, spent = 0, 0, 0.0
    ck = os.path.join(args.run, "checkpoint.pt")
    if os.path.exists(ck):
        s = torch.load(ck, weights_only=True)
        flat_p.copy_(s["params"])
        opt.load_state_dict(s["opt"])
        step, tokens, spent = s["step"], s["tokens"], s["seconds"]
        print(f"resumed at step {step}", flush=True)
    mp.set_start_method("spawn")
    counter = mp.Value("i", 0)
    pipes = []
    for r in range(args.workers):
        a, b = mp.Pipe()
        mp.Process(target=worker, args=(r, cfg, flat_p, grads[r], counter, b, args), daemon=True).start()
        pipes.append(a)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))

    def save():
        torch.save({"params": flat_p, "opt": opt.state_dict(), "step": step, "tokens": tokens, "seconds": spent,
                    "config": {k: v for k, v in cfg.__dict__.items()}}, ck + ".tmp")
        os.replace(ck + ".tmp", ck)

    log = open(os.path.join(args.run, "log.jsonl"), "a")
    last_save = t_prev = time.monotonic()
    acc = {}
    while True:
        c = control(args.run)
        if step >= c["total_steps"] or stop:
            break
        ph = phase(c, step)
        counter.value = 0
        for p in pipes:
            p.send((step, ph, c["mix"]))
        stats = [s for p in pipes for s in p.recv()]
        for g in grads[1:]:
            grads[0].add_(g)
        gn = grads[0].norm().item()
        if not math.isfinite(gn):
            raise SystemExit(f"gradient is not finite at step {step}")
        t_opt = time.monotonic()
        opt.step(lr_scale(c, step), 0.85 + 0.1 * min(1, step / 200))
        step += 1
        tokens += TOKENS * ph["micro"]
        now = time.monotonic()
        spent += now - t_prev
        dt = (now - t_prev, now - t_opt)
        t_prev = now
        for T, ce, k, aux, load in stats:
            a = acc.setdefault(T, [0.0, 0])
            a[0] += ce
            a[1] += k
        if step % 20 == 0:
            rec = {"step": step, "tokens": tokens, "seconds": round(spent, 1), "step_s": round(dt[0], 2), "opt_s": round(dt[1], 2), "lr": round(lr_scale(c, step), 4), "grad": round(gn, 3),
                   "aux": round(sum(s[3] for s in stats) / len(stats), 3), "least_expert": round(min(s[4] for s in stats), 4),
                   "loss": {str(T): round(a[0] / max(1, a[1]), 4) for T, a in sorted(acc.items())}}
            print(json.dumps(rec), flush=True)
            log.write(json.dumps(rec) + "\n")
            log.flush()
            acc = {}
        if now - last_save > args.save_every:
            save()
            last_save = time.monotonic()
    save()
    for p in pipes:
        p.send(None)
    print("done", step, flush=True)


if __name__ == "__main__":
    main()
