# SPDX-License-Identifier: Apache-2.0
"""A small tokenizer of the CLIP kind: lower case, byte-level pairs, end-of-word mark. Trained on captions, names and keywords.

python bpe.py OUT_DIR [--root /] [--size 1792]      writes tokenizer.json and tokenizer_config.json
"""
import argparse
import collections
import json
import os
import re

import kinds as K
import scenes as S

START, END = "<|startoftext|>", "<|endoftext|>"
SPLIT = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
POSITIONS = 40


def byte_symbols():
    """The printable stand-ins of the 256 bytes in CLIP's order: those that stand for themselves first."""
    own = [b for b in range(256) if 0x21 <= b <= 0x7E or 0xA1 <= b <= 0xAC or b >= 0xAE]
    return [chr(b) for b in own] + [chr(256 + i) for i in range(256 - len(own))]


def word_counts(all_kinds, captions=30000):
    counts = collections.Counter()
    for k in all_kinds:
        for text in [k.name, k.plural, *k.words]:
            counts.update(re.findall("[a-z]+|[^a-z ]+", text))
    for i in range(captions):
        scene, rng = S.scene(all_kinds, 0, "train", i)
        counts.update(re.findall("[a-z]+|[^a-z ]+", S.caption(rng, all_kinds, scene)))
    return counts


def learn_merges(counts, n):
    words = {w: tuple(w[:-1]) + (w[-1] + "</w>",) for w in counts}
    merges = []
    while len(merges) < n:
        pairs = collections.Counter()
        for w, parts in words.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += counts[w]
        if not pairs:
            break
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        for w, parts in words.items():
            out, i = [], 0
            while i < len(parts):
                if parts[i:i + 2] == best:
                    out.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    out.append(parts[i])
                    i += 1
            words[w] = tuple(out)
    return merges


def tokenizer_json(merges):
    symbols = byte_symbols()
    tokens = symbols + [s + "</w>" for s in symbols] + ["".join(m) for m in merges] + [START, END]
    vocabulary = {t: i for i, t in enumerate(tokens)}
    assert len(vocabulary) == len(tokens)
    special = [{"id": vocabulary[t], "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                "special": True} for t in (START, END)]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Removed", "invert": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]},
        "post_processor": {"type": "RobertaProcessing", "sep": [END, vocabulary[END]], "cls": [START, vocabulary[START]],
                           "trim_offsets": False, "add_prefix_space": False},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": END, "continuing_subword_prefix": "", "end_of_word_suffix": "</w>",
                  "fuse_unk": False, "byte_fallback": False, "vocab": vocabulary, "merges": [" ".join(m) for m in merges]}}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out")
    ap.add_argument("--root", default="/")
    ap.add_argument("--size", type=int, default=1792)
    a = ap.parse_args()
    merges = learn_merges(word_counts(K.load(a.root)), a.size - 512 - 2)
    os.makedirs(a.out, exist_ok=True)
    with open(os.path.join(a.out, "tokenizer.json"), "w", encoding="utf-8") as f:
        json.dump(tokenizer_json(merges), f, ensure_ascii=False, separators=(",", ":"))
    with open(os.path.join(a.out, "tokenizer_config.json"), "w", encoding="utf-8") as f:
        json.dump({"tokenizer_class": "CLIPTokenizer", "bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END,
                   "do_lower_case": True, "model_max_length": POSITIONS}, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
