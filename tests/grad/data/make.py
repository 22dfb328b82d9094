# SPDX-License-Identifier: Apache-2.0
"""Writes gradients.safetensors beside this file: the loss and all gradients of small models, by PyTorch's autograd.

    python3 -m venv /tmp/torch && /tmp/torch/bin/pip install torch numpy safetensors
    /tmp/torch/bin/python tests/grad/data/make.py

The forward pass is written here from the published formulas, in float64 and without blocks or caches. Weights follow
the rule of tests/support/golden_models.h, so that they need not be stored; the prompts are those of the test.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

HERE = Path(__file__).parent


def golden_values(name, shape):
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    count = int(np.prod(shape))
    z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    k = (z >> np.uint64(56)).astype(np.int64) - 128
    if "norm" in name:
        values = (128 + k // 4) / 128
    elif name.endswith("block_sparse_moe.gate.weight"):
        values = k / 256
    else:
        values = k / 1024
    return torch.tensor(values.reshape(shape), dtype=torch.float64, requires_grad=True)


def slopes(heads):
    if heads & (heads - 1) == 0:
        return [2.0 ** (-8.0 * (j + 1) / heads) for j in range(heads)]
    lower = 2 ** int(math.log2(heads))
    return slopes(lower) + slopes(2 * lower)[0::2][: heads - lower]


class Model:
    def __init__(self, config):
        self.c = config
        self.w = {}
        h, f = config["hidden_size"], config["intermediate_size"]
        inner = config["num_attention_heads"] * config["head_dim"]
        kv = config["num_key_value_heads"] * config["head_dim"]
        vocab, experts = config["vocab_size"], config["num_local_experts"]
        self.add("model.embed_tokens.weight", vocab, h)
        self.add("lm_head.weight", vocab, h)
        self.add("model.norm.weight", h)
        for i, kind in enumerate(config["attn_type_list"]):
            p = f"model.layers.{i}."
            self.add(p + "input_layernorm.weight", h)
            self.add(p + "post_attention_layernorm.weight", h)
            if kind == 0:
                self.add(p + "self_attn.qkv_proj.weight", 3 * inner, h)
                self.add(p + "self_attn.output_gate.weight", inner, h)
                self.add(p + "self_attn.norm.weight", inner)
                self.add(p + "self_attn.out_proj.weight", h, inner)
            else:
                self.add(p + "self_attn.q_proj.weight", inner, h)
                self.add(p + "self_attn.k_proj.weight", kv, h)
                self.add(p + "self_attn.v_proj.weight", kv, h)
                self.add(p + "self_attn.o_proj.weight", h, inner)
            self.add(p + "block_sparse_moe.gate.weight", experts, h)
            for e in range(experts):
                q = p + f"block_sparse_moe.experts.{e}."
                self.add(q + "w1.weight", f, h)
                self.add(q + "w2.weight", h, f)
                self.add(q + "w3.weight", f, h)

    def add(self, name, *shape):
        self.w[name] = golden_values(name, shape)

    @staticmethod
    def norm(x, weight, eps):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * weight

    def lightning(self, u, p, layer):
        c, n = self.c, u.shape[0]
        heads, dim, layers = c["num_attention_heads"], c["head_dim"], c["num_hidden_layers"]
        qkv = torch.nn.functional.silu(u @ self.w[p + "qkv_proj.weight"].T).view(n, heads, 3, dim)
        q, k, v = qkv.unbind(2)
        # Rates are float32 in the model.
        factor = 1 - layer / (layers - 1) + 1e-5
        rates = torch.tensor(np.float32(np.array(slopes(heads)) * factor), dtype=torch.float64)
        t = torch.arange(n, dtype=torch.float64)
        distance = (t[:, None] - t[None, :]).clamp(min=0)
        decay = torch.exp(-rates[:, None, None] * distance) * torch.tril(torch.ones(n, n, dtype=torch.float64))
        scores = torch.einsum("ihd,jhd->hij", q, k) * decay
        out = torch.einsum("hij,jhd->ihd", scores, v).reshape(n, heads * dim)
        out = self.norm(out, self.w[p + "norm.weight"], float(np.float32(1e-6)))
        return (out * torch.sigmoid(u @ self.w[p + "output_gate.weight"].T)) @ self.w[p + "out_proj.weight"].T

    def rope(self, x):
        rotary = self.c["rotary_dim"]
        frequency = np.float32(1.0 / self.c["rope_theta"] ** (np.arange(0, rotary, 2) / rotary))
        angle = np.float32(np.arange(x.shape[0]))[:, None] * frequency[None, :]
        cos = torch.tensor(np.cos(angle.astype(np.float64)))[:, None, :]
        sin = torch.tensor(np.sin(angle.astype(np.float64)))[:, None, :]
        a, b, rest = x[..., : rotary // 2], x[..., rotary // 2 : rotary], x[..., rotary:]
        return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], -1)

    def softmax(self, u, p):
        c, n = self.c, u.shape[0]
        heads, kv, dim = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        q = self.rope((u @ self.w[p + "q_proj.weight"].T).view(n, heads, dim))
        k = self.rope((u @ self.w[p + "k_proj.weight"].T).view(n, kv, dim)).repeat_interleave(heads // kv, 1)
        v = (u @ self.w[p + "v_proj.weight"].T).view(n, kv, dim).repeat_interleave(heads // kv, 1)
        scores = torch.einsum("ihd,jhd->hij", q, k) / math.sqrt(dim)
        scores = scores.masked_fill(torch.triu(torch.ones(n, n, dtype=torch.bool), 1), -torch.inf)
        out = torch.einsum("hij,jhd->ihd", scores.softmax(-1), v).reshape(n, heads * dim)
        return out @ self.w[p + "o_proj.weight"].T

    def experts(self, v, p):
        weights = (v @ self.w[p + "gate.weight"].T).softmax(-1)
        best, ids = weights.topk(self.c["num_experts_per_tok"], -1)
        best = best / best.sum(-1, keepdim=True)
        rows = []
        for r in range(v.shape[0]):
            total = 0
            for weight, e in zip(best[r], ids[r].tolist()):
                q = p + f"experts.{e}."
                hidden = torch.nn.functional.silu(v[r] @ self.w[q + "w1.weight"].T) * (v[r] @ self.w[q + "w3.weight"].T)
                total = total + weight * (hidden @ self.w[q + "w2.weight"].T)
            rows.append(total)
        return torch.stack(rows)

    def loss(self, tokens):
        c = self.c
        eps = float(np.float32(c["rms_norm_eps"]))
        x = self.w["model.embed_tokens.weight"][tokens]
        scale = lambda kind: [float(np.float32(c[f"layernorm_{kind}_{s}"])) for s in ("alpha", "beta")]
        for i, kind in enumerate(c["attn_type_list"]):
            p = f"model.layers.{i}."
            u = self.norm(x, self.w[p + "input_layernorm.weight"], eps)
            attention = self.lightning(u, p + "self_attn.", i) if kind == 0 else self.softmax(u, p + "self_attn.")
            alpha, beta = scale("linear_attention" if kind == 0 else "full_attention")
            x = alpha * (u if c["postnorm"] else x) + beta * attention
            v = self.norm(x, self.w[p + "post_attention_layernorm.weight"], eps)
            alpha, beta = scale("mlp")
            x = alpha * (v if c["postnorm"] else x) + beta * self.experts(v, p + "block_sparse_moe.")
        logits = self.norm(x, self.w["model.norm.weight"], eps) @ self.w["lm_head.weight"].T
        return torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(tokens[1:]))


def main():
    arrays = {}
    for case in json.loads((HERE / "models.json").read_text()):
        model = Model(case["config"])
        loss = model.loss(case["tokens"])
        loss.backward()
        arrays[case["name"] + "/loss"] = np.array(loss.item(), dtype=np.float32)
        for name, weight in model.w.items():
            arrays[case["name"] + "/" + name] = weight.grad.numpy().astype(np.float32)
        print(case["name"], loss.item())
    save_file(arrays, HERE / "gradients.safetensors")


main()
