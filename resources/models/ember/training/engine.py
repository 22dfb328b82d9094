# SPDX-License-Identifier: Apache-2.0
"""Greedy decoding by the workbench's own engine: starts `fulgurite-engine serve` and asks it for many answers at once."""
import concurrent.futures
import json
import os
import subprocess
import time
import urllib.error
import urllib.request

from tokenizers import Tokenizer

from chat import frames


class Engine:
    def __init__(self, program, folder, threads=1):
        self.tok = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        self.process = subprocess.Popen(
            [program, "serve", "--model", folder, "--listen", "127.0.0.1:0", "--threads", str(threads), "--exit-with-stdin"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = json.loads(self.process.stdout.readline())
        self.address = f"http://{line['host']}:{line['port']}"
        self.wait()

    def wait(self):
        """The node listens while it is still loading the model."""
        while True:
            try:
                with urllib.request.urlopen(self.address + "/v1/models"):
                    return
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
            time.sleep(.1)

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
