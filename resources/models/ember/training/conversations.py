# SPDX-License-Identifier: Apache-2.0
"""Conversations for `fulgurite-engine train sft`, one a line, as a function of (seed, index).

python conversations.py TOKENIZER.json TEXT.json MIX.json OUT.jsonl --tokens 1000000 [--seed 1] [--first 0]

MIX.json: {"mix": {task: share}, "recall": [[share, fewest tokens, most tokens, questions, share of tables], ...], "longest": tokens,
"hidden": share with the earlier thoughts left out, "operations": shares of + - * /}; the last two and the shares of tables (0.6)
may be left out. Tasks are those of samples.py; "recall" is made of the budgets in the list. A conversation over the limit is left
out, so that no answer is cut.
"""
import argparse
import json

import gen_arith as A
import gen_recall as R
import gen_talk as T
from chat import hide_thoughts, reply
from samples import OTHER, SINGLE, Source


def recall(source, rng, budgets):
    share, low, high, questions, *tables = rng.choices(budgets, [b[0] for b in budgets])[0]
    messages, _ = R.recall(rng, rng.randint(low, high), source.filler, rng.randint(max(1, questions // 2), questions), *tables)
    if rng.random() < .15:
        messages.insert(0, ("system", rng.choice(T.SYSTEMS)))
    return messages


def conversation(source, rng, settings):
    """-> [(role, text)]"""
    names = [n for n in list(SINGLE) + list(OTHER) if settings["mix"].get(n, 0) > 0]
    name = rng.choices(names, [settings["mix"][n] for n in names])[0]
    if name == "recall":
        return recall(source, rng, settings["recall"])
    if name == "system":
        system, question, thought, answer, _ = T.system_fact(rng)
        return [("system", system), ("user", question), ("assistant", reply(thought, answer))]
    messages = [("system", rng.choice(T.SYSTEMS))] if rng.random() < .2 else []
    for i in range(rng.choices([1, 2, 3], [12, 2, 1])[0]):
        task = name if i == 0 or rng.random() < .5 else rng.choice([n for n in names if n in SINGLE])
        op = rng.choices("+-*/", settings["operations"])[0] if task == "arith" and "operations" in settings else None
        question, thought, answer, _ = A.arith(rng, False, op) if op else SINGLE[task][1](rng, False)
        messages += [("user", question), ("assistant", reply(thought, answer))]
    return messages


def shown(role, text):
    return {"role": "assistant", "content": text, "weight": 0} if role == "past" else {"role": role, "content": text}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("tokenizer")
    ap.add_argument("text")
    ap.add_argument("mix")
    ap.add_argument("out")
    ap.add_argument("--tokens", type=int, default=1000000)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--first", type=int, default=0, help="index of the first conversation")
    a = ap.parse_args()
    settings = json.load(open(a.mix))
    source = Source(a.tokenizer, a.text, a.seed)
    total, index, lengths = 0, a.first, []
    with open(a.out, "w", encoding="utf-8") as f:
        while total < a.tokens:
            messages = conversation(source, source.rng("sft", index), settings)
            index += 1
            n = len(source.encode([("".join(t for _, t in messages), 1)])[0]) + 14 * len(messages)
            if n > settings["longest"]:
                continue
            total += n
            lengths.append(n)
            if source.rng("hide", index).random() < settings.get("hidden", 0):
                messages = hide_thoughts(messages)      # as clients that drop the reasoning send them
            f.write(json.dumps({"messages": [shown(r, t) for r, t in messages]}) + "\n")
    print(f"{len(lengths)} conversations, about {total} tokens, longest {max(lengths)}; the next index is {index}")


if __name__ == "__main__":
    main()
