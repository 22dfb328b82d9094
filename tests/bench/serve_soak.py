#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Serves for a long time under a small load and watches the node's memory.

usage: serve_soak.py ENGINE BENCH_SERVE MODEL_FOLDER MINUTES [STREAMS]
Rounds of bench_serve, each with prompts of its own; after each the resident memory. Ends with 1 when a stream failed or the
memory of the last third lies more than 3 % above that of the third before.
"""
import json
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def main():
    engine, bench, model, minutes = sys.argv[1:5]
    streams = sys.argv[5] if len(sys.argv) > 5 else "8"
    node = subprocess.Popen([engine, "serve", "--model", model, "--model-id", "ember", "--listen", "127.0.0.1:0",
                             "--memory-mib", "256", "--snapshot-mib", "64"], stdout=subprocess.PIPE, text=True)
    port = str(json.loads(node.stdout.readline())["port"])
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready").close()
                break
            except urllib.error.HTTPError:
                time.sleep(0.1)
        began, sizes, requests, failed = time.time(), [], 0, 0
        while time.time() - began < 60 * float(minutes):
            failed += subprocess.run([bench, "127.0.0.1", port, "--streams", streams, "--requests", "32", "--tokens",
                                      "24"], stdout=subprocess.DEVNULL).returncode != 0
            requests += 32
            sizes.append(resident(node.pid))
            print(f"{(time.time() - began) / 60:6.1f} min  {requests} requests  {sizes[-1]:.1f} MiB", flush=True)
            time.sleep(1)
    finally:
        node.terminate()
        node.wait(timeout=60)
    third = max(len(sizes) // 3, 1)
    before, last = statistics.median(sizes[-2 * third:-third] or sizes), statistics.median(sizes[-third:])
    print(f"{requests} requests, {failed} rounds with errors; middle third {before:.1f} MiB, last third {last:.1f} MiB")
    sys.exit(1 if failed or last > 1.03 * before else 0)


if __name__ == "__main__":
    main()
