# SPDX-License-Identifier: Apache-2.0
"""Scenes of emoji and shapes with captions, as a function of (seed, split, index).

A scene has a background (one or two of twelve colours, five patterns) and one to three groups, each of one kind in some
number. Everything is placed in units of the side, so a scene can be drawn at any size; training and tests draw 192 pixels.

What is held out: a pair of kinds, or (a single group) a kind with its number and background, whose checksum is a multiple of eight.
No training scene has such a combination, every test scene has one. Indices of test scenes have a random stream of their own.
"""
import dataclasses
import functools
import random
import zlib

import numpy as np
from PIL import Image

from kinds import COLOURS

SIDE = 192      # pixels of a drawn scene
BLOCK = 64      # training scenes that share a small choice of kinds and colours, so that a batch has close neighbours
NUMBERS = ["no", "one", "two", "three", "four", "five", "six"]


@dataclasses.dataclass
class Group:
    kind: int
    boxes: list     # (centre x, centre y, side), in sides of the scene
    place: str = ""
    size: str = ""


@dataclasses.dataclass
class Scene:
    pattern: str
    colours: tuple  # one or two names
    groups: list
    layout: str     # single, row, column, spread, beside, above, line


def crc8(text):
    return zlib.crc32(text.encode()) % 8 == 0


def held_out(kinds, scene):
    """Does the scene show a combination that training never shows?"""
    names = sorted({kinds[g.kind].name for g in scene.groups})
    if len(names) == 1:
        return crc8(f"{names[0]}|{len(scene.groups[0].boxes)}|{scene.pattern}|{'|'.join(scene.colours)}")
    return any(crc8(f"{a}|{b}") for i, a in enumerate(names) for b in names[i + 1:])


PLACES = {"": (.5, .5), "on the left": (.24, .5), "on the right": (.76, .5), "at the top": (.5, .24), "at the bottom": (.5, .76),
          "in the top left corner": (.22, .22), "in the top right corner": (.78, .22), "in the bottom left corner": (.22, .78),
          "in the bottom right corner": (.78, .78)}


def single(rng, kind):
    size = rng.choice(["small", "", "large"])
    side = {"small": .25, "": .42, "large": .7}[size]
    place = "" if size == "large" else rng.choice(list(PLACES))
    x, y = PLACES[place]
    return Group(kind, [(x, y, side)], place, size), "single"


SPREAD = {2: [(.28, .3), (.72, .7)], 3: [(.5, .26), (.26, .7), (.74, .7)], 4: [(.27, .27), (.73, .27), (.27, .73), (.73, .73)],
          5: [(.22, .22), (.78, .22), (.5, .5), (.22, .78), (.78, .78)],
          6: [(.2, .3), (.5, .3), (.8, .3), (.2, .7), (.5, .7), (.8, .7)]}


def several(rng, kind, n):
    """n of one kind alone in the scene."""
    layout = rng.choice(["row", "column", "spread", "spread"]) if n <= 4 else "spread"
    side = {2: .4, 3: .3, 4: .23}[n] if layout != "spread" else {2: .4, 3: .38, 4: .36, 5: .27, 6: .25}[n]
    line = [(i + .5) / n for i in range(n)]
    spots = {"row": [(t, .5) for t in line], "column": [(.5, t) for t in line], "spread": SPREAD.get(n)}[layout]
    return Group(kind, [(x, y, side) for x, y in spots]), layout


HALF = {1: [(.5, .5)], 2: [(.5, .27), (.5, .73)], 3: [(.5, .2), (.5, .5), (.5, .8)]}


def two(rng, a, b):
    """Some of one kind left of, or above, some of another."""
    layout = rng.choice(["beside", "above"])
    groups = []
    for offset, kind in ((0, a), (.5, b)):
        n = rng.choices([1, 2, 3], [5, 2, 1])[0]
        side = {1: .44, 2: .38, 3: .29}[n]
        spots = [(offset + u / 2, v) for u, v in HALF[n]]
        groups.append(Group(kind, [(x, y, side) if layout == "beside" else (y, x, side) for x, y in spots]))
    return groups, layout


def three(kinds):
    return [Group(k, [((i + .5) / 3, .5, .3)]) for i, k in enumerate(kinds)], "line"


def background(rng, palette):
    pattern = rng.choices(["plain", "striped", "dotted", "checked", "split"], [10, 3, 3, 2, 2])[0]
    return pattern, tuple(rng.sample(palette, 1 if pattern == "plain" else 2))


def compose(rng, palette, names):
    """palette: kinds to choose from; names: background colours to choose from."""
    pattern, colours = background(rng, names)
    what = rng.choices(["single", "several", "two", "three"], [4, 4, 8, 4])[0]
    if what == "single":
        group, layout = single(rng, rng.choice(palette))
        groups = [group]
    elif what == "several":
        group, layout = several(rng, rng.choice(palette), rng.randint(2, 6))
        groups = [group]
    elif what == "two":
        groups, layout = two(rng, *rng.sample(palette, 2))
    else:
        groups, layout = three(rng.sample(palette, 3))
    for g in groups:    # nothing is exactly in its place
        g.boxes = [(x + rng.uniform(-.02, .02), y + rng.uniform(-.02, .02), s * rng.uniform(.92, 1.06)) for x, y, s in g.boxes]
    return Scene(pattern, colours, groups, layout)


