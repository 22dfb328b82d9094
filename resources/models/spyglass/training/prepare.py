# SPDX-License-Identifier: Apache-2.0
"""Draws training scenes once, reduced to the encoders' input sizes, into arrays that all three trainings map into memory.

python prepare.py DATA_DIR [--count 65536] [--root /]       continues where it was stopped
"""
import argparse
import os

import numpy as np
from PIL import Image

import kinds as K
import scenes as S
from shapes import ENCODERS

SEED = 1
PIECE = 1024


def pixels(image, side):
    """What the preprocessor of a square image does before the mean is taken off."""
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))


def open_arrays(folder, count, mode):
    return {side: np.memmap(os.path.join(folder, f"train-{side}.u8"), np.uint8, mode, shape=(count, side, side, 3))
            for side in {e.image for e in ENCODERS.values()}}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("data")
    ap.add_argument("--count", type=int, default=65536)
    ap.add_argument("--root", default="/")
    a = ap.parse_args()
    kinds = K.load(a.root)
    os.makedirs(a.data, exist_ok=True)
    mark = os.path.join(a.data, "drawn")
    done = int(open(mark).read()) if os.path.exists(mark) else 0
    arrays = open_arrays(a.data, a.count, "r+" if done else "w+")
    for first in range(done, a.count, PIECE):
        for i in range(first, min(first + PIECE, a.count)):
            image = S.draw(kinds, S.scene(kinds, SEED, "train", i)[0])
            for side, array in arrays.items():
                array[i] = pixels(image, side)
        with open(mark, "w") as f:
            f.write(str(min(first + PIECE, a.count)))
    print(f"{a.count} scenes in {a.data}")


if __name__ == "__main__":
    main()
