# SPDX-License-Identifier: Apache-2.0
"""Byte-level BPE in the layout of the published tokenizer: ids 0..255 are bytes, merge i -> id 256+i,
special tokens after. Digits are never merged.

python train_tokenizer.py TEXT.json OUT_DIR [VOCAB]
"""
import json
import random
import re
import sys

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from chat import SPECIAL

PATTERN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
           r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
           r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_chars():
    """The byte-to-character map of byte-level BPE."""
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    out, n = {}, 0
    for b in range(256):
        if b in keep:
            out[b] = chr(b)
        else:
            out[b] = chr(256 + n)
            n += 1
    return out


def corpus(text):
    from data import Source
    src = Source(None, {"train": text["train"]})
    for i in range(40000):
        for piece, _ in src.sample(src.rng("tokenizer", i), (60, 300)):
            for part in re.split(r"<[a-z_]+_of_[a-z]+>", piece):
                if part:
                    yield part
    docs = list(text["train"]["docs"])
    random.Random(0).shuffle(docs)
    for d in docs[:5000]:
        yield d


def main(text_path, out_dir, vocab=2048):
    text = json.load(open(text_path))
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "removed", invert=True), pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    merges_wanted = int(vocab) - 256 - len(SPECIAL)
    tr = trainers.BpeTrainer(vocab_size=256 + merges_wanted, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tok.train_from_iterator(corpus(text), tr)
    merges = [m if isinstance(m, str) else " ".join(m) for m in json.loads(tok.to_str())["model"]["merges"]][:merges_wanted]
    table = {c: b for b, c in byte_chars().items()}
    for i, m in enumerate(merges):
        table[m.replace(" ", "")] = 256 + i
    assert len(table) == 256 + len(merges) == int(vocab) - len(SPECIAL), (len(table), len(merges))
    added = [{"id": len(table) + i, "content": s, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
             for i, s in enumerate(SPECIAL)]
    out = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Removed", "invert": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "",
                  "fuse_unk": False, "byte_fallback": False, "vocab": table, "merges": merges}}
    with open(f"{out_dir}/tokenizer.json", "w", encoding="utf-8") as f:
        json.dump(out, f, ensure_ascii=False, indent=1)
    t = Tokenizer.from_file(f"{out_dir}/tokenizer.json")
    for s in ["What is 347 + 586? Think first.", "Locker 137 holds a copper key.", "<think>\nones: 7 + 6 = 13, carry 1, so far 3\n</think>\n933",
              "Hello, world! naïve café 😀"]:
        e = t.encode(s)
        assert t.decode(e.ids) == s
        print(len(e.ids), e.tokens)


if __name__ == "__main__":
    main(*sys.argv[1:])
