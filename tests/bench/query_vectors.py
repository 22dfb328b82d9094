#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`query --vectors` as a whole process beside faiss's exact search, in one run: query_vectors.py ENGINE [ROWS HEADS WIDTH].

Makes random vectors of any length (100,000 documents, 64 heads of 128 unless told otherwise), has both find each head's 32
nearest documents by turns, checks that they find the same and prints times. The engine's time holds starting,
the statement of memory and time, one pass over the file, the head scores and the votes; faiss's holds neither loading nor scores:
its vectors were normalised and added before. Needs numpy and faiss, and twice the vectors' size in memory.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np

DEPTH = 32
ROUNDS = 3


def write_file(path, rows, heads, width, rng):
    header, begin = {}, 0
    for name, shape in (("docs", (rows, heads, width)), ("query", (heads, width))):
        end = begin + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _ in range(0, rows, 1000):
            rng.standard_normal((min(1000, rows), heads, width), dtype=np.float32).tofile(file)
        query = rng.standard_normal((heads, width), dtype=np.float32)
        query.tofile(file)
    return 8 + len(text), query


def main():
    engine = sys.argv[1]
    rows, heads, width = (int(a) for a in (sys.argv[2:5] or (100_000, 64, 128)))
    rows -= rows % 1000
    rng = np.random.default_rng(1)
    faiss.omp_set_num_threads(1)  # it splits over queries, not over rows: a thread for each head in flight is faster
    workers = ThreadPoolExecutor(os.cpu_count())
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "vectors.safetensors")
        offset, query = write_file(path, rows, heads, width, rng)
        docs = np.memmap(path, np.float32, "r", offset, (rows, heads, width))
        query /= np.linalg.norm(query, axis=-1, keepdims=True)
        indexes = []
        for head in range(heads):
            vectors = np.array(docs[:, head])
            vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
            indexes.append(faiss.IndexFlatIP(width))
            indexes[-1].add(vectors)
        ours, theirs, user = [], [], []
        for _ in range(ROUNDS):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.perf_counter()
            run = subprocess.run([engine, "query", "--vectors", path, "--strategy", "mrag-decay", "--c", str(DEPTH), "-k",
                                  str(rows), "--json"], capture_output=True, check=True)
            ours.append(time.perf_counter() - start)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            user.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            start = time.perf_counter()
            near = list(workers.map(lambda h: indexes[h].search(query[h:h + 1], DEPTH)[1][0], range(heads)))
            theirs.append(time.perf_counter() - start)
        print(run.stderr.decode().strip())
        votes = {}
        for ranked in near:
            for place, document in enumerate(ranked):
                votes[int(document)] = votes.get(int(document), 0) + 2.0**-place
        found = {entry["document"]: entry["vote"] for entry in json.loads(run.stdout)["results"]}
        worst = max(abs(found.get(d, 0) - v) for d, v in votes.items())
        print(f"documents with votes: {len(found)} ours, {len(votes)} theirs; the largest difference of a vote is {worst:.3g}")
        print(f"whole process: {min(ours) * 1e3:.0f} ms at best, {min(user) * 1e3:.0f} ms of processor")
        print(f"faiss {faiss.__version__}, search alone: {min(theirs) * 1e3:.0f} ms at best (ratio {min(ours) / min(theirs):.2f})")


main()
