# SPDX-License-Identifier: Apache-2.0
"""Tables and charts of tests/bench/rl_experiment.py.

    python3 tests/bench/rl_chart.py docs/experiments/cispo.csv docs/experiments

Writes an SVG for each task and number of updates with five seeds a rule (mean as a line, smallest to largest as a band), and
prints the tables of docs/experiments/cispo.md.
"""

import csv
import statistics
import sys
from collections import defaultdict
from pathlib import Path

RULES = {"cispo": ("CISPO", "#1f6feb"), "dapo": ("DAPO", "#c2571a"), "grpo": ("GRPO", "#5f8a1c")}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 520, 300, 52, 90, 30, 44


def read(path):
    """(task, stage, mu, rule, rate, seed) -> rows in order of batches."""
    runs = defaultdict(list)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            runs[row["task"], row["stage"], int(row["mu"]), row["rule"], row["rate"], int(row["seed"])].append(row)
    return runs


def evaluations(rows):
    return [(int(row["updates"]), float(row["mean4"])) for row in rows if row["mean4"]]


def final(rows):
    values = [value for _, value in evaluations(rows)]
    return sum(values[-2:]) / 2


def chart(task, mu, curves):
    """curves: rule -> list of runs, each [(updates, accuracy)]."""
    last = max(x for runs in curves.values() for run in runs for x, _ in run)
    top = max(0.1, max(y for runs in curves.values() for run in runs for _, y in run))
    top = min(1.0, -(-top // 0.1) * 0.1)
    px = lambda x: LEFT + x / last * (WIDTH - LEFT - RIGHT)
    py = lambda y: HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
           f'<text x="{LEFT}" y="18" font-size="13">{task}: mean@4 on held-out items, {mu} updates a batch</text>']
    for i in range(6):
        y = top * i / 5
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{py(y):.1f}" y2="{py(y):.1f}" stroke="#dddddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{py(y) + 4:.1f}" text-anchor="end" fill="#444444">{y:.2f}</text>')
    for i in range(5):
        x = last * i / 4
        out.append(f'<text x="{px(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#444444">{x:.0f}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle" fill="#444444">gradient updates</text>')
    labels, means = [], []
    for rule, runs in curves.items():
        name, colour = RULES[rule]
        steps = [[y for _, y in at] for at in zip(*runs)]
        xs = [x for x, _ in runs[0]]
        low = " ".join(f"{px(x):.1f},{py(min(ys)):.1f}" for x, ys in zip(xs, steps))
        high = " ".join(f"{px(x):.1f},{py(max(ys)):.1f}" for x, ys in reversed(list(zip(xs, steps))))
        out.append(f'<polygon points="{low} {high}" fill="{colour}" fill-opacity="0.15"/>')
        mean = " ".join(f"{px(x):.1f},{py(statistics.mean(ys)):.1f}" for x, ys in zip(xs, steps))
        means.append(f'<polyline points="{mean}" fill="none" stroke="{colour}" stroke-width="2"/>')
        labels.append([py(statistics.mean(steps[-1])), name, colour])
    out += means  # above all bands
    labels.sort()
    for before, label in zip(labels, labels[1:]):
        label[0] = max(label[0], before[0] + 14)
    for y, name, colour in labels:
        out.append(f'<text x="{WIDTH - RIGHT + 6}" y="{y + 4:.1f}" fill="{colour}">{name}</text>')
    return "\n".join(out) + "\n</svg>\n"


def tables(runs):
    for task, mu in sorted({(key[0], key[2]) for key in runs}):
        print(f"\n### {task}, {mu} update{'s' if mu > 1 else ''} a batch\n")
        if mu == 1:
            print("| rule | rate | reward of the last batch | mean@4 at the start | at the end |\n|---|---|---|---|---|")
            for key, rows in runs.items():
                if (key[0], key[2]) == (task, mu):
                    values = evaluations(rows)
                    print(f"| {RULES[key[3]][0]} | {key[4]} | {rows[-1]['reward']} | {values[0][1]:.4f} | {values[-1][1]:.4f} |")
            continue
        rates = sorted({key[4] for key in runs if key[:3] == (task, "sweep", mu)}, key=float)
        print("| rule | " + " | ".join(f"rate {rate}" for rate in rates) + " | best on other seeds: mean (least to most) | ratio p99 | capped or masked | KL | entropy at the end |")
        print("|---|" + "---|" * (len(rates) + 5))
        for rule, (name, _) in RULES.items():
            cells = []
            for rate in rates:
                rows = runs.get((task, "sweep", mu, rule, rate, 1))
                cells.append(f"{final(rows):.3f}" if rows else "")
            seeds = [rows for key, rows in runs.items() if key[:4] == (task, "seeds", mu, rule)]
            if seeds:
                ends = [final(rows) for rows in seeds]
                rate = next(key[4] for key in runs if key[:4] == (task, "seeds", mu, rule))
                share = [float(row["capped"] or row["masked"]) for rows in seeds for row in rows if row["capped"] or row["masked"]]
                p99 = [float(row["ratio_p99"]) for rows in seeds for row in rows if row["ratio_p99"]]
                cells += [f"{rate}: {statistics.mean(ends):.3f} ({min(ends):.3f} to {max(ends):.3f}), {len(ends)} seeds",
                          f"{statistics.mean(p99):.2f}", f"{statistics.mean(share):.4f}"]
                kl = [float(row["kl_old"]) for rows in seeds for row in rows if row["kl_old"]]
                entropy = [float(row["entropy"]) for rows in seeds for row in [row for row in rows if row["entropy"]][-5:]]
                cells += [f"{statistics.mean(kl):.4f}", f"{statistics.mean(entropy):.3f}"]
            else:
                cells += [""] * 5
            print(f"| {name} | " + " | ".join(cells) + " |")


def main():
    runs = read(sys.argv[1])
    for task, mu in sorted({(key[0], key[2]) for key in runs if key[1] == "seeds"}):
        curves = {rule: [evaluations(rows) for key, rows in runs.items() if key[:4] == (task, "seeds", mu, rule)]
                  for rule in RULES}
        curves = {rule: found for rule, found in curves.items() if found}
        (Path(sys.argv[2]) / f"cispo-{task}-mu{mu}.svg").write_text(chart(task, mu, curves))
    tables(runs)


if __name__ == "__main__":
    main()
