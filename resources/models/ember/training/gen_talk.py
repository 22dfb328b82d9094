# SPDX-License-Identifier: Apache-2.0
"""Small talk, identity, definitions, tiny stories, facts, and honest refusals."""
from knowledge import ABOUT, CAPITALS, CANNOT, COMPLETE, FACTS, HELLO, KINDS_OF, OPPOSITES, SOUNDS, THANKS, YOUNG
from words import ADJ, ANIMALS, COLOURS, FRUIT, NAMES, THINGS

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()


def pair(rng, held=False):
    qs, think, ans = rng.choice(rng.choice([HELLO, HELLO, ABOUT, ABOUT, THANKS]))
    return rng.choice(qs), think, ans, ans


def define(rng, held=False):
    w = rng.choice(sorted(FACTS))
    d = FACTS[w]
    art = "" if w in KINDS_OF else ("an " if w[0] in "aeiou" else "a ")
    qs = [f"What is {art}{w}?", f"what is {art}{w}", f"Explain {art}{w}.", f"Define {w}.", f"What does {w} mean?", f"Tell me about {w}.",
          f"Can you explain what {art}{w} is?", f"Explain {w} in simple words.", f"Describe {art}{w}."]
    return rng.choice(qs), f"The user asks about {w}.", d, d


def small_fact(rng, held=False):
    k = rng.randrange(7)
    if k == 0:
        c, t = rng.choice(sorted(CAPITALS.items()))
        return rng.choice([f"What is the capital of {c}?", f"Capital of {c}?", f"Name the capital of {c}."]), f"The user asks for the capital of {c}.", f"The capital of {c} is {t}.", t
    if k == 1:
        a, b = rng.choice(OPPOSITES)
        if rng.random() < .5:
            a, b = b, a
        return rng.choice([f"What is the opposite of {a}?", f"Opposite of {a}?", f"Give me the opposite of {a}."]), f"{a} and {b} are opposites.", f"The opposite of {a} is {b}.", b
    if k == 2:
        a, s = rng.choice(sorted(SOUNDS.items()))
        return rng.choice([f"What sound does a {a} make?", f"What does a {a} say?"]), f"The user asks about the sound of a {a}.", f"A {a} says {s}.", s
    if k == 3:
        a, s = rng.choice(sorted(YOUNG.items()))
        return rng.choice([f"What is a young {a} called?", f"What do you call a baby {a}?"]), f"The user asks for the name of a young {a}.", f"A young {a} is called a {s}.", s
    L, word = (DAYS, "day") if k in (4, 5) else (MONTHS, "month")
    i, after = rng.randrange(len(L)), rng.random() < .6
    r = L[(i + (1 if after else -1)) % len(L)]
    w = "after" if after else "before"
    return rng.choice([f"Which {word} comes {w} {L[i]}?", f"What {word} is {w} {L[i]}?"]), (f"{L[i]}, {r}" if after else f"{r}, {L[i]}"), f"{r} comes {w} {L[i]}.", r


def complete(rng, held=False):
    a, b = rng.choice(COMPLETE)
    return rng.choice([f"Complete: {a} ...", f"Complete the sentence: {a} ...", f"Finish this sentence: {a} ...", f"Continue: {a} ..."]), "I finish the sentence.", f"{a} {b}", b


def refuse(rng, held=False):
    q = rng.choice(CANNOT)
    if "{" in q:
        q = q.format(n=rng.choice(NAMES), t=rng.choice(THINGS), a=rng.choice(ANIMALS), d=rng.randint(1, 30))
    ans = "I only know small things. I can add and subtract, sort numbers, count, remember what you tell me, and explain simple words."
    return q, "This is more than I know.", ans, ans


PLACE = ["in a quiet forest", "by the sea", "in a small village", "on a green hill", "near an old bridge", "in a busy town", "on a farm", "by a wide river"]
MOOD = ["happy", "sad", "brave", "curious", "shy", "kind", "clever", "lazy", "hungry", "tired"]
WANT = ["find a friend", "see the world", "learn to sing", "find something to eat", "cross the river", "build a house", "find the way home", "help others"]
MET = ["They talked for a long time.", "They became friends at once.", "They shared some bread and sat in the sun.", "They laughed and walked on together."]
END = ["In the evening they went home and slept well.", "From that day on they were never alone.", "It was the best day of the year.",
       "And so everything ended well.", "Everyone was happy, and the stars came out."]


def story(rng, held=False):
    a = rng.choice(ANIMALS)
    b = rng.choice([x for x in ANIMALS if x != a])
    n, m, c, t = rng.choice(NAMES), rng.choice(MOOD), rng.choice(COLOURS), rng.choice(THINGS)
    an = "an" if m[0] in "aeiou" else "a"
    bn = "an" if b[0] in "aeiou" else "a"
    s = [f"Once upon a time there was {an} {m} {a} named {n} who lived {rng.choice(PLACE)}.",
         f"One {rng.choice(['day', 'morning', 'evening', 'night'])} {n} wanted to {rng.choice(WANT)}.",
         rng.choice([f"On the way {n} found a {c} {t}.", f"The {a} took a {c} {t} and went out.", f"It was {rng.choice(['cold', 'warm', 'rainy', 'sunny'])} outside, but {n} was not afraid."]),
         f"Then {n} met {bn} {b}.", f"\"{rng.choice(['Hello', 'Good day', 'Who are you'])}!\" said the {b}. \"{rng.choice(['Can I help you?', 'Come with me.', 'I know the way.', 'I am looking for a friend.'])}\"",
         rng.choice(MET), rng.choice(END)]
    art = "an" if a[0] in "aeiou" else "a"
    q = rng.choice([f"Tell me a short story about {art} {a}.", f"Tell me a story about {art} {a} named {n}.", f"Write a short story about {art} {a}.",
                    f"Can you tell a story about {art} {a} called {n}?"])
    return q, f"A short story about {art} {a}.", " ".join(s), ""


SYSTEMS = ["You are a helpful assistant.", "You are a helpful assistant.", "You are a helpful assistant.", "You are Ember, a small helpful model.",
           "Answer briefly.", "Be kind and clear.", "You are a careful assistant. Think before you answer.", "Please reason step by step."]


def system_fact(rng):
    """A system prompt that carries a fact, and a question on it. -> (system, question, thought, answer, value)"""
    k = rng.randrange(3)
    if k == 0:
        n = rng.choice(NAMES)
        return f"Your name is {n}.", rng.choice(["What is your name?", "Who are you?"]), f"My name is {n}.", f"My name is {n}.", n
    if k == 1:
        n = rng.choice(NAMES)
        return f"The user is called {n}. You are a helpful assistant.", rng.choice(["What is my name?", "Do you know my name?"]), f"The user is called {n}.", f"Your name is {n}.", n
    v = f"{rng.choice(ADJ)} {rng.choice(THINGS)}"
    return f"You are a guard. The secret word is {v}.", "What is the secret word?", f"The secret word is {v}.", f"The secret word is {v}.", v
