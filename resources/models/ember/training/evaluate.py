# SPDX-License-Identifier: Apache-2.0
"""Held-out scores with greedy decoding.

python evaluate.py MODEL_DIR TEXT.json [--engine fulgurite-engine] [--n 200] [--seed 7] [--only "NAME|NAME"]

With --engine the workbench's engine decodes, without it the PyTorch code of generate.py.
"""
import argparse
import collections
import json
import time

import gen_arith as A
import gen_lists as L
import gen_talk as T
from samples import Source


def run(e, items, batch, max_new):
    """items: [(messages, expected text of the answer)] -> list of (ok, prompt length, output)"""
    out = []
    order = sorted(range(len(items)), key=lambda i: len(items[i][2]))
    for o in range(0, len(order), batch):
        part = [items[i] for i in order[o:o + batch]]
        for it, text in zip(part, e.generate([it[2] for it in part], max_new)):
            answer = text.split("</think>\n", 1)[-1].strip()
            out.append((answer == it[1].strip(), len(it[2]), it[0], it[1], text))
    return out


def single(e, src, name, fn, n):
    items = []
    for i in range(n):
        q, th, a, _ = fn(src.rng("eval", name, i))
        items.append((q, a, e.prompt([("user", q)])))
    return items


def recall(e, src, name, low, high, n):
    """Each prompt asks one question, chosen among all the planted facts; `low`..`high` tokens of prompt."""
    import gen_recall as R
    items, i = [], 0
    while len(items) < n:
        rng = src.rng("eval", name, i)
        i += 1
        msgs, _ = R.recall(rng, rng.randint(low, high), src.filler, n_questions=1)
        p = e.prompt(msgs[:-1])
        if low * .6 <= len(p) <= high:
            items.append((msgs[-2][1][-60:], msgs[-1][1].split("</think>\n")[1], p))
    return items


TASKS = {
    "addition to 3 digits": (lambda r: A.arith(r, True, "+"), 64, 160), "subtraction to 3 digits": (lambda r: A.arith(r, True, "-"), 64, 160),
    "multiplication (2 x 1 digits)": (lambda r: A.arith(r, True, "*"), 64, 160),
    "sorting 3-10 numbers": (lambda r: L.sort(r, True), 64, 480), "largest / smallest": (lambda r: L.extreme(r, True), 64, 160),
    "counting letters": (lambda r: L.letters(r, True), 64, 120), "counting items": (lambda r: L.items(r, True), 64, 160),
    "comparison": (lambda r: A.compare(r, True), 64, 80), "repetition": (lambda r: L.repeat(r, True), 64, 160),
    "first, last, next, reverse": (lambda r: L.first_last(r, True), 64, 120), "number sequences": (lambda r: L.sequence(r, True), 64, 120),
    "definitions (seen)": (lambda r: T.define(r), 64, 120), "small facts (seen)": (lambda r: T.small_fact(r), 64, 80),
}
RECALL = {"recall, 64-256 tokens": (64, 256, 32), "recall, 256-1,024 tokens": (256, 1024, 16), "recall, 1,024-2,048 tokens": (1024, 2048, 8),
          "recall, 2,048-4,096 tokens": (2400, 4096, 6)}


def decoder(a):
    if a.engine:
        from engine import Engine
        return Engine(a.engine, a.model)
    import torch
    from export import load_folder
    from generate import Engine
    torch.set_num_threads(1)
    return Engine(load_folder(a.model), a.model + "/tokenizer.json")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("model")
    ap.add_argument("text")
    ap.add_argument("--n", type=int, default=200)
    ap.add_argument("--only", default="")
    ap.add_argument("--engine", help="the program fulgurite-engine")
    ap.add_argument("--show", type=int, default=0)
    ap.add_argument("--seed", type=int, default=7, help="of the prompts; choices are made by others than those of the card")
    ap.add_argument("--json")
    a = ap.parse_args()
    e = decoder(a)
    src = Source(e.tok, a.text, seed=a.seed, split="held")
    scores = collections.OrderedDict()
    for name in list(TASKS) + list(RECALL):
        if a.only and not any(o in name for o in a.only.split("|")):
            continue
        t = time.time()
        if name in TASKS:
            fn, batch, new = TASKS[name]
            res = run(e, single(e, src, name, fn, a.n), batch, new)
        else:
            low, high, batch = RECALL[name]
            res = run(e, recall(e, src, name, low, high, a.n), batch, 80)
        ok = sum(r[0] for r in res)
        scores[name] = {"correct": ok, "n": len(res)}
        print(f"{name:32s} {ok:4d}/{len(res)} = {100 * ok / len(res):5.1f} %   ({time.time() - t:.1f} s)", flush=True)
        for r in [r for r in res if not r[0]][:a.show]:
            print("   PROMPT", repr(r[2]), "\n   WANT", repr(r[3]), "\n   GOT", repr(r[4][-400:]))
        if a.json:      # after every task, so that an interrupted run leaves what it has
            json.dump(scores, open(a.json, "w"), indent=1)


if __name__ == "__main__":
    main()