def invisible(kinds, scene):
    """A shape in the colour of the background cannot be seen."""
    return any(kinds[g.kind].name.split(" ")[0] in scene.colours for g in scene.groups)


def choice_of(kinds, rng, split):
    if split != "train":
        return range(len(kinds)), list(COLOURS)
    return rng.sample(range(len(kinds)), 20), rng.sample(list(COLOURS), 5)


def scene(kinds, seed, split, index):
    """-> (scene, captions' random stream). The first composition that belongs to the split."""
    choice = choice_of(kinds, random.Random(f"{split}/{seed}/block/{index // BLOCK}"), split)
    rng = random.Random(f"{split}/{seed}/{index}")
    while True:
        s = compose(rng, *choice)
        if held_out(kinds, s) == (split != "train") and not invisible(kinds, s):
            return s, rng


# Captions

def article(name):
    return ("an " if name[0] in "aeiou" else "a ") + name


def noun(rng, kind, n, plain):
    """"three dog faces"; now and then another of CLDR's words for the thing."""
    if not plain and kind.words and rng.random() < .12:
        word = rng.choice(kind.words)
        return article(word) if n == 1 else f"{NUMBERS[n]} {word}"
    return article(kind.name) if n == 1 else f"{NUMBERS[n]} {kind.plural}"


def ground(rng, s):
    a, b = s.colours[0], s.colours[-1]
    if s.pattern == "plain":
        return rng.choice([f"on a {a} background", f"on {a}", f"on plain {a}", f"on a {a} background"])
    if s.pattern == "striped":
        return rng.choice([f"on {a} and {b} stripes", f"on a background of {a} and {b} stripes", f"on {b} and {a} stripes"])
    if s.pattern == "dotted":
        return rng.choice([f"on {a} with {b} dots", f"on a {a} background with {b} dots"])
    if s.pattern == "checked":
        return rng.choice([f"on {a} and {b} checks", f"on {b} and {a} checks"])
    return rng.choice([f"on {a} above and {b} below", f"on a background half {a}, half {b}"])


def things(rng, kinds, s, plain):
    g = s.groups
    said = [noun(rng, kinds[x.kind], len(x.boxes), plain) for x in g]
    if s.layout == "single":
        words = said[0]
        if g[0].size:
            words = article(f"{g[0].size} {words.split(' ', 1)[1]}")
        return f"{words} {g[0].place}".strip()
    if s.layout in ("row", "column"):
        return f"{said[0]} in a {s.layout}"
    if s.layout == "spread":
        return said[0]
    if s.layout == "beside":
        return rng.choice([f"{said[0]} to the left of {said[1]}", f"{said[1]} to the right of {said[0]}", f"{said[0]} left of {said[1]}",
                           f"{said[0]} and {said[1]} side by side"])
    if s.layout == "above":
        return rng.choice([f"{said[0]} above {said[1]}", f"{said[1]} below {said[0]}", f"{said[0]} over {said[1]}"])
    return f"{said[0]}, {said[1]} and {said[2]}" + rng.choice(["", " in a row", " side by side"])


def caption(rng, kinds, s, plain=False):
    words = things(rng, kinds, s, plain)
    if rng.random() > .08 or plain:
        words += " " + ground(rng, s)
    return rng.choices(["", "a picture of ", "an image of "], [10, 1, 1])[0] + words if not plain else words


# Drawing

@functools.lru_cache(maxsize=4096)
def backdrop(pattern, colours, side):
    a, b = np.array(COLOURS[colours[0]]), np.array(COLOURS[colours[-1]])
    t = (np.arange(side) + .5) / side
    x, y = np.meshgrid(t, t)
    if pattern == "striped":
        second = (x * 6 % 1) >= .5
    elif pattern == "dotted":
        second = ((x * 6 % 1) - .5) ** 2 + ((y * 6 % 1) - .5) ** 2 < .075
    elif pattern == "checked":
        second = ((x * 6).astype(int) + (y * 6).astype(int)) % 2 == 1
    elif pattern == "split":
        second = y >= .5
    else:
        second = np.zeros_like(x, bool)
    return Image.fromarray(np.where(second[..., None], b, a).astype(np.uint8), "RGB")


@functools.lru_cache(maxsize=4000)
def sprite(kind, pixels):
    return kind.draw().resize((pixels, pixels), Image.Resampling.LANCZOS)


def draw(kinds, s, side=SIDE):
    image = backdrop(s.pattern, s.colours, side).copy()
    for g in s.groups:
        for x, y, size in g.boxes:
            picture = sprite(kinds[g.kind], 4 * round(size * side / 4))
            image.paste(picture, (round(x * side) - picture.width // 2, round(y * side) - picture.height // 2), picture)
    return image
