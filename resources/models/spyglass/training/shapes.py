# SPDX-License-Identifier: Apache-2.0
"""The three encoders' shapes and what one item costs by them."""
import dataclasses


@dataclasses.dataclass
class Encoder:
    image: int          # side of the input in pixels
    patch: int
    width: int
    layers: int
    text_width: int
    text_layers: int
    embedding: int
    head: int = 32
    vocabulary: int = 1792
    positions: int = 40     # tokens of a caption at most

    @property
    def tokens(self):
        return (self.image // self.patch) ** 2 + 1

    def image_flops(self):
        """Two per multiply-add: patches, the four projections and the two halves of the MLP, attention, the last projection."""
        n, d = self.tokens, self.width
        layer = 2 * n * 12 * d * d + 4 * n * n * d
        return 2 * (n - 1) * 3 * self.patch ** 2 * d + self.layers * layer + 2 * d * self.embedding

    def text_flops(self, n):
        d = self.text_width
        return self.text_layers * (2 * n * 12 * d * d + 4 * n * n * d) + 2 * d * self.embedding


ENCODERS = {
    "s": Encoder(image=48, patch=12, width=64, layers=2, text_width=64, text_layers=2, embedding=128),
    "m": Encoder(image=48, patch=12, width=96, layers=3, text_width=64, text_layers=2, embedding=128),
    "l": Encoder(image=72, patch=12, width=128, layers=4, text_width=128, text_layers=2, embedding=128),
}
