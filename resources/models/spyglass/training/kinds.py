# SPDX-License-Identifier: Apache-2.0
"""The things a scene can show: emoji of the distribution's colour font under their CLDR names, and coloured shapes.

Packages (Debian names): fonts-noto-color-emoji, unicode-cldr-core, unicode-data. `root` is "/" where they are installed, or
a folder they were unpacked into.
"""
import functools
import os
import re
import xml.etree.ElementTree as xml

from PIL import Image, ImageDraw, ImageFont

FONT = "usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
NAMES = "usr/share/unicode/cldr/common/annotations/en.xml"
GROUPS = "usr/share/unicode/emoji/emoji-test.txt"

WANTED = ("Smileys & Emotion", "Animals & Nature", "Food & Drink", "Travel & Places", "Activities", "Objects")
UNWANTED = ("heart", "emotion", "time", "lock")     # nearly the same drawing many times
NEWEST = 14.0                               # of an emoji: every supported release of the font has it

COLOURS = {"red": (214, 48, 49), "orange": (243, 141, 34), "yellow": (250, 214, 60), "green": (56, 158, 74), "blue": (46, 104, 214),
           "purple": (132, 72, 178), "pink": (246, 150, 190), "brown": (128, 84, 54), "black": (28, 28, 30),
           "white": (248, 248, 246), "grey": (146, 148, 152), "turquoise": (62, 190, 186)}
SHAPES = ("circle", "square", "triangle", "diamond", "ring", "cross")

SPRITE = 136    # pixels; the bitmaps of the font are 136 x 128


class Kind:
    """One thing: its name, other words for it, and a way to draw it."""

    def __init__(self, name, words, draw):
        self.name, self.words, self.draw = name, words, draw
        self.plural = plural(name)


IRREGULAR = {"leaf": "leaves", "mouse": "mice", "goose": "geese", "ox": "oxen", "wolf": "wolves", "knife": "knives", "sheep": "sheep",
             "fish": "fish", "shrimp": "shrimp", "squid": "squid", "bison": "bison", "deer": "deer", "tooth": "teeth", "foot": "feet",
             "loaf": "loaves", "scarf": "scarves", "tomato": "tomatoes", "potato": "potatoes", "die": "dice", "scissors": "scissors",
             "shoes": "shoes", "skis": "skis", "snowman": "snowmen", "potatoes": "potatoes", "chopsticks": "chopsticks", "bricks": "bricks", "headphones": "headphones"}
PREPOSITIONS = ("with", "of", "in", "on", "and", "from", "without", "behind", "over", "showing", "at", "to")


def plural(name):
    """Of the noun before the first preposition: "bowl with spoon" -> "bowls with spoon"."""
    words = name.split(" ")
    at = next((i for i, w in enumerate(words) if i and w in PREPOSITIONS), len(words)) - 1
    w = words[at]
    if w in IRREGULAR:
        w = IRREGULAR[w]
    elif re.search("[^aiosu]s$", w):      # "grapes", "crossed swords": a plural already
        pass
    elif re.search("(s|x|ch|sh)$", w):
        w += "es"
    elif re.search("[^aeiou]y$", w):
        w = w[:-1] + "ies"
    else:
        w += "s"
    return " ".join(words[:at] + [w] + words[at + 1:])


def shape_sprite(shape, colour):
    im = Image.new("RGBA", (4 * SPRITE, 4 * SPRITE), (0, 0, 0, 0))
    d, s = ImageDraw.Draw(im), 4 * SPRITE - 1
    if shape == "circle":
        d.ellipse((0, 0, s, s), fill=colour)
    elif shape == "square":
        d.rectangle((s * .06, s * .06, s * .94, s * .94), fill=colour)
    elif shape == "triangle":
        d.polygon([(s / 2, 0), (s, s * .92), (0, s * .92)], fill=colour)
    elif shape == "diamond":
        d.polygon([(s / 2, 0), (s, s / 2), (s / 2, s), (0, s / 2)], fill=colour)
    elif shape == "ring":
        d.ellipse((0, 0, s, s), fill=colour)
        d.ellipse((s * .25, s * .25, s * .75, s * .75), fill=(0, 0, 0, 0))
    else:
        d.rectangle((s * .34, 0, s * .66, s), fill=colour)
        d.rectangle((0, s * .34, s, s * .66), fill=colour)
    return im.resize((SPRITE, SPRITE), Image.Resampling.BOX)


def emoji_sprite(font, text):
    im = Image.new("RGBA", (SPRITE, SPRITE), (0, 0, 0, 0))
    ImageDraw.Draw(im).text((0, 4), text, font=font, embedded_color=True)
    box = im.getbbox()
    if box is None:
        raise SystemExit(f"the font draws nothing for {text!r}")
    im = im.crop(box)
    side = max(im.size)
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.paste(im, ((side - im.width) // 2, (side - im.height) // 2))
    return square


def annotations(root):
    """{emoji: (name, keywords)}"""
    name, words = {}, {}
    for a in xml.parse(os.path.join(root, NAMES)).getroot().iter("annotation"):
        if a.get("type") == "tts":
            name[a.get("cp")] = a.text
        else:
            words[a.get("cp")] = [w.strip() for w in a.text.split("|")]
    return {e: (name[e], words.get(e, [])) for e in name}


def wanted_emoji(root):
    group = part = ""
    for line in open(os.path.join(root, GROUPS), encoding="utf-8"):
        if line.startswith("# group:"):
            group = line.split(":")[1].strip()
        elif line.startswith("# subgroup:"):
            part = line.split(":")[1].strip()
        m = re.match(r"([0-9A-F ]+?)\s*; fully-qualified\s*# \S+ E([0-9.]+) ", line)
        if m and group in WANTED and part not in UNWANTED and float(m[2]) <= NEWEST:
            text = "".join(chr(int(c, 16)) for c in m[1].split())
            if len(text.rstrip("\ufe0f")) == 1:
                yield text


@functools.cache
def load(root="/"):
    """All kinds, in an order that does not depend on the machine: emoji by code point, then shapes."""
    font = ImageFont.truetype(os.path.join(root, FONT), 109)
    known = annotations(root)
    out, seen = [], set()
    for text in sorted(wanted_emoji(root)):
        bare = text.rstrip("\ufe0f")
        name, words = known.get(bare, (None, []))
        if name is None or not re.fullmatch("[a-z][a-z -]*", name := name.lower().replace("’", "").replace("'", "")) or name in seen:
            continue
        seen.add(name)
        words = [w for w in words if re.fullmatch("[a-z]{3,}", w) and w not in name.split()]
        out.append(Kind(name, words, functools.cache(functools.partial(emoji_sprite, font, text))))
    for colour, rgb in COLOURS.items():
        for shape in SHAPES:
            out.append(Kind(f"{colour} {shape}", [], functools.cache(functools.partial(shape_sprite, shape, rgb + (255,)))))
    return out
