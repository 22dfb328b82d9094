# SPDX-License-Identifier: Apache-2.0
"""The mean of two checkpoints of one training, tensor by tensor: part SHARE of the second.

python average.py MODEL_DIR MODEL_DIR SHARE OUT_DIR
"""
import os
import shutil
import sys

from safetensors.torch import load_file, save_file


def main(first, second, share, out):
    a, b = (load_file(os.path.join(d, "model.safetensors")) for d in (first, second))
    assert a.keys() == b.keys()
    shutil.copytree(second, out, ignore=shutil.ignore_patterns("optimizer.safetensors", "state.json", "training", "*.md"))
    mean = {name: ((1 - share) * a[name].float() + share * b[name].float()).to(b[name].dtype) for name in b}
    save_file(mean, os.path.join(out, "model.safetensors"), metadata={"format": "pt"})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4])
