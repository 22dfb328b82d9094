#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the CLIP fixtures beside this file: two small dual encoders with random weights in Hugging Face form, pictures,
and what PyTorch, transformers, tokenizers and Pillow make of them.

    python tests/data/clip/make.py     # needs torch, transformers, tokenizers, safetensors, pillow, numpy

`plain`: quick_gelu, F32, one file, tokenizer.json, eos_token_id 2 as published, text and vision of different widths.
`variant`: gelu, BF16 in two shards, vocab.json and merges.txt, a real eos_token_id, sub-configurations only under
their old names, a stretch to the tower's size instead of a crop. Vectors are computed in double from the stored weights.
"""
import collections
import json
import pathlib

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = ("a photo of a cat . two red apples on a green table , seen from above . the dog's ball isn't here ; they're "
          "late , i'll wait . a small house near the sea at night . three birds over a snowy mountain . 'we've seen it'")
TEXTS = [
    "a photo of a cat", "A  Photo\tof THE Cat!", "", "it's 2024: they'll see 3 dogs", "naïve café — Ünïcödé",
    "Ünïcödé e\u0301 \u1e9b\u0323", "İstanbul ΣΊΣΥΦΟΣ straße", "日本語の写真 と 한국어", "🦋🍎 two emoji", "a'b''s '' \"'m\"",
    "<|startoftext|>twice<|endoftext|> after the end", "x\u00a0y\u3000z\u200bw", "word " * 40, "don'T O'REILLY'S we'Ve",
    "½ ² Ⅷ ٣ 12345", "tab\nnew\r\nline  ", "\u0301mark first", "ﬁ ligature ǅ ᾈ",
]


def byte_alphabet():
    kept = list(range(33, 127)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    table = {b: chr(b) for b in kept}
    for i, b in enumerate(b for b in range(256) if b not in table):
        table[b] = chr(256 + i)
    return table


def vocabulary(merge_count):
    """Byte symbols, the same at a word's end, merges by frequency over CORPUS, the two markers."""
    table = byte_alphabet()
    symbols = sorted((b for b in table if table[b] == chr(b))) + [b for b in range(256) if table[b] != chr(b)]
    tokens = [table[b] for b in symbols] + [table[b] + "</w>" for b in symbols]
    words = collections.Counter(CORPUS.replace("'", " '").split())
    pieces = {w: [table[b] for b in w.encode()][:-1] + [table[w.encode()[-1]] + "</w>"] for w in words}
    merges = []
    for _ in range(merge_count):
        pairs = collections.Counter()
        for w, p in pieces.items():
            for pair in zip(p, p[1:]):
                pairs[pair] += words[w]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for w, p in pieces.items():
            i = 0
            while i + 1 < len(p):
                if (p[i], p[i + 1]) == best:
                    p[i:i + 2] = ["".join(best)]
                i += 1
    tokens += ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    return {t: i for i, t in enumerate(tokens)}, merges


def pictures():
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:37, 0:53]
    smooth = np.stack([128 + 100 * np.sin(x / 7), 128 + 100 * np.cos(y / 5), (x * y) % 256], -1).clip(0, 255)
    smooth = (smooth + rng.integers(-8, 9, smooth.shape)).clip(0, 255).astype(np.uint8)
    noise = rng.integers(0, 256, (29, 23, 4), dtype=np.uint8)
    rgb, rgba = Image.fromarray(smooth), Image.fromarray(noise, "RGBA")
    grey = Image.fromarray(smooth[:, :, 0])

    def save(name, image, **options):
        image.save(HERE / "pictures" / name, **options)

    save("rgb.png", rgb)
    save("rgba.png", rgba)
    save("grey.png", grey)
    save("palette.png", rgb.quantize(16))
    save("bits1.png", grey.convert("1"))
    save("baseline.jpg", rgb, quality=90)
    save("progressive.jpg", rgb, quality=70, progressive=True)
    save("grey.jpg", grey, quality=85)
    save("cmyk.jpg", rgb.convert("CMYK"), quality=90)
    save("lossless.webp", rgb, lossless=True)
    save("lossy.webp", rgba, quality=60)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for ending in ("jpg", "png", "webp"):
            if ending == "jpg" or orientation == 6:
                save(f"turned{orientation}.{ending}", rgb.crop((0, 0, 24, 16)), exif=exif,
                     **({"lossless": True} if ending == "webp" else {"quality": 95} if ending == "jpg" else {}))
    arrays = {}
    for file in sorted((HERE / "pictures").iterdir()):
        pixels = np.asarray(Image.open(file).convert("RGB"))
        arrays[f"decoded.{file.name}"] = torch.from_numpy(pixels.copy())
    source = Image.open(HERE / "pictures" / "rgb.png")
    for name, code in (("bicubic", Image.BICUBIC), ("bilinear", Image.BILINEAR)):
        for width, height in ((53, 20), (20, 37), (7, 5), (90, 71), (1, 1), (52, 36)):
            arrays[f"resized.{name}.{width}x{height}"] = torch.from_numpy(
                np.asarray(source.resize((width, height), code)).copy())
    save_file(arrays, HERE / "pictures.safetensors")


def preprocess(image, settings):
    """Resize, crop, rescale, normalise as the reference's processor on Pillow and NumPy does."""
    size, crop = settings["size"], settings.get("crop_size")
    if "shortest_edge" in size:
        short, edge = min(image.size), size["shortest_edge"]
        long = int(edge * max(image.size) / short)
        target = (edge, long) if image.size[0] == short else (long, edge)
    else:
        target = (size["width"], size["height"])
    image = image.resize(target, settings["resample"])
    pixels = np.asarray(image)
    if settings["do_center_crop"]:
        top, left = (pixels.shape[0] - crop["height"]) // 2, (pixels.shape[1] - crop["width"]) // 2
        pixels = pixels[top:top + crop["height"], left:left + crop["width"]]
    pixels = (pixels * settings["rescale_factor"]).astype(np.float32)
    mean, std = (np.array(settings[k], dtype=np.float32) for k in ("image_mean", "image_std"))
    return ((pixels - mean) / std).transpose(2, 0, 1).copy()


