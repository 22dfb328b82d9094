# SPDX-License-Identifier: Apache-2.0
"""Recall of facts planted in the prompt: long lists and needles in running text, several questions each.

A thought always quotes the record it needs, so the skill is a match on what came before the value.
"""
from words import ADJ, ANIMALS, CITIES, CODEWORDS, COLOURS, JOBS, NAMES, SURNAMES, THINGS


def an(s):
    return ("an " if s[0] in "aeiou" else "a ") + s


class Kind:
    """One family of records: distinct keys, a value each, forms for the record and the question."""

    def __init__(self, head, keys, values, forms, asks, answer):
        self.head, self.keys, self.values, self.forms, self.asks, self.answer = head, keys, values, forms, asks, answer


def place_keys(rng, n):
    if rng.random() < .35:
        a = rng.randint(1, 900 if n < 100 else 400)
        ks = list(range(a, a + n))
        if rng.random() < .3:
            rng.shuffle(ks)
        return [str(k) for k in ks]
    return [str(k) for k in rng.sample(range(10, 1000), n)]


def name_keys(rng, n):
    if n <= 40 and rng.random() < .6:
        return rng.sample(NAMES, n)
    return [f"{NAMES[i // len(SURNAMES)]} {SURNAMES[i % len(SURNAMES)]}" for i in rng.sample(range(len(NAMES) * len(SURNAMES)), n)]


def word_keys(rng, n):
    if n <= 24 and rng.random() < .6:
        return rng.sample(CODEWORDS, n)
    return [f"{COLOURS[i % 14]} {THINGS[i // 14]}" for i in rng.sample(range(14 * len(THINGS)), n)]


def thing(rng):
    return f"{rng.choice(ADJ)} {rng.choice(THINGS)}" if rng.random() < .75 else rng.choice(THINGS)


def code(rng):
    return str(rng.randint(1000, 9999)) if rng.random() < .6 else f"{rng.choice(CODEWORDS)}-{rng.randint(10, 99)}"


def places(p):
    u = p.capitalize()
    return Kind([f"Here are the {p}s.", f"These are the {p}s and their contents:", f"List of {p}s:", f"Remember these {p}s."],
                place_keys, thing,
                [u + " {k}: {v}", u + " {k} holds {a}.", u + " {k} = {v}", p + " {k}: {v}", "In " + p + " {k} there is {a}."],
                ["What is in " + p + " {k}?", "what is in " + p + " {k}?", "What does " + p + " {k} hold?", "Tell me what is in " + p + " {k}.",
                 "And " + p + " {k}?", "What is inside " + p + " {k}?", u + " {k}?"],
                u + " {k} holds the {v}.")


KINDS = [places("locker")] * 4 + [places("box"), places("room"), places("shelf"), places("drawer"), places("cabin")] + [
    Kind(["Here are some people.", "These people live in many cities:", "Remember where they live."], name_keys,
         lambda r: r.choice(CITIES), ["{k} lives in {v}.", "{k}: {v}", "{k} - {v}"],
         ["Where does {k} live?", "In which city does {k} live?", "And {k}?", "Where is {k} from?"], "{k} lives in {v}."),
    Kind(["These are the workers:", "Here is a list of people and their jobs."], name_keys, lambda r: r.choice(JOBS),
         ["{k} is {a}.", "{k}: {v}", "{k} works as {a}."], ["What is the job of {k}?", "What does {k} do?", "And {k}?"], "{k} is {a}."),
    Kind(["Each of them has a pet:", "Here are the pets."], name_keys, lambda r: f"{r.choice(COLOURS)} {r.choice(ANIMALS)}",
         ["{k} has {a}.", "{k}: {v}"], ["Which pet does {k} have?", "What pet does {k} have?", "And {k}?"], "{k} has {a}."),
    Kind(["Here are the codes.", "Remember these codes:", "Secret codes:"], word_keys, code,
         ["The code of the {k} is {v}.", "{k}: {v}", "The secret code for {k} is {v}.", "{k} -> {v}"],
         ["What is the code of the {k}?", "What is the secret code for {k}?", "Tell me the code of the {k}.", "And the {k}?"],
         "The code of the {k} is {v}."),
    Kind(["Phone list:", "Here are the phone numbers."], name_keys, lambda r: str(r.randint(1000, 9999)),
         ["{k}: {v}", "The number of {k} is {v}.", "{k} has the number {v}."],
         ["What is the number of {k}?", "What number does {k} have?", "And {k}?"], "The number of {k} is {v}."),
]

