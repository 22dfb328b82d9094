# SPDX-License-Identifier: Apache-2.0
"""Runs files of `fulgurite-engine train`, one after the other -> a small SVG of the loss, and the card's table.

python loss_chart.py RUNS.fulgurite [RUNS.fulgurite ...] OUT.svg
"""
import math
import sqlite3
import sys

W, H, L, R, T, B = 640, 300, 52, 12, 14, 40
COLOURS = ["#d9480f", "#1c7ed6", "#2f9e44", "#862e9c", "#495057"]
SMOOTH = 10     # steps


def points(path, name):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return dict(db.execute("SELECT step, value FROM points JOIN series ON sid = series.id WHERE canonical = ? ORDER BY step", (name,)))


def curve(path, before):
    """-> [(step, tokens since the beginning, loss over the last steps, rate)]"""
    loss, tokens, rate = (points(path, n) for n in ("train.loss", "data.tokens", "train.lr"))
    steps = sorted(loss)
    out = []
    for i, s in enumerate(steps):
        last = [loss[t] for t in steps[max(0, i - SMOOTH + 1):i + 1]]
        out.append((s, before + tokens[s], sum(last) / len(last), rate[s]))
    return out


def svg(curves):
    top = curves[-1][-1][1]
    values = [v for c in curves for _, _, v, _ in c]
    lo, hi = math.log10(min(values)), math.log10(max(values))
    x = lambda t: L + (W - L - R) * t / top
    y = lambda v: T + (H - T - B) * (hi - math.log10(v)) / (hi - lo)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {W} {H}" font-family="sans-serif" font-size="11">',
           f'<rect width="{W}" height="{H}" fill="#ffffff"/>']
    for v in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5):
        if lo <= math.log10(v) <= hi:
            out.append(f'<path d="M{L} {y(v):.1f}H{W - R}" stroke="#dddddd"/><text x="{L - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v}</text>')
    for i in range(int(top / 1e6) + 1):
        out.append(f'<text x="{x(i * 1e6):.1f}" y="{H - B + 16}" text-anchor="middle">{i} M</text>')
    out.append(f'<text x="{(W + L) / 2}" y="{H - 8}" text-anchor="middle">training tokens</text>')
    for k, c in enumerate(curves):
        colour = COLOURS[k % len(COLOURS)]
        out.append(f'<path d="M{" ".join(f"{x(t):.1f},{y(v):.1f}" for _, t, v, _ in c)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
                   f'<text x="{W - R - 4}" y="{T + 14 + 15 * k}" text-anchor="end" fill="{colour}">run {k + 1}</text>')
    return "\n".join(out + ["</svg>\n"])


def main(*paths):
    curves, tokens = [], 0
    for path in paths[:-1]:
        curves.append(curve(path, tokens))
        tokens = curves[-1][-1][1]
    open(paths[-1], "w").write(svg(curves))
    print("| run | step | tokens | rate | loss |\n|---|---|---|---|---|")
    for k, c in enumerate(curves):
        for step, t, loss, rate in c:
            if step in (10, 25) or step % 50 == 0 or step == c[-1][0]:
                print(f"| {k + 1} | {step} | {t / 1e6:.2f} M | {rate:.4f} | {loss:.3f} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