def folder(name, config, settings, vocab, merges, dtype, files):
    out = HERE / name
    out.mkdir(exist_ok=True)
    torch.manual_seed(7)
    model = CLIPModel(CLIPConfig(**config)).eval()
    with torch.no_grad():
        for key, p in model.named_parameters():  # the library's own start leaves biases at zero and norms at one
            if p.dim() == 1:
                p.copy_(torch.randn_like(p) * 0.1 + (1 if "norm" in key or "layrnorm" in key else 0)
                        if "bias" not in key else torch.randn_like(p) * 0.1)
            elif p.dim() > 1:
                p.copy_(torch.randn_like(p) * (0.5 if "embedding" in key else 1.5 / p[0].numel() ** 0.5))
    state = {k: v.detach().to(dtype).contiguous() for k, v in model.state_dict().items()}
    model.load_state_dict({k: v.to(torch.float32) for k, v in state.items()})
    model.double()
    if files == "one":
        save_file(state, out / "model.safetensors")
    else:
        names = sorted(state)
        halves = {f"model-0000{i + 1}-of-00002.safetensors": names[i::2] for i in range(2)}
        for file, keys in halves.items():
            save_file({k: state[k] for k in keys}, out / file)
        (out / "model.safetensors.index.json").write_text(json.dumps(
            {"metadata": {}, "weight_map": {k: f for f, keys in halves.items() for k in keys}}, indent=1) + "\n")
    (out / "config.json").write_text(json.dumps(files_config(config, name), indent=1) + "\n")
    (out / "preprocessor_config.json").write_text(json.dumps(settings, indent=1) + "\n")
    tokenizer = CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=config["text_config"]["max_position_embeddings"])
    if files == "one":
        tokenizer.backend_tokenizer.save(str(out / "tokenizer.json"))
    else:
        (out / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False) + "\n", encoding="utf-8")
        (out / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(m) for m in merges) + "\n", encoding="utf-8")
    ids = [tokenizer(t, truncation=True)["input_ids"] for t in TEXTS]
    images = sorted(f for f in (HERE / "pictures").iterdir() if not f.name.startswith("turned"))
    pixels = np.stack([preprocess(Image.open(f).convert("RGB"), settings) for f in images])
    with torch.no_grad():
        vision = model.vision_model(pixel_values=torch.from_numpy(pixels).double())
        image = model.visual_projection(vision.pooler_output)
        text = torch.cat([model.text_projection(model.text_model(
            input_ids=torch.tensor([i])).pooler_output) for i in ids])
    unit = lambda v: torch.nn.functional.normalize(v, dim=-1).float()
    save_file({"pixels": torch.from_numpy(np.ascontiguousarray(pixels)), "image": unit(image), "text": unit(text),
               "hidden": vision.last_hidden_state[:2].float().contiguous(),
               "ids": torch.tensor([i + [-1] * (77 - len(i)) for i in ids], dtype=torch.int32)},
              HERE / f"{name}.golden.safetensors")


def files_config(config, name):
    if name != "variant":
        return config
    old = {k: v for k, v in config.items() if not k.endswith("_config")}
    return old | {"text_config": None, "text_config_dict": config["text_config"],
                  "vision_config": {"hidden_size": 4, "num_attention_heads": 4}, "vision_config_dict": config["vision_config"]}


def main():
    (HERE / "pictures").mkdir(exist_ok=True)
    pictures()
    (HERE / "texts.json").write_text(json.dumps(TEXTS, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    vocab, merges = vocabulary(60)
    size = len(vocab)
    settings = {"do_resize": True, "size": {"shortest_edge": 32}, "resample": 3, "do_center_crop": True,
                "crop_size": {"height": 32, "width": 32}, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
                "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
    common = {"num_hidden_layers": 2, "num_attention_heads": 2, "layer_norm_eps": 1e-5}
    folder("plain", {"model_type": "clip", "projection_dim": 24, "logit_scale_init_value": 2.6592,
                     "text_config": common | {"hidden_size": 16, "intermediate_size": 40, "vocab_size": size, "hidden_act": "quick_gelu",
                                              "max_position_embeddings": 77, "eos_token_id": 2, "bos_token_id": 0, "pad_token_id": 1},
                     "vision_config": common | {"hidden_size": 32, "intermediate_size": 48, "image_size": 32, "patch_size": 8,
                                                "hidden_act": "quick_gelu"}},
           settings, vocab, merges, torch.float32, "one")
    stretch = settings | {"size": {"height": 30, "width": 30}, "do_center_crop": False, "resample": 2,
                          "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    del stretch["crop_size"]
    folder("variant", {"model_type": "clip", "projection_dim": 20, "logit_scale_init_value": 2.6592,
                       "text_config": common | {"hidden_size": 24, "intermediate_size": 64, "vocab_size": size, "hidden_act": "gelu",
                                                "max_position_embeddings": 20, "eos_token_id": size - 1, "bos_token_id": size - 2,
                                                "pad_token_id": 1},
                       "vision_config": common | {"hidden_size": 40, "intermediate_size": 56, "image_size": 30, "patch_size": 7,
                                                  "hidden_act": "gelu"}},
           stretch, vocab, merges, torch.bfloat16, "shards")


if __name__ == "__main__":
    main()
