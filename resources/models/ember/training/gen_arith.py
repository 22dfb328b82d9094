# SPDX-License-Identifier: Apache-2.0
"""Arithmetic with visible column-by-column reasoning. Every function takes a random.Random."""
import zlib

from gen_lists import selected

PLACES = ["ones", "tens", "hundreds", "thousands", "ten thousands"]

ADD = ["What is {a}+{b}?", "What is {a} + {b}?", "{a}+{b}", "{a} + {b} = ?", "{a}+{b}=", "Calculate {a} + {b}.", "Compute {a}+{b}.",
       "What is {a} plus {b}?", "Add {a} and {b}.", "What is the sum of {a} and {b}?", "How much is {a} + {b}?",
       "what's {a} plus {b}", "Can you add {a} to {b}?", "Please work out {a} + {b}.", "Find {a} + {b}",
       "Tell me the sum of {a} and {b}.", "How much is {a} and {b} together?", "{a} plus {b}"]
SUB = ["What is {a}-{b}?", "What is {a} - {b}?", "{a}-{b}", "{a} - {b} = ?", "{a}-{b}=", "Calculate {a} - {b}.", "Compute {a}-{b}.",
       "What is {a} minus {b}?", "Subtract {b} from {a}.", "What is the difference between {a} and {b}?",
       "How much is {a} - {b}?", "what's {a} minus {b}", "Take {b} away from {a}.", "Please work out {a} - {b}.",
       "{a} minus {b}", "How much is left if you take {b} from {a}?"]
MUL = ["What is {a}*{b}?", "What is {a} x {b}?", "{a}*{b}", "{a} x {b} = ?", "What is {a} times {b}?", "Multiply {a} by {b}.",
       "Calculate {a} * {b}.", "How much is {a} times {b}?", "What is the product of {a} and {b}?", "{a} times {b}"]
DIV = ["What is {a}/{b}?", "What is {a} divided by {b}?", "{a} / {b} = ?", "Divide {a} by {b}."]
TAIL = ["", "", "", "", "", " Think first.", " Think step by step.", " Show your work.", " Thanks!", " Please.", " Be careful."]
LEAD = ["", "", "", "", "", "", "Hi! ", "Hello, ", "Quick question: ", "Please tell me: ", "Now, "]
THINGS = ["apples", "books", "coins", "stamps", "marbles", "cards", "pens", "eggs", "shells", "cookies", "stones", "tickets"]
NAMES = ["Anna", "Ben", "Clara", "David", "Ella", "Finn", "Grace", "Hugo", "Iris", "Jack", "Lena", "Max", "Nina", "Oscar", "Paul", "Rosa"]


def held_out(op, a, b):
    """Problems kept away from training: about one in twelve, chosen by content."""
    return zlib.crc32(f"{op}{a},{b}".encode()) % 12 == 0


def digits(x, n):
    return [int(c) for c in reversed(str(x).zfill(n))]


def add_steps(a, b):
    n = max(len(str(a)), len(str(b)))
    lines = [f"{str(a).zfill(n)} + {str(b).zfill(n)}"]
    carry, done = 0, ""
    for i, (x, y) in enumerate(zip(digits(a, n), digits(b, n))):
        s = x + y + carry
        mid = f"{x}+{y}" + (f"+{carry}" if i else "")
        done = str(s % 10) + done
        carry = s // 10
        lines.append(f"{PLACES[i]}: {mid}={s}, carry {carry} -> {done}")
    if carry:
        lines.append(f"{PLACES[n]}: 1 -> 1{done}")
    return "\n".join(lines), a + b


def sub_steps(a, b):
    if a < b:
        text, r = sub_steps(b, a)
        return f"{a} is less than {b}, so negative\n{text}\nnegative", -r
    n = len(str(a))
    lines = [f"{a} - {str(b).zfill(n)}"]
    borrow, done = 0, ""
    for i, (x, y) in enumerate(zip(digits(a, n), digits(b, n))):
        d = x - y - borrow
        mid = f"{x}-{y}" + (f"-{borrow}" if i else "")
        if d < 0:
            d, mid, borrow = d + 10, mid + "+10", 1
        else:
            borrow = 0
        done = str(d) + done
        lines.append(f"{PLACES[i]}: {mid}={d}, borrow {borrow} -> {done}")
    if done != str(a - b):
        lines.append(f"drop zeros: {a - b}")
    return "\n".join(lines), a - b


