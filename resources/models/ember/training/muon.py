# SPDX-License-Identifier: Apache-2.0
"""The direction of orthogonalised momentum (Muon), in PyTorch."""
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
