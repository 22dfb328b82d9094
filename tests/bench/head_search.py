#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exact search over every head's space against faiss's IndexFlatIP, in one run: head_search.py BENCH [ROWS HEADS WIDTH].

BENCH is the built bench_head_search. Makes random unit vectors (100,000 documents, 64 heads of 128 unless told
otherwise), has both search the same queries by turns, checks that they find the same documents and prints the ratio.
Needs numpy and faiss, and twice the vectors' size in memory.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np

QUERIES = 4
DEPTH = 32
ROUNDS = 3


def unit(rng, shape):
    x = rng.standard_normal(shape, dtype=np.float32)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def write_header(file, rows, heads, width):
    header = {}
    begin = 0
    for name, shape in (("heads.0", (heads, rows, width)), ("heads.0.norms", (heads, rows)), ("queries", (QUERIES, heads, width))):
        end = begin + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)


def main():
    bench = sys.argv[1]
    rows, heads, width = (int(a) for a in (sys.argv[2:5] or (100_000, 64, 128)))
    threads = os.cpu_count()
    faiss.omp_set_num_threads(1)  # it splits over queries, not over rows: a thread for each head in flight is faster
    workers = ThreadPoolExecutor(threads)
    size = rows * heads * width * 4
    print(f"{rows} documents, {heads} heads of {width}: {size / 2**30:.2f} GiB mapped by ours, as much again held by faiss")
    rng = np.random.default_rng(1)
    queries = unit(rng, (QUERIES, heads, width))
    indexes = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "vectors.safetensors")
        with open(path, "wb") as file:
            write_header(file, rows, heads, width)
            for _ in range(heads):  # one head at a time: nothing is held twice but by the page cache
                vectors = unit(rng, (rows, width))
                vectors.tofile(file)
                indexes.append(faiss.IndexFlatIP(width))
                indexes[-1].add(vectors)
            np.ones((heads, rows), np.float32).tofile(file)
            queries.tofile(file)
        best = {"ours": float("inf"), "faiss": float("inf"), "read": float("inf")}
        for _ in range(ROUNDS):
            run = subprocess.run([bench, path, str(rows), str(heads), str(width), str(DEPTH), str(threads)],
                                 stdout=subprocess.PIPE, check=True)
            ours = json.loads(run.stdout)
            best["ours"] = min(best["ours"], *ours["seconds"])
            best["read"] = min(best["read"], ours["read_seconds"])
            found = np.array(ours["documents"]).reshape(QUERIES, heads, DEPTH)
            same = 0
            for q in range(QUERIES):
                start = time.perf_counter()
                theirs = list(workers.map(lambda head: indexes[head].search(queries[q, head:head + 1], DEPTH)[1][0], range(heads)))
                best["faiss"] = min(best["faiss"], time.perf_counter() - start)
                same += sum(len(set(a) & set(b)) for a, b in zip(theirs, found[q]))
            print(f"same documents: {same} of {QUERIES * heads * DEPTH}")
    print(f"best of {ROUNDS * QUERIES}: ours {best['ours'] * 1e3:.0f} ms, faiss {faiss.__version__} {best['faiss'] * 1e3:.0f} ms "
          f"(ratio {best['ours'] / best['faiss']:.2f}), reading alone {best['read'] * 1e3:.0f} ms")


main()
