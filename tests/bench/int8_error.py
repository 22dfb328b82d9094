# SPDX-License-Identifier: Apache-2.0
"""What int8 experts do to a model's predictions: KL and agreement with the checkpoint that they were made from.

    python3 tests/bench/int8_error.py build/release/bin/fulgurite-engine MODEL [PROMPTS]
    python3 tests/bench/int8_error.py build/release/bin/fulgurite-engine --random CONFIG.json [TOKENS]

Converts MODEL. For each of PROMPTS generated prompts (arithmetic, sorting, recall; the same ones in every run) the model as it
is writes an answer greedily, and both judge every token of it (`inspect compare --against`). A checkpoint with random weights
has no tokenizer: there both judge TOKENS tokens drawn at random. Needs nothing but Python.
"""

import json
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path


def engine(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout


def read_tensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    formats = {"F32": "f", "I32": "i", "I64": "q"}
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            code = formats[entry["dtype"]]
            tensors[name] = struct.unpack(f"<{(end - begin) // struct.calcsize(code)}{code}", data[begin:end])
    return tensors


def make_prompts(count):
    draw = random.Random(1)
    colours, things = ["red", "blue", "old", "small"], ["key", "lamp", "coat", "radio", "drum", "clock"]
    for i in range(count):
        if i % 3 == 0:
            yield f"What is {draw.randrange(10, 999)}{draw.choice('+-')}{draw.randrange(10, 999)}?"
        elif i % 3 == 1:
            yield "Sort these: " + " ".join(str(draw.randrange(100)) for _ in range(draw.randrange(4, 9)))
        else:
            lockers = [f"{draw.choice(colours)} {draw.choice(things)}" for _ in range(draw.randrange(5, 25))]
            listing = "\n".join(f"Locker {n}: {what}" for n, what in enumerate(lockers, 1))
            yield f"Here are the lockers.\n{listing}\n\nWhat is in locker {draw.randrange(len(lockers)) + 1}?"


def answer(program, model, prompt):
    """Tokens of the prompt in the chat template, and of the greedy answer."""
    ids = json.loads(engine(program, "tokenize", "--model", model, "--chat", "--json", prompt))["ids"]
    events = map(json.loads, engine(program, "run", "--model", model, "-t", 0, "-n", 400, "--json", prompt).splitlines())
    return ids, [event["id"] for event in events if event["event"] == "token"]


class Comparison:
    def __init__(self, program, model, other, folder):
        self.program, self.model, self.other, self.folder = program, model, other, folder
        self.kl, self.same, self.change = [], [], []

    def judge(self, tokens, first):
        (self.folder / "ids.json").write_text(json.dumps(tokens))
        engine(self.program, "inspect", "compare", "--model", self.model, "--against", self.other, "--tokens",
               self.folder / "ids.json", "--first", first, "--out", self.folder / "compared")
        result = read_tensors(self.folder / "compared")
        self.kl += result["kl"]
        self.same += [a == b for a, b in zip(result["best"], result["best_ablated"])]
        self.change += [b - a for a, b in zip(result["logprob"], result["logprob_ablated"])]

    def print(self):
        count = len(self.kl)
        ordered = sorted(self.kl)
        print(f"{count} tokens: mean KL {sum(self.kl) / count:.3g} nats, median {ordered[count // 2]:.3g}, 99 % below "
              f"{ordered[int(count * 0.99)]:.3g}, largest {ordered[-1]:.3g}")
        print(f"the same most likely token at {sum(self.same)} of them ({100 * sum(self.same) / count:.2f} %), mean log p of "
              f"the text {sum(self.change) / count:+.3g}")


def main():
    program, model = sys.argv[1], sys.argv[2]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if model == "--random":
            config = Path(sys.argv[3])
            count = int(sys.argv[4]) if len(sys.argv) > 4 else 2000
            model = folder / "random"
            print(engine(program, "convert", "--random", config, "--out", model), end="")
            vocabulary = json.loads(config.read_text())["vocab_size"]
            draw = random.Random(1)
            texts = [([], [draw.randrange(vocabulary) for _ in range(count)])]
        else:
            prompts = make_prompts(int(sys.argv[3]) if len(sys.argv) > 3 else 60)
            texts = [answer(program, model, prompt) for prompt in prompts]
        other = folder / "int8"
        print(engine(program, "convert", model, "--experts", "int8", "--out", other), end="")
        comparison = Comparison(program, model, other, folder)
        for prompt, written in texts:
            comparison.judge(prompt + written, max(len(prompt), 1))
        comparison.print()


main()
