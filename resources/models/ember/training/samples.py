# SPDX-License-Identifier: Apache-2.0
"""The tasks by name, and what their generators need: a tokenizer, running text, and a random stream for every index."""
import json
import random

from tokenizers import Tokenizer

import gen_arith as A
import gen_lists as L
import gen_talk as T

# name -> (share of samples, generator); the generator returns (question, thought, answer, value)
SINGLE = {
    "arith": (30, A.arith), "sort": (13, L.sort), "extreme": (4, L.extreme), "letters": (4, L.letters), "length": (2, L.length),
    "spell": (2, L.spell), "items": (2.5, L.items), "sequence": (2.5, L.sequence), "repeat": (4, L.repeat), "first_last": (2, L.first_last),
    "compare": (2, A.compare), "even_odd": (1, A.even_odd), "talk": (4, T.pair), "define": (6, T.define), "fact": (4, T.small_fact),
    "complete": (1.5, T.complete), "refuse": (1.5, T.refuse), "story": (3, T.story),
    "sort_long": (0, L.sort_long), "sort_longer": (0, L.sort_longer), "sort_down": (0, L.sort_down),
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

    def encode(self, pieces):
        encs = self.tok.encode_batch([p for p, _ in pieces], add_special_tokens=False)
        ids, w = [], []
        for e, (_, x) in zip(encs, pieces):
            ids += e.ids
            w += [x] * len(e.ids)
        return ids, w
