# SPDX-License-Identifier: Apache-2.0
"""From generators to packed training rows. Everything is a function of (seed, split, index)."""
import json
import random

import numpy as np
import torch
from tokenizers import Tokenizer

import gen_arith as A
import gen_lists as L
import gen_recall as R
import gen_talk as T
from chat import document, frames, hide_thoughts, reply

# name -> (share of samples, generator); the generator returns (question, thought, answer, value)
SINGLE = {
    "arith": (30, A.arith), "sort": (13, L.sort), "extreme": (4, L.extreme), "letters": (4, L.letters), "length": (2, L.length),
    "spell": (2, L.spell), "items": (2.5, L.items), "sequence": (2.5, L.sequence), "repeat": (4, L.repeat), "first_last": (2, L.first_last),
    "compare": (2, A.compare), "even_odd": (1, A.even_odd), "talk": (4, T.pair), "define": (6, T.define), "fact": (4, T.small_fact),
    "complete": (1.5, T.complete), "refuse": (1.5, T.refuse), "story": (3, T.story),
}
OTHER = {"recall": 16, "system": 1.5, "text": 5}


class Source:
    def __init__(self, tokenizer, text, seed=1, split="train"):
        self.tok = Tokenizer.from_file(tokenizer) if isinstance(tokenizer, str) else tokenizer
        self.text = (json.load(open(text)) if isinstance(text, str) else text)["train" if split == "train" else "held"]
        self.seed, self.held = seed, split != "train"
        self.split = split

    def rng(self, *index):
        return random.Random(f"{self.split}/{self.seed}/" + "/".join(map(str, index)))

    def filler(self, rng, tokens):
        out, n, s = [], 0, self.text["sentences"]
        i = rng.randrange(len(s))
        while n < tokens:
            t = s[i % len(s)]
            i = i + 1 if rng.random() < .8 else rng.randrange(len(s))
            out.append(t)
            n += len(t) / 3.3 + 1
        return out

    def sample(self, rng, recall_budget, mix=None):
        """-> list of (text, weight)"""
        mix = mix or {}
        names = list(SINGLE) + list(OTHER)
        weights = [mix.get(n, SINGLE[n][0] if n in SINGLE else OTHER[n]) for n in names]
        name = rng.choices(names, weights)[0]
        if name == "text":
            return document(rng.choice(self.text["docs"]))
        if name == "recall":
            b = int(np.exp(rng.uniform(np.log(recall_budget[0]), np.log(recall_budget[1]))))
            return self.recall(rng, b)
        msgs = []
        if rng.random() < .25:
            msgs.append(("system", rng.choice(T.SYSTEMS)))
        if name == "system":
            s, q, th, a, _ = T.system_fact(rng)
            msgs = [("system", s), ("user", q), ("assistant", reply(th, a))]
        turns = rng.choices([1, 2, 3, 4], [12, 2, 1, 1])[0] if name != "system" else 0
        for i in range(turns):
            g = SINGLE[name if i == 0 or rng.random() < .3 else rng.choice(list(SINGLE))][1]
            q, th, a, _ = g(rng, self.held)
            msgs += [("user", q), ("assistant", reply(th, a))]
        if turns > 1 and rng.random() < .4:
            msgs = hide_thoughts(msgs)
        return frames(msgs)

    def recall(self, rng, budget):
        msgs, _ = R.recall(rng, budget, self.filler)
        if len(msgs) > 2 and rng.random() < .25:
            msgs = hide_thoughts(msgs)
        if rng.random() < .15:
            msgs.insert(0, ("system", rng.choice(T.SYSTEMS)))
        return frames(msgs, prompt_weight=0.1 if budget < 400 else 0.0)

    def encode(self, pieces):
        encs = self.tok.encode_batch([p for p, _ in pieces], add_special_tokens=False)
        ids, w = [], []
        for e, (_, x) in zip(encs, pieces):
            ids += e.ids
            w += [x] * len(e.ids)
        return ids, w

    def batch(self, index, rows, T, recall_budget, mix=None):
        """index: tuple of ints -> (ids [rows,T+1], weights [rows,T+1], doc [rows,T+1])"""
        ids = np.zeros((rows, T + 1), np.int64)
        ws = np.zeros((rows, T + 1), np.float32)
        doc = np.zeros((rows, T + 1), np.int64)
        for r in range(rows):
            rng = self.rng(*index, r)
            n, d = 0, 0
            while n < T + 1:
                if T >= 1024 and d == 0:
                    i, w = self.encode(self.recall(rng, rng.randint(T // 3, T - T // 10 - 100)))
                else:
                    i, w = self.encode(self.sample(rng, recall_budget, mix))
                m = min(len(i), T + 1 - n)
                ids[r, n:n + m], ws[r, n:n + m], doc[r, n:n + m] = i[:m], w[:m], d
                n, d = n + m, d + 1
        return torch.from_numpy(ids), torch.from_numpy(ws), torch.from_numpy(doc)