def mul_steps(a, b):
    """a up to two digits, b one digit (or both within the 12 times table)."""
    if a <= 12 and b <= 12:
        return f"{a} x {b} = {a * b}", a * b
    t, o = a // 10 * 10, a % 10
    if o == 0:
        return f"{a // 10} x {b} = {a // 10 * b}\n{a} x {b} = {a * b}", a * b
    text, r = add_steps(t * b, o * b)
    return f"{a} = {t} + {o}\n{t} x {b} = {t * b}\n{o} x {b} = {o * b}\n{text}", r


def number(rng, most=3):
    return rng.randint(0, 10 ** rng.choices(range(1, most + 1), [1, 4, 7][:most])[0] - 1)


def problem(rng, op, held):
    while True:
        if op == "*":
            a, b = (rng.randint(2, 12), rng.randint(2, 12)) if rng.random() < .5 else (rng.randint(11, 99), rng.randint(2, 9))
        elif op == "/":
            b = rng.randint(2, 12)
            a = b * rng.randint(2, 12)
        else:
            a, b = number(rng), number(rng)
            if op == "-" and a < b and rng.random() < .85:
                a, b = b, a
        if held_out(op, a, b) == held or (op in "*/" and a <= 144 and b <= 12):
            return a, b


def word_problem(rng, op, a, b):
    who, t = rng.choice(NAMES), rng.choice(THINGS)
    if op == "+":
        q, tail = rng.choice([
            (f"{who} has {a} {t} and gets {b} more. How many {t} does {who} have now?", f"{who} has {{c}} {t} now."),
            (f"I have {a} {t} and buy {b} more. How many {t} do I have?", f"You have {{c}} {t}."),
            (f"There are {a} {t} in one box and {b} {t} in another. How many {t} are there in all?", f"There are {{c}} {t} in all.")])
    else:
        q, tail = rng.choice([
            (f"{who} has {a} {t} and gives away {b}. How many {t} are left?", f"{{c}} {t} are left."),
            (f"I had {a} {t} and lost {b}. How many {t} do I still have?", f"You still have {{c}} {t}."),
            (f"There were {a} {t} in a box. {who} took {b}. How many {t} remain?", f"{{c}} {t} remain.")])
    return q, tail


def arith(rng, held=False, op=None):
    """-> (question, thought, answer, value)"""
    op = op or rng.choices("+-*/", [36, 38, 22, 4])[0]
    a, b = problem(rng, op, held)
    if op == "/":
        c = a // b
        return rng.choice(DIV).format(a=a, b=b), f"{b} x {c} = {a}", f"{a} / {b} = {c}", c
    if op == "*":
        steps, c = mul_steps(a, b)
        return rng.choice(MUL).format(a=a, b=b), steps, f"{a} x {b} = {c}", c
    steps, c = (add_steps if op == "+" else sub_steps)(a, b)
    if c >= 0 and rng.random() < .12:
        q, tail = word_problem(rng, op, a, b)
        return q, f"This is {a} {op} {b}.\n{steps}", tail.format(c=c), c
    q = rng.choice(LEAD) + rng.choice(ADD if op == "+" else SUB).format(a=a, b=b) + rng.choice(TAIL)
    return q, steps, f"{a} {op} {b} = {c}", c


def compare(rng, held=False):
    a, b = problem(rng, "+", held)
    if a == b:
        b += 1
    big = rng.random() < .6
    word = rng.choice(["bigger", "larger", "greater"]) if big else rng.choice(["smaller", "less"])
    r = max(a, b) if big else min(a, b)
    q = rng.choice([f"Which is {word}, {a} or {b}?", f"Which number is {word}: {a} or {b}?", f"Is {a} or {b} {word}?"])
    return q, selected([a, b], big), f"{r} is {word}.", r


def even_odd(rng, held=False):
    a = problem(rng, "+", held)[0]
    kind = "even" if a % 2 == 0 else "odd"
    q = rng.choice([f"Is {a} even or odd?", f"Is the number {a} odd or even?"])
    return q, f"The last digit of {a} is {a % 10}.", f"{a} is {kind}.", kind
