#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starts a node with a data folder and runs schemathesis over the whole of its OpenAPI file, good requests and bad ones.

usage: openapi_live.py ENGINE MODEL_FOLDER OPENAPI_FILE EXAMPLES
Unloading the model is left out: nothing could be asked of the node behind it. Every check of schemathesis but one is on. `positive_data_acceptance` is not: a request may be right by the file and
still be refused, because a schema cannot say that a layer exists or that two fields agree.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request


def start(engine, model, folder):
    token = os.urandom(16).hex()
    path = os.path.join(folder, "token")
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write(token + "\n")
    process = subprocess.Popen(
        [engine, "serve", "--model", model, "--model-id", "ember", "--listen", "127.0.0.1:0", "--token-file", path,
         "--data", os.path.join(folder, "data"), "--memory-mib", "256", "--snapshot-mib", "64", "--capture-mib", "64"],
        stdout=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
    for _ in range(600):
        try:
            urllib.request.urlopen(url + "/health/ready").close()
            return process, url, token
        except urllib.error.HTTPError:
            time.sleep(0.1)
    raise SystemExit("the model did not load")


# The same model with room for few tokens, so that no answer is long whatever a request asks for.
def short(model, folder):
    copy = os.path.join(folder, "model")
    os.mkdir(copy)
    for name in os.listdir(model):
        if name != "config.json":
            os.symlink(os.path.join(os.path.abspath(model), name), os.path.join(copy, name))
    with open(os.path.join(model, "config.json"), encoding="utf-8") as source:
        config = json.load(source)
    config["max_position_embeddings"] = 128
    with open(os.path.join(copy, "config.json"), "w", encoding="utf-8") as target:
        json.dump(config, target)
    return copy


def main():
    engine, model, file, examples = sys.argv[1:5]
    with tempfile.TemporaryDirectory() as folder:
        process, url, token = start(engine, short(model, folder), folder)
        try:
            tool = os.path.join(os.path.dirname(sys.executable), "schemathesis")
            result = subprocess.run(
                [tool, "run", os.path.abspath(file), "--url", url, "--header", f"Authorization: Bearer {token}", "--max-examples",
                 examples, "--phases", "examples,coverage,fuzzing", "--mode", "all", "--generation-deterministic",
                 "--exclude-path", "/fulgurite/v1/model/unload", "--exclude-checks", "positive_data_acceptance", "--suppress-health-check", "all",
                 "--request-timeout", "60"], cwd=folder).returncode
            if process.poll() is not None:
                raise SystemExit(f"the node ended by itself with {process.returncode}")
            process.send_signal(signal.SIGTERM)
            if process.wait(timeout=60) != 0:
                raise SystemExit("SIGTERM did not end the node with status 0")
        finally:
            if process.poll() is None:
                process.kill()
    sys.exit(result)


if __name__ == "__main__":
    main()
