# SPDX-License-Identifier: Apache-2.0
"""CLIP at its published shapes with random weights: this engine and PyTorch with transformers in turns, in one run on one
machine; the vectors compared, the encoding of images timed.

    python3 -m venv venv && venv/bin/pip install torch transformers safetensors pillow numpy
    venv/bin/python tests/bench/clip_published.py build/release/bin/fulgurite-engine [B/32 | B/16 | L/14] [TURNS]

Both encode the same 32 pictures in float32 on the same number of threads; reading and resizing are not timed. Prints the largest
difference of vectors of length 1, images per second of each turn and the median of the ratios; with 0 turns the difference alone,
over 4 pictures. The weights are made from a seed and thrown away.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/data/clip"))
from make import preprocess, vocabulary  # noqa: E402

IMAGES = 32
SHAPES = {  # vision width, layers, heads, patch; text width, heads; projection
    "B/32": (768, 12, 12, 32, 512, 8, 512),
    "B/16": (768, 12, 12, 16, 512, 8, 512),
    "L/14": (1024, 24, 16, 14, 768, 12, 768),
}
SETTINGS = {"do_resize": True, "size": {"shortest_edge": 224}, "resample": 3, "do_center_crop": True,
            "crop_size": {"height": 224, "width": 224}, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
            "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
TEXTS = ["a photo of a cat", "two red apples on a green table", "the sea at night, seen from above"]


def write_model(folder, shape):
    width, layers, heads, patch, text_width, text_heads, projection = SHAPES[shape]
    torch.manual_seed(1)
    model = CLIPModel(CLIPConfig(
        projection_dim=projection,
        vision_config={"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads,
                       "intermediate_size": 4 * width, "patch_size": patch, "image_size": 224, "projection_dim": projection},
        text_config={"hidden_size": text_width, "num_attention_heads": text_heads, "intermediate_size": 4 * text_width,
                     "projection_dim": projection})).eval()
    model.save_pretrained(folder)
    vocab, merges = vocabulary(60)
    vocab |= {"<|startoftext|>": 49406, "<|endoftext|>": 49407}  # where the published vocabulary has them
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(m) for m in merges) + "\n")
    (folder / "preprocessor_config.json").write_text(json.dumps(SETTINGS))
    return model, CLIPTokenizer(vocab=vocab, merges=merges)


def write_pictures(folder, count):
    rng = np.random.default_rng(2)
    files = []
    for i in range(count):
        small = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        files.append(folder / f"{i}.png")
        small.resize((320, 256), Image.BICUBIC).save(files[-1])
    return files


def engine(program, folder, files, repeats):
    out = subprocess.run([program, "cascade", "encode", "--model", folder, "--image", *files, "--text", folder / "texts.txt",
                          "--out", folder / "vectors.safetensors", "--repeats", str(repeats), "--json", "--threads",
                          str(torch.get_num_threads())], check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def torch_images(model, pixels):
    with torch.inference_mode():
        return torch.nn.functional.normalize(model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output), dim=-1)


def torch_texts(model, tokenizer):
    with torch.inference_mode():
        rows = [model.text_projection(model.text_model(input_ids=torch.tensor([tokenizer(t)["input_ids"]])).pooler_output)
                for t in TEXTS]
        return torch.nn.functional.normalize(torch.cat(rows), dim=-1)


def main():
    program, shape = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else "B/32")
    turns = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model, tokenizer = write_model(folder, shape)
        (folder / "texts.txt").write_text("\n".join(TEXTS) + "\n")
        files = write_pictures(folder, IMAGES if turns else 4)
        pixels = torch.from_numpy(np.stack([preprocess(Image.open(f), SETTINGS) for f in files]))
        report = engine(program, folder, files, 1)
        found = load_file(folder / "vectors.safetensors")
        print(f"{shape}: declared {report['image']['flops'] / len(files) / 1e9:.2f} GFLOP an image; largest difference of a unit "
              f"vector's element: image {(found['image'] - torch_images(model, pixels)).abs().max():.1e}, "
              f"text {(found['text'] - torch_texts(model, tokenizer)).abs().max():.1e}")
        ratios = []
        for turn in range(turns):
            ours = engine(program, folder, files, 3)["image"]
            best = 1e9
            for _ in range(3):
                start = time.perf_counter()
                torch_images(model, pixels)
                best = min(best, time.perf_counter() - start)
            ratios.append(best / ours["seconds"])
            print(f"turn {turn + 1}: engine {IMAGES / ours['seconds']:.1f} images/s ({ours['gflops_per_second']:.0f} GFLOP/s), "
                  f"PyTorch {IMAGES / best:.1f} images/s, ratio {ratios[-1]:.2f}")
        if ratios:
            print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads; median ratio {statistics.median(ratios):.2f}")


main()
