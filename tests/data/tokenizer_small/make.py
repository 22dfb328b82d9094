#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tokenizer.json beside this file: 256 bytes, 160 merges learnt from a few lines, four added tokens.

Run it again only to change the fixture; the tests' expected ids depend on it.
"""
import collections
import json
import pathlib

TEXT = """the quick brown fox jumps over the lazy dog. The answer is 42, they don't know it; you'll see.
naïve café, über, 你好，世界！ привет, мир. lightning attention keeps one small matrix for each head.
the sentence begins, the sentence ends, and then the next sentence begins again. Hello, world!
"""
MERGES = 160
SPECIAL = ["<pad>", "<beginning_of_sentence>", "<end_of_sentence>", "<begin_of_document>"]
PATTERN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
           r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
           r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def spelling_of_bytes():
    spare = iter(range(256, 512))
    printable = set(range(0x21, 0x7F)) | set(range(0xA1, 0xAD)) | set(range(0xAE, 0x100))
    return [chr(b) if b in printable else chr(next(spare)) for b in range(256)]


def learn(words):
    vocab = {c: i for i, c in enumerate(spelling_of_bytes())}
    merges = []
    for _ in range(MERGES):
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        left, right = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(f"{left} {right}")
        vocab[left + right] = len(vocab)
        merged = collections.Counter()
        for word, count in words.items():
            parts, i = [], 0
            while i < len(word):
                both = word[i:i + 2] == (left, right)
                parts.append(left + right if both else word[i])
                i += 2 if both else 1
            merged[tuple(parts)] += count
        words = merged
    return vocab, merges


def main():
    letters = spelling_of_bytes()
    words = collections.Counter()
    for i, word in enumerate(TEXT.split()):
        spaced = (" " if i else "") + word
        words[tuple(letters[b] for b in spaced.encode())] += 1
    vocab, merges = learn(words)
    added = [{"id": len(vocab) + i, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for i, content in enumerate(SPECIAL)]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Removed", "invert": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
                  "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "vocab": vocab,
                  "merges": merges},
    }
    path = pathlib.Path(__file__).parent / "tokenizer.json"
    path.write_text(json.dumps(tokenizer, ensure_ascii=False, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
