# SPDX-License-Identifier: Apache-2.0
"""The network: a hybrid lightning-attention mixture-of-experts decoder (MiniMax-Text-01 / M1 form).

Written for training on a CPU. Several documents are packed into one row; `doc` ids keep them
apart exactly (a new document starts with a zero lightning state and sees no older keys).
Tensor names follow the published checkpoints, except that experts are stacked in memory:
`experts.w13` [E, 2F, h] and `experts.w2` [E, h, F]; `to_checkpoint` splits them.
"""
import math
from dataclasses import dataclass, field

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Config:
    vocab_size: int = 2048
    hidden_size: int = 192
    attn_type_list: list = field(default_factory=lambda: [0] * 7 + [1])
    heads: int = 6
    kv_heads: int = 2
    head_dim: int = 32
    rotary_dim: int = 16
    rope_theta: float = 1e7
    intermediate_size: int = 128
    experts: int = 8
    top_k: int = 2
    eps: float = 1e-5
    full_alpha: float = 2.0
    full_beta: float = 1.0
    linear_alpha: float = 2.0
    linear_beta: float = 1.0
    mlp_alpha: float = 2.0
    mlp_beta: float = 1.0

    @property
    def layers(self):
        return len(self.attn_type_list)


def base_slopes(n: int) -> list:
    """ALiBi-style slopes; for n not a power of two the published interpolation."""
    c = 2 ** int(math.floor(math.log2(n)))
    s = [2.0 ** (-8.0 * (j + 1) / c) for j in range(c)]
    if c != n:
        s += [2.0 ** (-8.0 * (j + 1) / (2 * c)) for j in range(2 * c)][0::2][: n - c]
    return s


def layer_slopes(cfg: Config, layer: int) -> torch.Tensor:
    f = 1 - layer / max(cfg.layers - 1, 1) + 1e-5
    return torch.tensor(base_slopes(cfg.heads), dtype=torch.float64) * f


class _RMS(torch.autograd.Function):
    """y = w * x / sqrt(mean(x^2) + eps): statistics in fp32, few passes over memory."""

    @staticmethod
    def forward(ctx, x, w, eps):
        n = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        r = torch.rsqrt(n * n / x.shape[-1] + eps).to(x.dtype)
        xh = x * r
        ctx.save_for_backward(xh, r, w)
        return xh * w.to(x.dtype)

    @staticmethod
    def backward(ctx, gy):
        xh, r, w = ctx.saved_tensors
        gh = gy * w.to(gy.dtype)
        gw = (gy * xh).flatten(0, -2).sum(0, dtype=torch.float32).to(w.dtype)
        m = (gh * xh).mean(-1, keepdim=True)
        return (gh - xh * m) * r, gw, None


def rms(x, w, eps):
    return _RMS.apply(x, w, eps)


class _FusedRMS(nn.Module):
    def __init__(self, n, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))
        self.eps = eps

    def forward(self, x):
        return rms(x, self.weight, self.eps)


class Linear(nn.Module):
    """No bias; fp32 master weight used in the activations' dtype."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in))

    def forward(self, x):
        return F.linear(x, self.weight.to(x.dtype))


class Lightning(nn.Module):
    """Linear attention with fixed decay: S <- lambda S + k (x) v, o = q S; block-wise and exact."""

    def __init__(self, cfg: Config, layer: int, block: int = 64):
        super().__init__()
        self.H, self.D, self.B = cfg.heads, cfg.head_dim, block
        n = self.H * self.D
        self.qkv_proj = Linear(cfg.hidden_size, 3 * n)
        self.output_gate = Linear(cfg.hidden_size, n)
        self.out_proj = Linear(n, cfg.hidden_size)
        self.norm = _FusedRMS(n, 1e-6)
        s = layer_slopes(cfg, layer)[:, None]
        i = torch.arange(block, dtype=torch.float64)
        d = i[:, None] - i[None, :]
        intra = torch.where(d >= 0, torch.exp(-s[:, :, None] * d.clamp(min=0)), torch.zeros(1, dtype=torch.float64))
        self.slope = s[:, 0]
        self.register_buffer("intra", intra.float(), persistent=False)                       # [H,B,B]
        self.register_buffer("qdecay", torch.exp(-s * (i + 1)).float(), persistent=False)    # [H,B]
        self.register_buffer("kdecay", torch.exp(-s * (block - 1 - i)).float(), persistent=False)

    def block_decay(self, nb, device):
        """W[h,b,c] = weight of block c's key-value sum in the state that enters block b."""
        b = torch.arange(nb, dtype=torch.float64, device=device)
        d = (b[:, None] - 1 - b[None, :]) * self.B
        w = torch.where(d >= 0, torch.exp(-self.slope[:, None, None] * d.clamp(min=0)), torch.zeros(1, dtype=torch.float64))
        return w.float()

    def forward(self, u, ctx):
        Bt, T, _ = u.shape
        H, D, B = self.H, self.D, self.B
        nb = T // B
        dt = u.dtype
        z = F.silu(self.qkv_proj(u)).view(Bt, nb, B, H, 3, D).permute(4, 0, 1, 3, 2, 5)   # [3,Bt,nb,H,B,D]
        q, k, v = z[0].contiguous(), z[1].contiguous(), z[2].contiguous()
        a = q @ k.transpose(-1, -2)                                                       # [Bt,nb,H,B,B]
        m = self.intra.to(dt)
        if ctx["intra_doc"] is not None:
            m = m * ctx["intra_doc"]
        o = (a * m) @ v
        if nb > 1:
            kd = self.kdecay.to(dt)[None, None]
            qd = self.qdecay.to(dt)[None, None]
            if ctx["k_doc"] is not None:
                kd = kd * ctx["k_doc"]
                qd = qd * ctx["q_doc"]
            kv = (k * kd[..., None]).transpose(-1, -2) @ v                                # [Bt,nb,H,D,D]
            w = self.block_decay(nb, u.device)[None]
            if ctx["b_doc"] is not None:
                w = w * ctx["b_doc"]
            s = w.to(dt) @ kv.permute(0, 2, 1, 3, 4).reshape(Bt, H, nb, D * D)
            s = s.view(Bt, H, nb, D, D).permute(0, 2, 1, 3, 4)
            o = o + (q * qd[..., None]) @ s
        o = o.transpose(2, 3).reshape(Bt, T, H * D)
        o = self.norm(o) * torch.sigmoid(self.output_gate(u))
        return self.out_proj(o)


