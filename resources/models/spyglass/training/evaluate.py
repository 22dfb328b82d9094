# SPDX-License-Identifier: Apache-2.0
"""Recall of exported encoders and of their cascades on held-out scenes.

python evaluate.py SPYGLASS_DIR... [--count 10000] [--root /] [--json FILE]
    SPYGLASS_DIR...: model folders in rising cost, for example ../../spyglass-s ../../spyglass-m ../../spyglass-l

The folders are read by transformers, in float32, so that this is also a test of the files. Every caption is a query, all
scenes are the collection.
"""
import argparse
import json
import os
import time

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer
from transformers import CLIPModel

import kinds as K
import scenes as S
from model import MEAN, STD
from render import SEED

CUTS = (1, 5, 10, 50, 100, 200)


def test_scenes(root, count):
    kinds = K.load(root)
    images, captions = [], []
    for i in range(count):
        scene, rng = S.scene(kinds, SEED, "test", i)
        images.append(S.draw(kinds, scene))
        captions.append(S.caption(rng, kinds, scene))
    return images, captions


@torch.no_grad()
def embed(folder, images, captions):
    """-> image and text embeddings (unit length), seconds of this process for one image"""
    model = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    side = model.config.vision_config.image_size
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokenizer.enable_truncation(model.config.text_config.max_position_embeddings)
    tokenizer.enable_padding(pad_id=model.config.text_config.eos_token_id)
    unit = lambda t: torch.nn.functional.normalize(t, dim=-1)
    pictures, spent = [], 0.0
    for first in range(0, len(images), 250):
        small = [np.asarray(im.resize((side, side), Image.Resampling.BICUBIC)) for im in images[first:first + 250]]
        x = torch.from_numpy(np.stack(small)).float() / 255
        x = ((x - torch.tensor(MEAN)) / torch.tensor(STD)).permute(0, 3, 1, 2)
        start = time.process_time()
        pictures.append(unit(model.visual_projection(model.vision_model(x).pooler_output)))
        spent += time.process_time() - start
    texts = []
    for first in range(0, len(captions), 500):
        ids = torch.tensor([e.ids for e in tokenizer.encode_batch(captions[first:first + 500])])
        texts.append(unit(model.text_projection(model.text_model(ids).pooler_output)))
    return torch.cat(pictures), torch.cat(texts), spent / len(images)


def rank_of_own(scores):
    """1-based rank of the query's own image; equal scores count against it."""
    return (scores >= scores.diagonal()[:, None]).sum(1)


def cascade_ranks(all_scores, cuts):
    """Rank of the own image after stages that order the first cuts[j] anew; what is dropped stays behind them in its earlier order."""
    ranks = rank_of_own(all_scores[0])
    order = all_scores[0].topk(cuts[0]).indices
    own = torch.arange(len(order))[:, None]
    for scores, keep in zip(all_scores[1:], cuts):
        order = order[:, :keep]
        order = order.gather(1, scores.gather(1, order).argsort(1, descending=True))
        here = order == own
        ranks = torch.where(here.any(1), here.int().argmax(1) + 1, ranks)
    return ranks


def report(name, ranks):
    row = {f"R@{k}": round(100 * (ranks <= k).float().mean().item(), 2) for k in CUTS}
    print(f"{name:28s} " + "  ".join(f"{k} {v:5.1f}" for k, v in row.items()), flush=True)
    return row


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("folders", nargs="+")
    ap.add_argument("--count", type=int, default=10000)
    ap.add_argument("--root", default="/")
    ap.add_argument("--json")
    a = ap.parse_args()
    torch.set_num_threads(1)
    images, captions = test_scenes(a.root, a.count)
    scores, rows = [], {}
    names = [os.path.basename(os.path.normpath(f)) for f in a.folders]
    for name, folder in zip(names, a.folders):
        pictures, texts, seconds = embed(folder, images, captions)
        scores.append(texts @ pictures.T)
        rows[name] = report(name, rank_of_own(scores[-1])) | {"milliseconds an image": round(1000 * seconds, 3)}
        print(f"{'':28s} {1000 * seconds:.3f} ms of processor time an image", flush=True)
    for keep in (50, 100, 200) if len(scores) > 1 else ():
        rows[f"{names[0]}, {names[-1]} {keep}"] = report(f"first + last, {keep}", cascade_ranks([scores[0], scores[-1]], [keep]))
    for cuts in ((50, 10), (100, 20), (200, 50)) if len(scores) > 2 else ():
        rows[f"all, {cuts}"] = report(f"all, {cuts}", cascade_ranks(scores, cuts))
    if a.json:
        with open(a.json, "w") as f:
            json.dump({"scenes": a.count, "rows": rows}, f, indent=1)


if __name__ == "__main__":
    main()
