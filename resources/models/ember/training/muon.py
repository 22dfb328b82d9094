# SPDX-License-Identifier: Apache-2.0
"""Optimizer: orthogonalised momentum (Muon) for the weight matrices, Adam for the rest."""
from concurrent.futures import ThreadPoolExecutor

import torch


def orthogonalise(g, steps=5):
    """Newton-Schulz iteration on a batch of matrices [n, r, c] with r <= c, in bfloat16."""
    x = g / (g.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    x = x.bfloat16()
    a, b, c = 3.4445, -4.7750, 2.0315
    for _ in range(steps):
        s = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(s, s, s, beta=b, alpha=c), x, beta=a)
    return x.float()


def matrices(name, p, head_dim):
    """View of a parameter as a stack of matrices [n, r, c] with r <= c, and the inverse map."""
    if name.endswith("qkv_proj.weight"):
        n, h = p.shape
        H = n // (3 * head_dim)
        f = lambda t: t.view(H, 3, head_dim, h).transpose(0, 1).reshape(3, H * head_dim, h)
        inv = lambda t: t.view(3, H, head_dim, h).transpose(0, 1).reshape(n, h)
    elif name.endswith("w13"):
        E, f2, h = p.shape
        f = lambda t: t.view(E * 2, f2 // 2, h)
        inv = lambda t: t.reshape(E, f2, h)
    elif p.ndim == 3:
        f, inv = (lambda t: t), (lambda t: t)
    else:
        f, inv = (lambda t: t[None]), (lambda t: t[0])
    r, c = f(p).shape[-2:]
    if r > c:
        return (lambda t: f(t).mT.contiguous()), (lambda t: inv(t.mT.contiguous())), (r / c) ** 0.5
    return f, inv, 1.0


class Optimizer:
    """Works on parameters whose .grad is set; keeps its state in plain tensors for checkpoints."""

    def __init__(self, named, head_dim, lr_muon=0.02, lr_adam=0.003, lr_embed=0.02, wd=0.02, momentum=0.95):
        self.lr = {"muon": lr_muon, "adam": lr_adam, "embed": lr_embed}
        self.wd, self.momentum, self.t = wd, momentum, 0
        self.pool = ThreadPoolExecutor(2)    # two plain threads: no spinning when the cores are shared
        self.muon, self.adam = [], []
        for name, p in named:
            if p.ndim >= 2 and not any(s in name for s in ("embed", "lm_head", "gate")) or "output_gate" in name:
                self.muon.append((name, p, matrices(name, p.data, head_dim)))
            else:
                self.adam.append((name, p, "embed" if "embed" in name else "adam"))
        self.state = {n: [torch.zeros_like(p)] for n, p, _ in self.muon}
        self.state.update({n: [torch.zeros_like(p), torch.zeros_like(p)] for n, p, _ in self.adam})

    @torch.no_grad()
    def step(self, scale, momentum=None):
        self.t += 1
        mom = self.momentum if momentum is None else momentum
        jobs = [self.pool.submit(self.muon_step, self.muon[i::2], scale, mom) for i in range(2)]
        for j in jobs:
            j.result()
        b1, b2 = 0.9, 0.97
        for name, p, kind in self.adam:
            m, v = self.state[name]
            m.lerp_(p.grad, 1 - b1)
            v.lerp_(p.grad.square(), 1 - b2)
            d = (v / (1 - b2 ** self.t)).sqrt_().add_(1e-9)
            p.addcdiv_(m / (1 - b1 ** self.t), d, value=-self.lr[kind] * scale)

    @torch.no_grad()
    def muon_step(self, params, scale, mom):
        for name, p, (f, inv, k) in params:
            m = self.state[name][0]
            m.lerp_(p.grad, 1 - mom)
            o = orthogonalise(f(p.grad.lerp(m, mom)))
            lr = self.lr["muon"] * scale
            p.mul_(1 - lr * self.wd)
            p.add_(inv(o).view_as(p), alpha=-lr * k)

    def state_dict(self):
        return {"t": self.t, "state": self.state}

    def load_state_dict(self, s):
        self.t = s["t"]
        for n, ts in s["state"].items():
            for a, b in zip(self.state[n], ts):
                a.copy_(b)
