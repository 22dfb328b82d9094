# SPDX-License-Identifier: Apache-2.0
"""From generators to packed training rows. Everything is a function of (seed, split, index)."""
import numpy as np
import torch

import gen_recall as R
import gen_talk as T
import samples
from chat import document, frames, hide_thoughts, reply
from samples import OTHER, SINGLE


class Source(samples.Source):
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
