# SPDX-License-Identifier: Apache-2.0
"""Writes held-out scenes as image files with their captions: a test set, or the sample library.

python render.py OUT_DIR --count 10000 [--format webp|jpeg|png] [--side 192] [--quality 80] [--first 0] [--root /]

OUT_DIR gets 00000.webp ... and captions.jsonl: {"file", "caption", "captions": [more of the same scene], "kinds", "background"}.
"""
import argparse
import json
import os

import kinds as K
import scenes as S

SEED = 1
OPTIONS = {"webp": {"method": 6}, "jpeg": {"optimize": True}, "png": {"optimize": True}}


def record(kinds, scene, rng, name):
    """The first caption is the query of a test; the plain one names everything."""
    captions = [S.caption(rng, kinds, scene), S.caption(rng, kinds, scene), S.caption(rng, kinds, scene, plain=True)]
    return {"file": name, "caption": captions[0], "captions": captions,
            "kinds": [kinds[g.kind].name for g in scene.groups], "background": [scene.pattern, *scene.colours]}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out")
    ap.add_argument("--count", type=int, default=10000)
    ap.add_argument("--first", type=int, default=0)
    ap.add_argument("--format", choices=list(OPTIONS), default="webp")
    ap.add_argument("--side", type=int, default=S.SIDE)
    ap.add_argument("--quality", type=int, default=80)
    ap.add_argument("--split", choices=["test", "sample"], default="test", help="each has scenes of its own")
    ap.add_argument("--root", default="/")
    a = ap.parse_args()
    kinds = K.load(a.root)
    os.makedirs(a.out, exist_ok=True)
    with open(os.path.join(a.out, "captions.jsonl"), "w", encoding="utf-8") as f:
        for i in range(a.first, a.first + a.count):
            scene, rng = S.scene(kinds, SEED, a.split, i)
            name = f"{i:05d}.{'jpg' if a.format == 'jpeg' else a.format}"
            S.draw(kinds, scene, a.side).save(os.path.join(a.out, name), quality=a.quality, **OPTIONS[a.format])
            f.write(json.dumps(record(kinds, scene, rng, name)) + "\n")


if __name__ == "__main__":
    main()