NEEDLE = [
    (word_keys, code, "The secret code of the {k} is {v}.", ["What is the secret code of the {k}?", "Tell me the secret code of the {k}."]),
    (word_keys, lambda r: r.choice(CITIES), "The {k} was sent to {v}.", ["Where was the {k} sent?", "To which city was the {k} sent?"]),
    (name_keys, lambda r: r.choice(THINGS), "{k} hid the {v}.", ["What did {k} hide?", "Which thing did {k} hide?"]),
    (name_keys, lambda r: r.choice(COLOURS), "The favourite colour of {k} is {v}.", ["What is the favourite colour of {k}?"]),
    (place_keys, thing, "Locker {k} holds the {v}.", ["What is in locker {k}?", "What does locker {k} hold?"]),
    (lambda r, n: r.sample(CITIES, n), lambda r: str(r.randint(100, 999)), "The magic number of {v0} is {v}.".replace("v0", "k"),
     ["What is the magic number of {k}?", "Tell me the magic number of {k}."]),
]


def fill(form, k, v):
    return form.format(k=k, v=v, a=an(v))


def ask(rng, user, assistant_ready, questions):
    """-> messages: the first question follows the text or comes in a turn of its own."""
    msgs = []
    first = True
    for q, think, ans in questions:
        if first and rng.random() < .75:
            msgs.append(("user", user + "\n\n" + q if rng.random() < .6 else user + "\n" + q))
        else:
            if first:
                msgs += [("user", user), ("assistant", assistant_ready)]
            msgs.append(("user", q))
        first = False
        msgs.append(("assistant", f"<think>\n{think}\n</think>\n{ans}"))
    return msgs


READY = "<think>\nThe user gives me facts. I should remember them.\n</think>\nI have read it. Ask me about it."


def table(rng, n, n_questions):
    """n records of one kind, then questions."""
    kd = rng.choice(KINDS)
    form = rng.choice(kd.forms)
    keys = kd.keys(rng, n)
    recs = [(k, kd.values(rng)) for k in keys]
    lines = [fill(form, k, v) for k, v in recs]
    sep = "\n" if rng.random() < .7 else " " if form.endswith(".") else "; "
    user = rng.choice(kd.head) + ("\n" if sep == "\n" else " ") + sep.join(lines)
    qs = []
    ask_forms = [a for a in kd.asks if not a.startswith("And")]
    for i, j in enumerate(rng.sample(range(n), min(n, n_questions))):
        k, v = recs[j]
        form_q = rng.choice(kd.asks if i else ask_forms)
        qs.append((form_q.format(k=k), lines[j], fill(kd.answer, k, v)))
    return ask(rng, user, READY, qs), [recs[0][1]] if not qs else qs


def needle(rng, n, n_questions, filler):
    """n facts between sentences of running text (`filler`: list of sentences)."""
    facts = []
    used = set()
    while len(facts) < n:
        keys, val, form, asks = rng.choice(NEEDLE)
        k = keys(rng, 1)[0]
        if (k, form) in used:
            continue
        used.add((k, form))
        v = val(rng)
        facts.append((fill(form, k, v), rng.choice(asks).format(k=k)))
    at = sorted(rng.randrange(len(filler) + 1) for _ in facts)
    parts = []
    for i, s in enumerate(filler + [""]):
        parts += [f[0] for f, a in zip(facts, at) if a == i]
        if s:
            parts.append(s)
    user = rng.choice(["Read this text.\n", "Remember the facts in this text.\n", "Here is a text.\n", ""]) + " ".join(parts)
    chosen = rng.sample(facts, min(len(facts), n_questions))
    qs = [(q, f, f) for f, q in chosen]
    return ask(rng, user, READY, qs), qs


def recall(rng, budget, filler_fn, n_questions=None, tables=.6):
    """About `budget` tokens; the share `tables` are lists of records, the rest facts in running text.
    filler_fn(rng, tokens) -> sentences. -> (messages, questions)"""
    nq = n_questions or max(1, min(8, int(rng.expovariate(1 / 3)) + 1 + (2 if budget > 600 else 0)))
    room = max(20, budget - 55 * nq)
    if rng.random() < tables:
        n = max(2, min(420, int(room / 12 * rng.uniform(.8, 1))))
        return table(rng, n, nq)
    n = min(8, max(1, rng.randint(1, 2 + room // 150)), 1 + room // 20)
    return needle(rng, n, nq, filler_fn(rng, max(0, room - 16 * n)))
