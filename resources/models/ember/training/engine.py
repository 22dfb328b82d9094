# SPDX-License-Identifier: Apache-2.0
"""Greedy decoding by the workbench's own engine: starts `fulgurite-engine serve` and asks it for many answers at once."""
import concurrent.futures
import json
import os
import re
import subprocess
import urllib.request

from tokenizers import Tokenizer

from chat import frames


class Engine:
    def __init__(self, program, folder, threads=1):
        self.tok = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        self.process = subprocess.Popen(
            [program, "serve", "--model", folder, "--listen", "127.0.0.1:0", "--threads", str(threads), "--exit-with-stdin"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            if found := re.search(r"http://[0-9.]+:[0-9]+", line):
                self.address = found[0]
                break
        else:
            raise SystemExit(f"{program} did not say where it listens")

    def prompt(self, messages):
        return self.tok.encode("".join(t for t, _ in frames(messages, generation_prompt=True)), add_special_tokens=False).ids

    def answer(self, prompt, max_new):
        body = json.dumps({"prompt": prompt, "max_tokens": max_new, "temperature": 0}).encode()
        request = urllib.request.Request(self.address + "/v1/completions", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)["choices"][0]["text"]

    def generate(self, prompts, max_new=400):
        """prompts: lists of ids -> texts; the engine computes them together."""
        with concurrent.futures.ThreadPoolExecutor(max(1, min(64, len(prompts)))) as pool:
            return list(pool.map(lambda p: self.answer(p, max_new), prompts))

    def close(self):
        self.process.stdin.close()
        self.process.wait()
