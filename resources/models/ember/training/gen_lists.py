# SPDX-License-Identifier: Apache-2.0
"""Sorting, largest/smallest, counting letters and items, sequences, repetition."""
import zlib

from words import ANIMALS, COLOURS, FRUIT, SPELL, THINGS

SORT = ["Sort these: {l}", "Sort these numbers: {l}", "Sort: {l}", "Please sort {l}", "Put these numbers in order: {l}",
        "Arrange from smallest to largest: {l}", "Sort the list {l}", "Sort in ascending order: {l}", "sort {l}",
        "Order these numbers from low to high: {l}", "Can you sort these? {l}"]
SORT_DOWN = ["Sort from largest to smallest: {l}", "Sort in descending order: {l}", "Arrange from high to low: {l}",
             "Put these numbers in reverse order, largest first: {l}"]
BIG = ["What is the largest of {l}?", "Which is the largest number: {l}", "Find the maximum of {l}", "What is the biggest number in {l}?"]
SMALL = ["What is the smallest of {l}?", "Which is the smallest number: {l}", "Find the minimum of {l}", "What is the smallest number in {l}?"]


def held_key(text):
    return zlib.crc32(text.encode()) % 12 == 0


def numbers(rng, held, low=3, high=10):
    while True:
        n = rng.randint(low, high)
        top = rng.choices([10, 100, 1000], [1, 7, 3])[0]
        n = min(n, 8) if top == 10 else n
        xs = [rng.randrange(top) for _ in range(n)] if rng.random() < .05 else rng.sample(range(top), n)
        if not held and rng.random() < .35:     # numbers of unlike length are the hard ones
            xs = [rng.randrange(10 ** rng.randint(1, 3)) for _ in range(n)]
        if held_key(str(sorted(xs))) == held:
            return xs


def join(rng, xs):
    return rng.choices([" ", ", ", ","], [5, 5, 1])[0].join(map(str, xs))


def padded(xs):
    """All numbers with the digits of the longest, so that the smaller is the one whose first different digit is smaller."""
    width = max(len(str(x)) for x in xs)
    return [str(x).zfill(width) for x in xs]


def selected(xs, big):
    """Thought that picks the largest or smallest of some numbers: the one step that sorting repeats."""
    width, best = max(len(str(x)) for x in xs), max(xs) if big else min(xs)
    return f"{width} digits: {' '.join(padded(xs))}\n{'max' if big else 'min'} {str(best).zfill(width)}"


def sort(rng, held=False, down=None, low=3, high=10):
    xs = numbers(rng, held, low, high)
    down = rng.random() < .2 if down is None else down
    q = rng.choice(SORT_DOWN if down else SORT).format(l=join(rng, xs))
    if rng.random() < .15:
        q += rng.choice([" Think first.", ". Thanks!", " please"])
    left, out = padded(xs), []
    lines = [f"{len(left[0])} digits: " + " ".join(left)]
    while left:
        m = max(left) if down else min(left)
        left.remove(m)
        out.append(int(m))
        lines.append(f"{'max' if down else 'min'} {m}" + (", left: " + " ".join(left) if left else ""))
    return q, "\n".join(lines), " ".join(map(str, out)), " ".join(map(str, out))


def sort_long(rng, held=False):
    """Long lists are the ones that go wrong, so they have a share of their own."""
    return sort(rng, held, low=7)


def sort_longer(rng, held=False):
    """Longer than any that is asked for, so that ten is not the edge of what was seen."""
    return sort(rng, held, low=8, high=13)


def sort_down(rng, held=False):
    """From the largest to the smallest, which a fifth of the others is."""
    return sort(rng, held, down=True, low=5, high=12)


def extreme(rng, held=False):
    xs, big = numbers(rng, held, 3, 8), rng.random() < .5
    best = max(xs) if big else min(xs)
    word = "largest" if big else "smallest"
    return rng.choice(BIG if big else SMALL).format(l=join(rng, xs)), selected(xs, big), f"The {word} is {best}.", best


