"""What stands between the layers of pairs that remedies mend: attention, means, blocks, sizes; in either framework."""

import keras
import numpy as np
from keras import layers, ops
from torch.nn import functional

from porting import Probe


@keras.saving.register_keras_serializable("remedies")
class Resized(layers.Layer):
    """Resizes 8 x 8 points to 12 x 12."""

    def __init__(self, aligned: bool, **options) -> None:
        super().__init__(**options)
        self.aligned = aligned

    def call(self, x):
        return resized(x, self.aligned)

    def get_config(self):
        return {**super().get_config(), "aligned": self.aligned}


def attention(x, *, causal=False, scale=None):
    heads = x.view(len(x), 6, 2, 4).transpose(1, 2)
    seen = functional.scaled_dot_product_attention(heads, heads, heads, is_causal=causal, scale=scale)
    return seen.transpose(1, 2).reshape(x.shape)


def attended(x, *, lower=None, factor=0.5):
    heads = ops.transpose(ops.reshape(x, (-1, 6, 2, 4)), (0, 2, 1, 3))
    scores = ops.matmul(heads, ops.transpose(heads, (0, 1, 3, 2))) * factor
    if lower is not None:
        scores = ops.where(np.tril(np.ones((6, 6)), lower) > 0, scores, -np.inf)
    seen = ops.transpose(ops.matmul(ops.softmax(scores), heads), (0, 2, 1, 3))
    return ops.reshape(seen, (-1, 6, 8))


def masked_mean(x, mask):
    return (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def mean_of_masked(x, mask):
    mask = ops.expand_dims(mask, -1)
    return ops.sum(x * mask, 1) / ops.sum(mask, 1)


def with_masks(sizes, file, count):
    generator = np.random.default_rng(0)
    masks = (np.arange(6) < generator.integers(2, 6, (count, 1))).astype("float32")
    return Probe((generator.standard_normal((count, 6, 8)).astype("float32"), masks), "masked steps")


def shuffled(x):
    blocks = layers.Permute((1, 4, 2, 5, 3))(layers.Reshape((8, 8, 1, 2, 2))(x))
    return layers.Reshape((16, 16, 1))(blocks)


def resized(x, aligned):
    """Eight points an axis to twelve, linearly: at i 7 / 11, or at (i + 0.5) 8 / 12 - 0.5 with the ends repeated."""
    at = np.arange(12) * 7 / 11 if aligned else np.clip((np.arange(12) + 0.5) * 8 / 12 - 0.5, 0, 7)
    weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(8)))
    return ops.einsum("nrcf,ir,jc->nijf", x, ops.cast(weights, x.dtype), ops.cast(weights, x.dtype))


def with_aligned_corners(x):
    return Resized(True)(x)


def without_aligned_corners(x):
    return Resized(False)(x)
