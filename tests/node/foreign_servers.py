#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The client against two servers that nobody here wrote: llama-cpp-python's and `transformers serve`.

  foreign_servers.py TEST_BINARY [--record FOLDER]

Run it with a Python that has llama-cpp-python[server], gguf, torch and transformers[serving]; a server whose packages
are missing is skipped with the reason, and when both are, the script ends with 77. Each gets a small model with random
weights that is made here. TEST_BINARY (test_foreign_servers) then probes the server and has it answer, through a proxy
that with --record keeps every answer as FOLDER/NAME/METHOD_path.http, for the test that replays them.
"""
import argparse
import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

SKIPPED = 77
WORDS = ["hello", "say", "the", "a", "of", "and", "to", "in", "is", "it", "you", "that", "was", "for", "on", "are"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_gguf(path):
    import gguf
    import numpy

    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    types = [2, 3, 3] + [6] * 256
    for word in WORDS + list("abcdefghijklmnopqrstuvwxyz"):
        tokens += ["\u2581" + word, word]
        types += [1, 1]
    tokens, types = zip(*dict(zip(tokens, types)).items())
    width, heads, inner, layers = 64, 4, 128, 2
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(2048)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(list(tokens))
    writer.add_token_scores([0.0 if kind != 1 else -float(i) for i, kind in enumerate(types)])
    writer.add_token_types(list(types))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    random = numpy.random.default_rng(7)

    def tensor(name, *shape):
        writer.add_tensor(name, random.normal(0, 0.1, shape).astype(numpy.float32))

    tensor("token_embd.weight", len(tokens), width)
    tensor("output.weight", len(tokens), width)
    writer.add_tensor("output_norm.weight", numpy.ones(width, numpy.float32))
    for layer in range(layers):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"blk.{layer}.{name}.weight", width, width)
        tensor(f"blk.{layer}.ffn_gate.weight", inner, width)
        tensor(f"blk.{layer}.ffn_up.weight", inner, width)
        tensor(f"blk.{layer}.ffn_down.weight", width, inner)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", numpy.ones(width, numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_transformers(folder):
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = pre_tokenizers.ByteLevel.alphabet()
    vocabulary = {token: i for i, token in enumerate(["<s>", "</s>"] + sorted(alphabet))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>")
    fast.chat_template = (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=2048, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)


def start_llama_cpp(folder, port):
    import llama_cpp.server  # noqa: F401

    make_gguf(folder / "tiny.gguf")
    return [sys.executable, "-m", "llama_cpp.server", "--model", str(folder / "tiny.gguf"), "--port", str(port),
            "--host", "127.0.0.1", "--chat_format", "chatml", "--logits_all", "true", "--n_ctx", "1024",
            "--model_alias", "tiny"]


def start_transformers(folder, port):
    import fastapi  # noqa: F401

    make_transformers(folder / "tiny")
    return [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder / "tiny"), "--port", str(port),
            "--host", "127.0.0.1", "--device", "cpu"]


SERVERS = {"llama-cpp-python": start_llama_cpp, "transformers-serve": start_transformers}


def wait_until_up(port, process, log):
    for _ in range(1200):
        if process.poll() is not None:
            sys.exit(f"the server ended with status {process.returncode}:\n{log.read_text()[-3000:]}")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/v1/models")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.5)
    sys.exit("the server does not answer")


def file_name(line, body):
    name = line.rsplit(" HTTP/", 1)[0].replace("/", "_").replace(" ", "_")
    name += "-stream" if b'"stream":true' in body else ""
    name += "-scored" if b'"logprobs"' in body else ""
    while "__" in name:
        name = name.replace("__", "_")
    return name + ".http"


def small(name, answer):
    """Of a description of the interface only what the client looks at: the rest is hundreds of kilobytes."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not name.startswith("GET_openapi.json") or not head.startswith(b"HTTP/1.1 200"):
        return answer
    document = json.loads(body)
    kept = json.dumps({"info": document["info"], "paths": {path: {} for path in document.get("paths", {})}}).encode()
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join(lines) + b"\r\ncontent-length: " + str(len(kept)).encode() + b"\r\n\r\n" + kept


def serve_proxy(listener, port, record):
    def handle(client):
        request = b""
        while b"\r\n\r\n" not in request:
            piece = client.recv(65536)
            if not piece:
                return client.close()
            request += piece
        head, _, body = request.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = next((int(v) for k, v in fields.items() if k.lower() == b"content-length"), 0)
        while len(body) < length:
            body += client.recv(65536)
        answer = b""
        with socket.create_connection(("127.0.0.1", port)) as server:
            server.sendall(head + b"\r\n\r\n" + body)
            while piece := server.recv(65536):
                answer += piece
                client.sendall(piece)
        client.close()
        if record:
            name = file_name(head.split(b"\r\n")[0].decode(), body)
            (record / name).write_bytes(small(name, answer))

    while True:
        client, _ = listener.accept()
        threading.Thread(target=handle, args=(client,), daemon=True).start()


def run(name, start, binary, record):
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        port = free_port()
        try:
            command = start(folder, port)
        except ImportError as missing:
            print(f"{name}: skipped, {missing}")
            return None
        log = folder / "log"
        environment = dict(os.environ, HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
        with log.open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
        try:
            wait_until_up(port, process, log)
            if record:
                (record / name).mkdir(parents=True, exist_ok=True)
            listener = socket.create_server(("127.0.0.1", 0))
            threading.Thread(target=serve_proxy, args=(listener, port, record / name if record else None),
                             daemon=True).start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            result = subprocess.run([binary, "--gtest_filter=ForeignServerLive.*"],
                                    env=dict(os.environ, FULGURITE_FOREIGN_URL=url), check=False)
            if result.returncode != 0:
                print(log.read_text()[-3000:])
            return result.returncode
        finally:
            process.terminate()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--record", type=pathlib.Path)
    parser.add_argument("--only", choices=SERVERS)
    arguments = parser.parse_args()
    results = [run(name, start, arguments.binary, arguments.record)
               for name, start in SERVERS.items() if arguments.only in (None, name)]
    if all(result is None for result in results):
        sys.exit(SKIPPED)
    sys.exit(max(result or 0 for result in results))


if __name__ == "__main__":
    main()