def letters(rng, held=False):
    while True:
        w = rng.choice(SPELL)
        c = rng.choice(w) if rng.random() < .8 else rng.choice("aeiourstlnmp")
        if held_key(w + c) == held:
            break
    n, parts = 0, []
    for x in w:
        n += x == c
        parts.append(f"{x} {n}" if x == c else x)
    q = rng.choice([f"How many {c}'s are in {w}?", f"How many times does {c} appear in {w}?", f"Count the letter {c} in {w}.",
                    f"How many letters {c} are in the word {w}?", f"How many {c} in {w}?"])
    return q, ", ".join(parts), f"The letter {c} appears {n} time{'s' if n != 1 else ''} in {w}.", n


def length(rng, held=False):
    w = rng.choice(SPELL)
    q = rng.choice([f"How many letters are in {w}?", f"How many letters does the word {w} have?", f"How long is the word {w}?"])
    return q, ", ".join(f"{c} {i + 1}" for i, c in enumerate(w)), f"{w} has {len(w)} letters.", len(w)


def spell(rng, held=False):
    w = rng.choice(SPELL)
    s = "-".join(w)
    return rng.choice([f"Spell {w}.", f"How do you spell {w}?", f"Spell the word {w}."]), "One letter at a time.", s, s


def items(rng, held=False):
    pool = rng.choice([ANIMALS, FRUIT, COLOURS, THINGS])
    while True:
        xs = rng.sample(pool, rng.randint(2, 12))
        if held_key(" ".join(xs)) == held:
            break
    l = rng.choice([", ", ", ", " "]).join(xs)
    q = rng.choice([f"How many items are in this list: {l}?", f"Count these: {l}", f"How many words are there: {l}?", f"Count the items: {l}"])
    return q, ", ".join(f"{i + 1} {x}" for i, x in enumerate(xs)), f"There are {len(xs)} items.", len(xs)


def sequence(rng, held=False):
    k = rng.randrange(4)
    if k == 0:
        a = rng.randint(0, 60)
        b = a + rng.randint(3, 12)
        q, s = rng.choice([f"Count from {a} to {b}.", f"Please count from {a} to {b}", f"List the numbers from {a} to {b}."]), range(a, b + 1)
    elif k == 1:
        a = rng.randint(3, 60)
        b = max(0, a - rng.randint(3, 12))
        q, s = rng.choice([f"Count down from {a} to {b}.", f"Count backwards from {a} to {b}."]), range(a, b - 1, -1)
    elif k == 2:
        d, a = rng.choice([2, 3, 5, 10]), rng.randint(0, 20)
        s = [a + d * i for i in range(rng.randint(4, 9))]
        q = f"Count by {d} from {a} to {s[-1]}."
    else:
        d, a = rng.randint(1, 10), rng.randint(0, 50)
        s = [a + d * i for i in range(5)]
        q = rng.choice([f"What comes next: {', '.join(map(str, s[:4]))}?", f"Continue: {', '.join(map(str, s[:4]))}"])
        return q, f"Each step adds {d}. {s[3]} + {d} = {s[4]}", f"The next number is {s[4]}.", s[4]
    s = " ".join(map(str, s))
    return q, "One after another.", s, s


def repeat(rng, held=False):
    n = rng.randint(2, 24)
    xs = [rng.choice(rng.choice([ANIMALS, FRUIT, COLOURS, THINGS])) if rng.random() < .8 else str(rng.randint(0, 999)) for _ in range(n)]
    l = " ".join(xs)
    q = rng.choice([f"Repeat: {l}", f"Repeat after me: {l}", f"Say this: {l}", f"Copy this text: {l}"])
    return q, "Copy it word by word.", l, l


def first_last(rng, held=False):
    xs = rng.sample(rng.choice([ANIMALS, FRUIT, THINGS]), rng.randint(3, 9))
    l, k = ", ".join(xs), rng.randrange(4)
    if k == 0:
        return f"What is the first word in this list: {l}?", f"The list starts with {xs[0]}.", f"The first word is {xs[0]}.", xs[0]
    if k == 1:
        return f"What is the last word in this list: {l}?", f"The list ends with {xs[-1]}.", f"The last word is {xs[-1]}.", xs[-1]
    i = rng.randrange(len(xs) - 1)
    if k == 2:
        return f"In this list, what comes after {xs[i]}: {l}?", f"{xs[i]}, {xs[i + 1]}", f"{xs[i + 1]} comes after {xs[i]}.", xs[i + 1]
    r = ", ".join(reversed(xs))
    return f"Reverse this list: {l}", "Start at the end.", r, r
