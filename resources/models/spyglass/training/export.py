# SPDX-License-Identifier: Apache-2.0
"""A training checkpoint -> a CLIP folder as transformers writes it, weights in bfloat16.

python export.py RUN_DIR/checkpoint.pt TOKENIZER_DIR OUT_DIR
"""
import json
import os
import shutil
import sys

import torch
from safetensors.torch import save_file

from bpe import POSITIONS
from model import MEAN, STD
from shapes import ENCODERS

LAYER = {"norm1": "layer_norm1", "norm2": "layer_norm2", "q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj",
         "out": "self_attn.out_proj", "fc1": "mlp.fc1", "fc2": "mlp.fc2"}
NAMES = {"class_token": "vision_model.embeddings.class_embedding", "image_positions": "vision_model.embeddings.position_embedding.weight",
         "pre_norm": "vision_model.pre_layrnorm", "post_norm": "vision_model.post_layernorm", "image_projection": "visual_projection",
         "words": "text_model.embeddings.token_embedding.weight", "text_positions": "text_model.embeddings.position_embedding.weight",
         "final_norm": "text_model.final_layer_norm", "text_projection": "text_projection", "logit_scale": "logit_scale"}


def published_name(name):
    """None for what only training has."""
    part, _, rest = name.partition(".")
    if part in ("image_layers", "text_layers"):
        number, what, kind = rest.split(".")
        tower = "vision_model" if part == "image_layers" else "text_model"
        return f"{tower}.encoder.layers.{number}.{LAYER[what]}.{kind}"
    return NAMES[part] + (f".{rest}" if rest else "") if part in NAMES else None


def to_published(state, e):
    out = {"vision_model.embeddings.patch_embedding.weight": state["patch.weight"].view(e.width, 3, e.patch, e.patch)}
    for name, value in state.items():
        if published := published_name(name):
            out[published] = value.clamp(max=4.6052) if name == "logit_scale" else value
    return {n: v.bfloat16().contiguous() for n, v in out.items()}


def config(e):
    end = e.vocabulary - 1
    tower = lambda d, layers: {"hidden_size": d, "intermediate_size": 4 * d, "num_hidden_layers": layers,
                               "num_attention_heads": d // e.head, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
                               "attention_dropout": 0.0, "projection_dim": e.embedding}
    return {"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": e.embedding, "logit_scale_init_value": 2.6592,
            "torch_dtype": "bfloat16",
            "text_config": {"model_type": "clip_text_model", **tower(e.text_width, e.text_layers), "vocab_size": e.vocabulary,
                            "max_position_embeddings": POSITIONS, "bos_token_id": end - 1, "eos_token_id": end, "pad_token_id": end},
            "vision_config": {"model_type": "clip_vision_model", **tower(e.width, e.layers), "image_size": e.image,
                              "patch_size": e.patch, "num_channels": 3}}


def preprocessor(e):
    return {"image_processor_type": "CLIPImageProcessor", "do_convert_rgb": True, "do_resize": True, "size": {"shortest_edge": e.image},
            "resample": 3, "do_center_crop": True, "crop_size": {"height": e.image, "width": e.image}, "do_rescale": True,
            "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": MEAN, "image_std": STD}


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f, indent=1)
        f.write("\n")


def main(checkpoint, tokenizer, out):
    c = torch.load(checkpoint, map_location="cpu")
    e = ENCODERS[c["size"]]
    os.makedirs(out, exist_ok=True)
    save_file(to_published(c["model"], e), os.path.join(out, "model.safetensors"), {"format": "pt"})
    write_json(os.path.join(out, "config.json"), config(e))
    write_json(os.path.join(out, "preprocessor_config.json"), preprocessor(e))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(os.path.join(tokenizer, name), os.path.join(out, name))


if __name__ == "__main__":
    main(*sys.argv[1:])
