#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tables in Markdown of what packaging/test-gpu.sh has measured.

    python3 tests/bench/gpu/report.py FOLDER > report.md

FOLDER holds the JSON files of the steps; a file that is not there is named and its table left out. No package is needed.
"""
import json
import os
import sys

# Of the projection to eight GPUs; nobody has measured them here.
ALL_REDUCE_SECONDS = 12e-6  # one sum of a few rows over eight GPUs joined by NVLink
NVLINK_BYTES_PER_SECOND = 400e9  # of each GPU, for sums of many rows
LAYERS, SOFTMAX_LAYERS, GPUS, HIDDEN = 80, 10, 8, 6144


class Results:
    def __init__(self, folder):
        self.folder = folder

    def __getitem__(self, name):
        try:
            with open(os.path.join(self.folder, f"{name}.json"), encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError):
            return None


def table(head, rows):
    print("\n| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def missing(what):
    print(f"\n{what}: not measured.")


def microseconds(seconds):
    return f"{seconds * 1e6:,.1f} us"


def by_name(report):
    return {} if report is None else {row["name"]: row for row in report["rows"]}


def ceilings(kernels, cublas):
    """Bytes and operations a second: the best that this run has seen."""
    rates = [kernels["product_flops_per_second"]]
    rates += [row["flops"] / row["seconds"] for row in by_name(cublas).values()]
    return kernels["copy_bytes_per_second"], max(rates)


def kernel_table(kernels, cublas, fla):
    copy, rate = ceilings(kernels, cublas)
    print(f"\n{kernels['device']}, {kernels['library']}: copies {copy / 1e12:.2f} TB/s read and written, best product "
          f"{rate / 1e12:.0f} TFLOP/s. Ratios are the other's time over ours.")
    rows = []
    cublas_rows, fla_rows = by_name(cublas), by_name(fla)
    for row in kernels["rows"]:
        floor = max(row["bytes"] / copy, row["flops"] / rate)
        other = cublas_rows.get(row["name"]) or fla_rows.get(row["name"])
        who = "cuBLAS" if row["name"] in cublas_rows else "simple GLA"
        rows.append([row["name"], microseconds(row["seconds"]), microseconds(row["bytes"] / copy),
                     microseconds(row["flops"] / rate), f"{floor / row['seconds']:.2f}",
                     f"{who} {microseconds(other['seconds'])}" if other else "",
                     f"{other['seconds'] / row['seconds']:.2f}" if other else ""])
    table(["operation", "time", "floor by bytes", "floor by operations", "share of the floor", "other", "ratio"], rows)
    for name, why in kernels.get("missing", {}).items():
        print(f"\nThe rest of {name} was not measured: {why}.")
    flat(kernels)


def flat(kernels):
    per_token = [row["seconds"] / int(row["name"].split()[2]) for row in kernels["rows"]
                 if row["name"].startswith("lightning prefill")]
    if per_token:
        per_token = per_token[1:] or per_token  # the shortest does not fill the chip
        print(f"\nLightning prefill, time for a token from 4 K tokens on: slowest over fastest "
              f"{max(per_token) / min(per_token):.3f}.")


def contexts_of(row):
    return {entry["context"]: entry for entry in row["report"]["contexts"] or []}


def parts(slices, name, experts, context, key):
    """Seconds of a lightning layer, a softmax layer and all else, from LL, LLLL and LLSS; None if one is missing."""
    found = {}
    for row in slices["rows"]:
        if row["name"] == name and row["experts"] == experts and "report" in row:
            entry = contexts_of(row).get(context)
            found[row["layers"]] = entry and entry[key]
    if any(found.get(layers) is None for layers in ("LL", "LLLL", "LLSS")):
        return None
    lightning = (found["LLLL"] - found["LL"]) / 2
    softmax = (found["LLSS"] - found["LL"]) / 2
    return lightning, softmax, found["LL"] - 2 * lightning


def slice_tables(slices):
    measured = [row for row in slices["rows"] if "report" in row]
    if measured:
        report = measured[0]["report"]
        print(f"\n{report['device']['name']}, copies {report['copy_bytes_per_second'] / 1e12:.2f} TB/s.")
    rows = []
    for row in measured:
        copy, weights = row["report"]["copy_bytes_per_second"], row["report"].get("weight_bytes")
        for context, entry in sorted(contexts_of(row).items()):
            decode, prefill = entry["decode_seconds"], entry["prefill_seconds"]
            rows.append([row["name"], row["layers"], row["experts"], f"{weights / 1e9:.1f} GB" if weights else "",
                         f"{context:,}", f"{decode * 1e3:.3f} ms",
                         f"{entry['decode_bytes'] / decode / copy:.2f}" if weights else "", f"{prefill * 1e3:.1f} ms",
                         f"{entry['prefill_flops'] / prefill / 1e12:.0f} TFLOP/s" if weights else ""])
    table(["slice", "layers", "experts", "weights", "behind", "decode, a token", "of copy bandwidth",
           "prefill of 2,048 tokens", "rate"], rows)
    for row in slices["rows"]:
        if "missing" in row:
            print(f"\n{row['name']} {row['layers']} in {row['experts']} was not measured: {row['missing']}.")


def reduced(rows):
    """Seconds of the sums over the GPUs of a layer: after attention, after the experts, and the inner norm's."""
    return 2 * (ALL_REDUCE_SECONDS + rows * HIDDEN * 4 / NVLINK_BYTES_PER_SECOND) + ALL_REDUCE_SECONDS


