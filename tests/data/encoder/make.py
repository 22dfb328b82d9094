#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small random encoders beside this file and what transformers computes with them in float32.

  bert/      a BertModel checkpoint with its tokenizer.json: mean pooling
  bert_cls/  the same weights and tokenizer as vocab.txt alone, CLS pooling
  golden.safetensors  ids, vectors and head contexts of TEXTS, and blocks of CLIP's text and vision towers with their input and output
  texts.txt  TEXTS, one a line

Needs torch, transformers, tokenizers and safetensors. Run it again only to change the fixtures.
"""
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, CLIPTextConfig, CLIPVisionConfig, PreTrainedTokenizerFast
from transformers.models.clip.modeling_clip import CLIPEncoder

FOLDER = pathlib.Path(__file__).parent
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ("the a of light ##ning heads are search ##ed many un ##know ##n cafe nai ##ve uber 42 2 ##0 ##26 world "
         "hello ##s don t it you know ##ing one two three in ##dex document ##ation").split()
TEXTS = [
    "Hello, world!",
    "The unknowning cafés are searched; naïve ÜBER heads don't know it.",
    "lightning 2026 世界 hello\u00a0world\u200b and\tunseen words: xyzzy",
    "[MASK] the [SEP] heads [mask] of one",
    "",
    "many heads are searched in the index of documentation, one two three. " * 7,
    "ſtraße İstanbul Ǆ ﬁne e\u0301 \ufffd \x07bell",
    "a" * 120 + " b",
]


def vocabulary():
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    punctuation = list(",.;:!?'\"()-[]$+")
    tokens = SPECIAL + letters + ["##" + c for c in letters] + punctuation + ["世", "界"]
    return list(dict.fromkeys(tokens + WORDS))


def tokenizer_of(tokens):
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(tokens)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ids = [("[CLS]", tokens.index("[CLS]")), ("[SEP]", tokens.index("[SEP]"))]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids)
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def bert_golden(model, fast, limit, golden):
    """Each text alone, so that no padding takes part."""
    contexts = {}
    for i, layer in enumerate(model.encoder.layer):
        layer.attention.output.dense.register_forward_pre_hook(
            lambda module, args, i=i: contexts.__setitem__(i, args[0].detach()))
    heads = model.config.num_attention_heads
    for n, text in enumerate(TEXTS):
        batch = fast(text, truncation=True, max_length=limit, return_tensors="pt")
        golden[f"ids.{n}"] = batch["input_ids"][0].to(torch.int32)
        with torch.no_grad():
            hidden = model(**batch).last_hidden_state[0]
        golden[f"mean.{n}"] = torch.nn.functional.normalize(hidden.mean(0), dim=0)
        golden[f"cls.{n}"] = torch.nn.functional.normalize(hidden[0], dim=0)
        for i, context in contexts.items():
            context = context[0].reshape(context.shape[1], heads, -1)
            golden[f"heads.mean.{i}.{n}"] = context.mean(0).clone()
            golden[f"heads.cls.{i}.{n}"] = context[0].clone()


def clip_golden(name, config, golden):
    torch.manual_seed(len(name))
    config._attn_implementation = "eager"
    encoder = CLIPEncoder(config).eval()
    for key, value in encoder.state_dict().items():
        value.copy_(torch.randn_like(value) * (0.05 if value.dim() > 1 else 0.3) + ("norm" in key and "weight" in key))
        golden[f"{name}.{key}"] = value.clone()
    x = torch.randn(1, 7, config.hidden_size)
    mask = None
    if name == "text":
        mask = torch.full((7, 7), float("-inf")).triu(1)[None, None]
    with torch.no_grad():
        golden[f"{name}.in"] = x[0].clone()
        golden[f"{name}.out"] = encoder(inputs_embeds=x, attention_mask=mask).last_hidden_state[0].clone()


def main():
    torch.manual_seed(7)
    tokens = vocabulary()
    config = BertConfig(vocab_size=len(tokens), hidden_size=48, num_hidden_layers=3, num_attention_heads=4,
                        intermediate_size=96, max_position_embeddings=40, initializer_range=0.2)
    config._attn_implementation = "eager"
    model = BertModel(config).eval()
    for key, value in model.state_dict().items():  # biases and norms that a fresh model leaves at 0 and 1
        if value.dim() == 1 and value.is_floating_point():
            value.add_(torch.randn_like(value) * 0.2)
    bert = FOLDER / "bert"
    shutil.rmtree(bert, ignore_errors=True)
    model.save_pretrained(bert)
    (bert / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 40}))
    tokenizer_of(tokens).save(str(bert / "tokenizer.json"))
    fast = PreTrainedTokenizerFast(tokenizer_file=str(bert / "tokenizer.json"), pad_token="[PAD]")
    cls = FOLDER / "bert_cls"
    shutil.rmtree(cls, ignore_errors=True)
    (cls / "1_Pooling").mkdir(parents=True)
    (cls / "vocab.txt").write_text("".join(t + "\n" for t in tokens))
    (cls / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    (cls / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}))
    (cls / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 40}))
    (FOLDER / "texts.txt").write_text("".join(t + "\n" for t in TEXTS))
    golden = {}
    bert_golden(model, fast, 40, golden)
    shape = dict(hidden_size=24, intermediate_size=40, num_attention_heads=3, num_hidden_layers=2)
    clip_golden("text", CLIPTextConfig(**shape, hidden_act="quick_gelu"), golden)
    clip_golden("vision", CLIPVisionConfig(**shape, hidden_act="gelu"), golden)
    save_file({k: v.contiguous() for k, v in golden.items()}, FOLDER / "golden.safetensors")


main()