class Softmax(nn.Module):
    """Grouped-query attention with RoPE on the first `rotary_dim` dims (half rotation)."""

    def __init__(self, cfg: Config):
        super().__init__()
        self.cfg = cfg
        h, D = cfg.hidden_size, cfg.head_dim
        self.q_proj, self.o_proj = Linear(h, cfg.heads * D), Linear(cfg.heads * D, h)
        self.k_proj, self.v_proj = Linear(h, cfg.kv_heads * D), Linear(h, cfg.kv_heads * D)

    def rope(self, x, cs):
        R = self.cfg.rotary_dim
        c, s = cs
        a, b, rest = x[..., : R // 2], x[..., R // 2: R], x[..., R:]
        return torch.cat([a * c - b * s, b * c + a * s, rest], -1)

    def forward(self, u, ctx):
        c = self.cfg
        Bt, T, _ = u.shape
        q = self.q_proj(u).view(Bt, T, c.heads, c.head_dim).transpose(1, 2)
        k = self.k_proj(u).view(Bt, T, c.kv_heads, c.head_dim).transpose(1, 2)
        v = self.v_proj(u).view(Bt, T, c.kv_heads, c.head_dim).transpose(1, 2)
        q, k = self.rope(q, ctx["rope"]), self.rope(k, ctx["rope"])
        g = c.heads // c.kv_heads
        k, v = k.repeat_interleave(g, 1), v.repeat_interleave(g, 1)
        rows = []    # one causal product per document
        for qr, kr, vr, n in zip(q.split(1), k.split(1), v.split(1), ctx["runs"]):
            rows.append(torch.cat([F.scaled_dot_product_attention(a, b, d, is_causal=True)
                                   for a, b, d in zip(qr.split(n, 2), kr.split(n, 2), vr.split(n, 2))], 2))
        o = torch.cat(rows)
        return self.o_proj(o.transpose(1, 2).reshape(Bt, T, c.heads * c.head_dim))


class MoE(nn.Module):
    """Dropless top-k routing: tokens are sorted by expert, one dense product per expert."""

    def __init__(self, cfg: Config):
        super().__init__()
        self.cfg = cfg
        E, Fi, h = cfg.experts, cfg.intermediate_size, cfg.hidden_size
        self.gate = nn.Parameter(torch.empty(E, h))
        self.w13 = nn.Parameter(torch.empty(E, 2 * Fi, h))
        self.w2 = nn.Parameter(torch.empty(E, h, Fi))

    def forward(self, x, ctx):
        E, K = self.cfg.experts, self.cfg.top_k
        shape = x.shape
        x = x.reshape(-1, shape[-1])
        logits = F.linear(x.float(), self.gate)
        p = torch.softmax(logits, -1)
        top, idx = p.topk(K, -1)
        w = top / top.sum(-1, keepdim=True)
        flat = idx.reshape(-1)
        order = flat.argsort(stable=True)
        counts = torch.bincount(flat, minlength=E)
        tok = order // K
        xs = x.index_select(0, tok).split(counts.tolist())
        w13, w2 = self.w13.to(x.dtype), self.w2.to(x.dtype)
        ys = []
        for e in range(E):
            a, b = F.linear(xs[e], w13[e]).chunk(2, -1)
            ys.append(F.linear(F.silu(a) * b, w2[e]))
        y = torch.cat(ys)
        inv = torch.empty_like(order)
        inv[order] = torch.arange(order.numel())
        y = y.index_select(0, inv).view(-1, K, shape[-1])
        out = (y * w.to(x.dtype)[..., None]).sum(1)
        if ctx.get("aux") is not None:
            f = counts.float() / x.shape[0]
            ctx["aux"].append(E * (f * p.mean(0)).sum())
            ctx["load"].append(counts.detach() / counts.sum())
        if ctx.get("trace") is not None:
            ctx["trace"]["experts"].append((idx[-1].tolist(), w[-1].tolist()))
        return out.view(shape)


class Layer(nn.Module):
    def __init__(self, cfg: Config, i: int):
        super().__init__()
        self.full = cfg.attn_type_list[i] == 1
        self.input_layernorm = _FusedRMS(cfg.hidden_size, cfg.eps)
        self.post_attention_layernorm = _FusedRMS(cfg.hidden_size, cfg.eps)
        self.self_attn = Softmax(cfg) if self.full else Lightning(cfg, i)
        self.block_sparse_moe = MoE(cfg)
        self.a = (cfg.full_alpha, cfg.full_beta) if self.full else (cfg.linear_alpha, cfg.linear_beta)
        self.m = (cfg.mlp_alpha, cfg.mlp_beta)

    def forward(self, x, ctx):
        u = self.input_layernorm(x)
        at = self.self_attn(u, ctx)
        y = torch.add(at if self.a[1] == 1 else at * self.a[1], u, alpha=self.a[0])
        v = self.post_attention_layernorm(y)
        mo = self.block_sparse_moe(v, ctx)
        return torch.add(mo if self.m[1] == 1 else mo * self.m[1], v, alpha=self.m[0])


class Ember(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.cfg = cfg
        self.embed_tokens = nn.Parameter(torch.empty(cfg.vocab_size, cfg.hidden_size))
        self.layers = nn.ModuleList(Layer(cfg, i) for i in range(cfg.layers))
        self.norm = _FusedRMS(cfg.hidden_size, cfg.eps)
        self.lm_head = Linear(cfg.hidden_size, cfg.vocab_size)

    @torch.no_grad()
    def init_weights(self, seed=1):
        """DeepNorm: value, output and expert matrices are scaled by (8 N)^(-1/4) at the start."""
        g = torch.Generator().manual_seed(seed)
        beta = (8 * self.cfg.layers) ** -0.25
        h = self.cfg.hidden_size
        for name, p in self.named_parameters():
            if "norm" in name:
                p.fill_(1.0)
            elif name == "embed_tokens":
                p.normal_(0, 1.0, generator=g)
            elif name == "lm_head.weight":
                p.normal_(0, 0.5 * h ** -0.5, generator=g)
            elif name.endswith("gate"):
                p.normal_(0, h ** -0.5, generator=g)
            else:
                std = p.shape[-1] ** -0.5
                if any(s in name for s in ("v_proj", "o_proj", "out_proj", "w13", "w2")):
                    std *= beta
                p.normal_(0, std, generator=g)

    def context(self, doc, rows, T, dtype, B=64, pos=None):
        """Masks shared by all layers. doc: [Bt, T] increasing document ids, or None."""
        cfg = self.cfg
        R = cfg.rotary_dim
        inv = (cfg.rope_theta ** (-torch.arange(0, R, 2, dtype=torch.float64) / R)).float()
        ang = (torch.arange(T) if pos is None else pos).float()[:, None] * inv
        ctx = {"rope": (ang.cos().to(dtype), ang.sin().to(dtype)), "intra_doc": None, "k_doc": None,
               "q_doc": None, "b_doc": None, "runs": [[T]] * rows, "aux": [], "load": []}
        if doc is not None and bool((doc != doc[:, :1]).any()):
            Bt, nb = doc.shape[0], T // B
            d = doc.view(Bt, nb, B)
            end = d[:, :, -1]
            prev = torch.cat([end.new_full((Bt, 1), -1), end[:, :-1]], 1)
            ctx["intra_doc"] = (d[..., :, None] == d[..., None, :])[:, :, None].to(dtype)
            ctx["k_doc"] = (d == end[..., None])[:, :, None].to(dtype)
            ctx["q_doc"] = (d == prev[..., None])[:, :, None].to(dtype)
            ctx["b_doc"] = (prev[:, :, None] == end[:, None, :])[:, None].float()
            ctx["runs"] = [torch.unique_consecutive(r, return_counts=True)[1].tolist() for r in doc]
        return ctx

    def hidden(self, ids, doc=None, dtype=torch.float32, trace=None):
        """ids [Bt, T], T a multiple of 64 -> normalised final hidden states and the context."""
        ctx = self.context(doc, *ids.shape, dtype)
        ctx["trace"] = trace
        x = F.embedding(ids, self.embed_tokens).to(dtype)
        if trace is not None:
            trace["l2"].append(x[0, trace["last"]].norm().item())
        for layer in self.layers:
            x = layer(x, ctx)
            if trace is not None:
                trace["l2"].append(x[0, trace["last"]].norm().item())
        return self.norm(x), ctx

    def forward(self, ids, doc=None, dtype=torch.float32):
        """Logits in fp32 for any length (padded on the right to a multiple of 64; causal)."""
        T = ids.shape[1]
        pad = -T % 64
        x, _ = self.hidden(F.pad(ids, (0, pad)), None if doc is None else F.pad(doc, (0, pad), value=10 ** 6), dtype)
        return F.linear(x[:, :T].float(), self.lm_head.weight)
