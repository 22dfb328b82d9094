# SPDX-License-Identifier: Apache-2.0
"""The dual encoder in PyTorch: CLIP's two towers, and the extra heads that only training uses."""
import torch
import torch.nn as nn
import torch.nn.functional as F

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class Layer(nn.Module):
    def __init__(self, d, head):
        super().__init__()
        self.heads = d // head
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.q, self.k, self.v, self.out = (nn.Linear(d, d) for _ in range(4))
        self.fc1, self.fc2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x, causal, only_first=False):
        """only_first: the last layer of the image tower needs no token but the class token."""
        u = self.norm1(x)
        split = lambda t: t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = split(self.k(u)), split(self.v(u))
        if only_first:
            x, u = x[:, :1], u[:, :1]
        scores = split(self.q(u)) @ k.mT * (k.shape[-1] ** -.5)     # much faster backwards than PyTorch's fused form on a CPU
        if causal:
            scores = scores + torch.full(scores.shape[-2:], float("-inf")).triu(1)
        x = x + self.out((scores.softmax(-1).to(v.dtype) @ v).transpose(1, 2).flatten(2))
        h = self.fc1(self.norm2(x))
        return x + self.fc2(h * torch.sigmoid(1.702 * h))


class DualEncoder(nn.Module):
    def __init__(self, e, kinds):
        super().__init__()
        self.e = e
        d, t = e.width, e.text_width
        self.patch = nn.Linear(3 * e.patch ** 2, d, bias=False)
        self.class_token = nn.Parameter(torch.randn(d) * .02)
        self.image_positions = nn.Parameter(torch.randn(e.tokens, d) * .02)
        self.pre_norm, self.post_norm = nn.LayerNorm(d), nn.LayerNorm(d)
        self.image_layers = nn.ModuleList(Layer(d, e.head) for _ in range(e.layers))
        self.image_projection = nn.Linear(d, e.embedding, bias=False)
        self.words = nn.Parameter(torch.randn(e.vocabulary, t) * .02)
        self.text_positions = nn.Parameter(torch.randn(e.positions, t) * .01)
        self.text_layers = nn.ModuleList(Layer(t, e.head) for _ in range(e.text_layers))
        self.final_norm = nn.LayerNorm(t)
        self.text_projection = nn.Linear(t, e.embedding, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(2.6592))
        # Training only: what each patch shows, and what an embedding of either tower says about the scene.
        self.token_norm, self.token_head = nn.LayerNorm(d), nn.Linear(d, kinds + 1)
        self.scene_head = nn.Linear(e.embedding, sum(scene_parts(kinds)))
        for layers, n in ((self.image_layers, e.layers), (self.text_layers, e.text_layers)):
            for layer in layers:
                for w in (layer.out.weight, layer.fc2.weight):
                    w.data.mul_((2 * n) ** -.5)

    def patches(self, pixels):
        """uint8 [n, side, side, 3] -> [n, grid^2, 3 p p], channel, row, column as in the convolution."""
        p, g = self.e.patch, self.e.image // self.e.patch
        x = (pixels.float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
        return x.view(-1, g, p, g, p, 3).permute(0, 1, 3, 5, 2, 4).reshape(-1, g * g, 3 * p * p)

    def image(self, pixels):
        """-> normalised embeddings [n, embedding], the patch tokens before the last layer [n, grid^2, width]"""
        x = self.patch(self.patches(pixels))
        x = torch.cat([self.class_token.expand(len(x), 1, -1).to(x.dtype), x], 1) + self.image_positions
        x = self.pre_norm(x)
        for layer in self.image_layers[:-1]:
            x = layer(x, False)
        seen = x[:, 1:]
        x = self.image_layers[-1](x, False, only_first=True)
        return F.normalize(self.image_projection(self.post_norm(x[:, 0])).float(), dim=-1), seen

    def text(self, ids):
        """ids [n, length], the end token (the largest id) first met is the one read; what follows it has no effect."""
        x = F.embedding(ids, self.words) + self.text_positions[:ids.shape[1]]
        for layer in self.text_layers:
            x = layer(x, True)
        x = x[torch.arange(len(ids)), ids.argmax(-1)]
        return F.normalize(self.text_projection(self.final_norm(x)).float(), dim=-1)


def scene_parts(kinds):
    """Widths of the parts of the scene head: kinds shown, colours of the background, pattern, layout, number of things."""
    return [kinds, 12, 5, 7, 7]


def scene_loss(head, embedding, targets):
    """targets: one [n, width] distribution for each part."""
    out = head(embedding * embedding.shape[-1] ** .5)
    loss, at = 0.0, 0
    for t in targets:
        loss = loss - (t * out[:, at:at + t.shape[1]].log_softmax(-1)).sum(-1).mean()
        at += t.shape[1]
    return loss


def contrastive_loss(model, a, b):
    """Symmetric softmax cross-entropy over the batch."""
    logits = model.logit_scale.clamp(max=4.6052).exp() * a @ b.T
    truth = torch.arange(len(a))
    return (F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth)) / 2