def projection(slices):
    rows = []
    for experts in ("int8", "bf16"):
        for context in (1024, 131072, 1048576):
            line = [experts, f"{context:,}"]
            for key, count in (("decode_seconds", 1), ("prefill_seconds", 2048)):
                whole = parts(slices, "whole", experts, context, key)
                share = parts(slices, "share", experts, context, key)
                cell = []
                for found, gpus in ((whole, 1), (share, GPUS)):
                    if found is None:
                        cell.append("")
                        continue
                    seconds = (LAYERS - SOFTMAX_LAYERS) * found[0] + SOFTMAX_LAYERS * found[1] + found[2]
                    seconds += LAYERS * reduced(count) if gpus > 1 else 0
                    cell.append(f"{seconds * 1e3:,.1f} ms, {count / seconds:,.0f} tokens/s")
                line += cell
            rows.append(line)
    table(["experts", "behind", "decode, layers one after another on one GPU", f"decode on {GPUS} GPUs",
           "prefill of 2,048 tokens on one GPU", f"the same on {GPUS} GPUs"], rows)
    print(f"\nAssumed of {GPUS} GPUs: every rank needs the time that was measured of one rank's share, alone on its GPU; "
          f"three sums a layer over all ranks, each {ALL_REDUCE_SECONDS * 1e6:.0f} us and its bytes at "
          f"{NVLINK_BYTES_PER_SECOND / 1e9:.0f} GB/s, none hidden behind work; no rank waits for another longer than that. "
          f"The columns for one GPU are arithmetic too: one has no memory for {LAYERS} layers.")


def fits(slices):
    """The measured slice against the sum of its layers."""
    for row in slices["rows"]:
        if row["name"] != "fit" or "report" not in row:
            continue
        for context, entry in sorted(contexts_of(row).items()):
            found = parts(slices, "whole", row["experts"], context, "decode_seconds")
            if found:
                layers = row["layers"]
                expected = layers.count("L") * found[0] + layers.count("S") * found[1] + found[2]
                print(f"\n{len(layers)} layers in {row['experts']} behind {context:,}: measured "
                      f"{entry['decode_seconds'] * 1e3:.3f} ms a token, the sum of their parts is {expected * 1e3:.3f} ms.")


def end_to_end(engine, transformers):
    rows = []
    for what in ("prefill", "decode"):
        ours = engine[what]["tokens_per_second"]
        line = [what, f"{ours:,.0f} tokens/s"]
        if transformers:
            theirs = transformers[what]["tokens_per_second"]
            line += [f"{theirs:,.0f} tokens/s", f"{ours / theirs:.2f}"]
        else:
            line += ["not measured", ""]
        rows.append(line)
    name = f"transformers {transformers['transformers']}, torch {transformers['torch']}" if transformers else "transformers"
    table(["", "fulgurite-engine", name, "ratio"], rows)


def main():
    results = Results(sys.argv[1])
    print("# Measured on a GPU")
    print("\n## Operations at the published widths")
    if results["kernels"]:
        kernel_table(results["kernels"], results["cublas"], results["fla"])
    else:
        missing("operations")
    print("\n## Slices of MiniMax-M1")
    slices = {"rows": [row for name in ("slice-whole", "slice-share", "slice-fit")
                       for row in (results[name] or {"rows": []})["rows"]]}
    if slices["rows"]:
        slice_tables(slices)
        fits(slices)
        print("\n### 80 layers")
        projection(slices)
    else:
        missing("slices")
    print("\n## End to end, 1.1 billion parameters in bfloat16")
    if results["engine"]:
        end_to_end(results["engine"], results["transformers"])
    else:
        missing("end to end")


if __name__ == "__main__":
    main()
