# SPDX-License-Identifier: Apache-2.0
"""Batched greedy or sampled decoding with recurrent states, in fp32.

python generate.py MODEL_DIR "What is 17+58?"
"""
import sys

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from chat import frames


class Engine:
    def __init__(self, model, tokenizer):
        self.m = model.eval()
        self.tok = Tokenizer.from_file(tokenizer) if isinstance(tokenizer, str) else tokenizer
        self.eos = self.tok.token_to_id("<end_of_sentence>")

    def prompt(self, messages):
        return self.tok.encode("".join(t for t, _ in frames(messages, generation_prompt=True)), add_special_tokens=False).ids

    @torch.no_grad()
    def prefill(self, prompts):
        """Left-padded to a multiple of 64; the padding is a document of its own, so it has no effect."""
        m, cfg = self.m, self.m.cfg
        T = -(-max(map(len, prompts)) // 64) * 64
        ids = torch.zeros(len(prompts), T, dtype=torch.long)
        doc = torch.zeros_like(ids)
        for r, p in enumerate(prompts):
            ids[r, T - len(p):] = torch.tensor(p)
            doc[r, T - len(p):] = 1
        self.alive = doc.bool()
        ctx = m.context(doc, *ids.shape, torch.float32)
        ctx["aux"] = None
        x = F.embedding(ids, m.embed_tokens)
        self.cache = []
        for layer in m.layers:
            u, at = layer.input_layernorm(x), layer.self_attn
            if layer.full:
                k = at.k_proj(u).view(*ids.shape, cfg.kv_heads, cfg.head_dim).transpose(1, 2)
                v = at.v_proj(u).view(*ids.shape, cfg.kv_heads, cfg.head_dim).transpose(1, 2)
                self.cache.append([at.rope(k, ctx["rope"]), v])
            else:
                z = F.silu(at.qkv_proj(u)).view(*ids.shape, cfg.heads, 3, cfg.head_dim)
                age = torch.arange(T - 1, -1, -1, dtype=torch.float64)
                w = torch.exp(-at.slope[:, None] * age).float()                     # [H, T]
                k = z[:, :, :, 1] * w.t()[None, :, :, None] * doc[:, :, None, None]
                self.cache.append(torch.einsum("bthd,bthe->bhde", k, z[:, :, :, 2]))
            x = layer(x, ctx)
        self.pos = T
        return F.linear(m.norm(x[:, -1]), m.lm_head.weight)

    @torch.no_grad()
    def step(self, ids):
        """One token per row -> logits."""
        m, cfg = self.m, self.m.cfg
        N = len(ids)
        x = F.embedding(ids, m.embed_tokens)[:, None]
        rope = m.context(None, N, 1, torch.float32, pos=torch.tensor([self.pos]))["rope"]
        self.alive = torch.cat([self.alive, torch.ones(N, 1, dtype=torch.bool)], 1)
        for i, layer in enumerate(m.layers):
            u, at = layer.input_layernorm(x), layer.self_attn
            if layer.full:
                c = self.cache[i]
                q = at.rope(at.q_proj(u).view(N, 1, cfg.heads, cfg.head_dim).transpose(1, 2), rope)
                k = at.rope(at.k_proj(u).view(N, 1, cfg.kv_heads, cfg.head_dim).transpose(1, 2), rope)
                v = at.v_proj(u).view(N, 1, cfg.kv_heads, cfg.head_dim).transpose(1, 2)
                c[0], c[1] = torch.cat([c[0], k], 2), torch.cat([c[1], v], 2)
                q = q.view(N, cfg.kv_heads, -1, cfg.head_dim)
                s = (q @ c[0].mT) * cfg.head_dim ** -0.5
                s = s.masked_fill(~self.alive[:, None, None], float("-inf")).softmax(-1)
                a = at.o_proj((s @ c[1]).reshape(N, 1, -1))
            else:
                z = F.silu(at.qkv_proj(u)).view(N, cfg.heads, 3, cfg.head_dim)
                lam = torch.exp(-at.slope).float()[None, :, None, None]
                self.cache[i] = s = self.cache[i] * lam + z[:, :, 1, :, None] * z[:, :, 2, None, :]
                o = (z[:, :, 0, None] @ s).reshape(N, 1, -1)
                a = at.out_proj(at.norm(o) * torch.sigmoid(at.output_gate(u)))
            y = u * layer.a[0] + a * layer.a[1]
            v = layer.post_attention_layernorm(y)
            x = v * layer.m[0] + layer.block_sparse_moe(v, {}) * layer.m[1]
        self.pos += 1
        return F.linear(m.norm(x[:, 0]), m.lm_head.weight)

    def generate(self, prompts, max_new=400, temperature=0.0):
        """prompts: lists of ids -> texts"""
        out = [[] for _ in prompts]
        rows = list(range(len(prompts)))
        logits = self.prefill(prompts)
        for _ in range(max_new):
            if temperature > 0:
                nxt = torch.multinomial((logits / temperature).softmax(-1), 1)[:, 0]
            else:
                nxt = logits.argmax(-1)
            keep = [j for j, t in enumerate(nxt.tolist()) if t != self.eos]
            for j in keep:
                out[rows[j]].append(int(nxt[j]))
            if not keep:
                break
            if len(keep) < len(rows):      # finished rows leave the batch
                k = torch.tensor(keep)
                rows, nxt, self.alive = [rows[j] for j in keep], nxt[k], self.alive[k]
                self.cache = [[c[0][k], c[1][k]] if isinstance(c, list) else c[k] for c in self.cache]
            logits = self.step(nxt)
        return [self.tok.decode(o, skip_special_tokens=False) for o in out]


if __name__ == "__main__":
    from export import load_folder
    e = Engine(load_folder(sys.argv[1]), sys.argv[1] + "/tokenizer.json")
    msgs = []
    for i, q in enumerate(sys.argv[2:]):
        msgs.append(("user", q))
        text = e.generate([e.prompt(msgs)])[0]
        print(f"> {q}\n{text}\n")
        msgs.append(("assistant", text))
