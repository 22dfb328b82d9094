# SPDX-License-Identifier: Apache-2.0
"""Plain text for language modelling and as filler: the legal and chemistry documents of the MRAG data.

python prepare_text.py MRAG_DIR OUT.json
"""
import json
import re
import sys


def clean(t):
    t = re.sub(r"[*#_`]+", "", t)
    t = re.sub(r"[ \t]+", " ", t)
    t = re.sub(r" *\n *", "\n", t)
    t = re.sub(r"\n{2,}", "\n", t)
    t = t.replace("\u2019", "'").replace("\u2018", "'").replace("\u201c", '"').replace("\u201d", '"').replace("\u2013", "-").replace("\u2014", "-")
    return t.strip()


def sentences(t):
    return [s.lstrip("- ") for s in re.split(r"(?<=[.!?])\s+|\n+", t) if 25 <= len(s) <= 220 and s.endswith(".") and "[" not in s and not re.search(r"\d", s)]


def main(src, dst):
    out = {"train": {"docs": [], "sentences": []}, "held": {"docs": [], "sentences": []}}
    n = 0
    for part in ("legal", "chem"):
        for v in (1, 2):
            for r in json.load(open(f"{src}/{part}/documents_v{v}.json")):
                n += 1
                o = out["held" if n % 50 == 0 else "train"]
                t = clean(r["text"])
                ss = sentences(t)
                if v == 1 or n % 3 == 0:
                    o["sentences"] += ss[:6]
                if "[" not in t and len(t) > 60:
                    o["docs"].append(t[:1500].rsplit(".", 1)[0] + "." if len(t) > 1500 else t)
    for k, o in out.items():
        print(k, len(o["docs"]), sum(map(len, o["docs"])), len(o["sentences"]), sum(map(len, o["sentences"])))
    json.dump(out, open(dst, "w"))


if __name__ == "__main__":
    main(*sys.argv[1:])
