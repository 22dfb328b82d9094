#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same load for `fulgurite-engine serve` and for llama.cpp's llama-server, one after the other in one run.

usage: serve_beside_llama.py ENGINE BENCH_SERVE MODEL_FOLDER LLAMA_SERVER MODEL.gguf [--streams 64] [--requests 64]
                             [--tokens 32] [--words 40] [--rounds 3] [--threads 2]
MODEL.gguf is MODEL_FOLDER as tests/bench/model_gguf.py writes it. Every round starts a server of each kind anew, so that no
prompt has been read before, in turns; what is printed is measured by bench_serve, which is the same program for both.
"""
import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import time
import urllib.error
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ours(options, port):
    return [options.engine, "serve", "--model", options.model, "--model-id", "ember", "--listen", f"127.0.0.1:{port}",
            "--threads", str(options.threads)]


# A slot for each stream, with room for its prompt and answer; batching of all slots is its default.
def theirs(options, port):
    room = 512 * ((8 * options.words + options.tokens) // 512 + 1)
    return [options.llama_server, "-m", options.gguf, "--alias", "ember", "--host", "127.0.0.1", "--port", str(port),
            "-np", str(options.streams), "-c", str(room * options.streams), "-t", str(options.threads), "-tb",
            str(options.threads), "--no-webui"]


def wait_until_ready(process, port, path):
    for _ in range(1200):
        if process.poll() is not None:
            raise SystemExit(f"the server ended by itself with {process.returncode}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}").close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit("the server did not become ready")


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def figures(text):
    whole = re.search(r"(\d+) of (\d+) requests answered, (\d+) errors, (\d+) prompt and (\d+) new tokens in ([\d.]+) s",
                      text)
    speed = re.search(r"new tokens/s ([\d.]+)\s+first event p50 ([\d.]+) s p99 ([\d.]+) s\s+between events p50 ([\d.]+) ms "
                      r"p99 ([\d.]+) ms", text)
    if not whole or not speed:
        raise SystemExit("bench_serve said: " + text)
    names = ["speed", "first50", "first99", "between50", "between99"]
    return {"answered": int(whole[1]), "errors": int(whole[3]), "prompt": int(whole[4]), "tokens": int(whole[5]),
            "seconds": float(whole[6]), **dict(zip(names, map(float, speed.groups())))}


def measure(options, command, path):
    port = free_port()
    process = subprocess.Popen(command(options, port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(process, port, path)
        before = processor_seconds(process.pid)
        result = subprocess.run(
            [options.bench, "127.0.0.1", str(port), "--streams", str(options.streams), "--requests",
             str(options.requests), "--tokens", str(options.tokens), "--words", str(options.words)],
            stdout=subprocess.PIPE, text=True, check=False)
        found = figures(result.stdout)
        found["processor"] = processor_seconds(process.pid) - before
        return found
    finally:
        process.terminate()
        process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("engine", "bench", "model", "llama_server", "gguf"):
        parser.add_argument(name)
    for name, value in (("streams", 64), ("requests", 64), ("tokens", 32), ("words", 40), ("rounds", 3), ("threads", 2)):
        parser.add_argument("--" + name, type=int, default=value)
    options = parser.parse_args()
    kinds = {"fulgurite-engine": (ours, "/health/ready"), "llama-server": (theirs, "/health")}
    rounds = {name: [] for name in kinds}
    for number in range(options.rounds):
        for name, (command, path) in kinds.items():
            found = measure(options, command, path)
            rounds[name].append(found)
            print(f"round {number + 1}  {name:16}  {json.dumps(found)}", flush=True)
    medians = {name: {key: statistics.median(each[key] for each in all_of) for key in all_of[0]}
               for name, all_of in rounds.items()}
    for name, found in medians.items():
        print(f"{name:16}  {found['speed']:7.1f} new tokens/s   first token p50 {found['first50']:.3f} s p99 "
              f"{found['first99']:.3f} s   between tokens p50 {found['between50']:.1f} ms p99 {found['between99']:.1f} ms   "
              f"processor {found['processor']:.2f} s   errors {sum(each['errors'] for each in rounds[name])}")
    first, second = medians.values()
    print(f"throughput {first['speed'] / second['speed']:.2f} times llama-server's, by processor time "
          f"{second['processor'] / first['processor']:.2f} times")


if __name__ == "__main__":
    main()
