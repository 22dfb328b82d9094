# SPDX-License-Identifier: Apache-2.0
"""RUN/log.jsonl -> a small SVG of the loss on answers, one line per row length.

python loss_chart.py RUN/log.jsonl OUT.svg
"""
import json
import math
import sys

W, H, L, R, T, B = 640, 300, 52, 12, 14, 40
COLOURS = {"512": "#d9480f", "1024": "#1c7ed6", "2048": "#2f9e44", "4096": "#862e9c"}


def main(src, dst):
    recs = {}
    for line in open(src):
        r = json.loads(line)
        recs[r["step"]] = r      # a resumed run may log a step twice
    recs = [recs[k] for k in sorted(recs)]
    top = recs[-1]["tokens"]
    values = [v for r in recs for v in r["loss"].values() if v > 0]
    lo, hi = math.log10(min(values)), math.log10(max(values))
    x = lambda t: L + (W - L - R) * t / top
    y = lambda v: T + (H - T - B) * (hi - math.log10(v)) / (hi - lo)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {W} {H}" font-family="sans-serif" font-size="11">',
           f'<rect width="{W}" height="{H}" fill="#ffffff"/>']
    for v in (0.05, 0.1, 0.2, 0.5, 1, 2, 5):
        if lo <= math.log10(v) <= hi:
            out.append(f'<path d="M{L} {y(v):.1f}H{W - R}" stroke="#dddddd"/><text x="{L - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v}</text>')
    step = 10 ** math.floor(math.log10(top)) if top else 1
    step = step if top / step >= 3 else step / 4
    for i in range(int(top / step) + 1):
        out.append(f'<text x="{x(i * step):.1f}" y="{H - B + 16}" text-anchor="middle">{i * step / 1e6:g} M</text>')
    out.append(f'<text x="{(W + L) / 2}" y="{H - 8}" text-anchor="middle">training tokens</text>')
    for k, (name, colour) in enumerate(COLOURS.items()):
        pts = [(x(r["tokens"]), y(r["loss"][name])) for r in recs if r["loss"].get(name, 0) > 0]
        if pts:
            out.append(f'<path d="M{" ".join(f"{a:.1f},{b:.1f}" for a, b in pts)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
                       f'<text x="{W - R - 4}" y="{T + 14 + 15 * k}" text-anchor="end" fill="{colour}">rows of {name} tokens</text>')
    out.append("</svg>\n")
    open(dst, "w").write("\n".join(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
