# SPDX-License-Identifier: Apache-2.0
"""The mixture that the tokenizer was trained on, as a function of (seed, split, index)."""
import math

import gen_recall as R
import gen_talk as T
import samples
from chat import document, frames, hide_thoughts, reply
from samples import OTHER, SINGLE


class Source(samples.Source):
    def sample(self, rng, recall_budget):
        """-> list of (text, weight)"""
        names = list(SINGLE) + list(OTHER)
        weights = [SINGLE[n][0] if n in SINGLE else OTHER[n] for n in names]
        name = rng.choices(names, weights)[0]
        if name == "text":
            return document(rng.choice(self.text["docs"]))
        if name == "recall":
            b = int(math.exp(rng.uniform(math.log(recall_budget[0]), math.log(recall_budget[1]))))
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
