"""What attention draws in training: values of its weights, whichever function or layer drops them."""

import keras
import pytest
import torch
from keras import layers

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert


class Attending(torch.nn.Module):
    def __init__(self, rate, kind):
        super().__init__()
        self.rate, self.kind = rate, kind
        self.attention = torch.nn.MultiheadAttention(6, 3, rate, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=self.kind == "shown")[0]


class Written(torch.nn.Module):
    """As transformers writes it, through torch's function or step by step."""

    def __init__(self, rate, kind):
        super().__init__()
        self.rate, self.kind = rate, kind
        self.query, self.key, self.value, self.out = (torch.nn.Linear(6, 6) for _ in range(4))

    def forward(self, x):
        heads = [own(x).unflatten(-1, (3, 2)).transpose(1, 2) for own in (self.query, self.key, self.value)]
        rate = self.rate if self.training else 0.0
        if self.kind == "function":
            mixed = torch.nn.functional.scaled_dot_product_attention(*heads, dropout_p=rate)
        else:
            weights = (heads[0] @ heads[1].transpose(-1, -2) / 2**0.5).softmax(-1)
            mixed = torch.nn.functional.dropout(weights, self.rate, self.training) @ heads[2]
        return self.out(mixed.transpose(1, 2).flatten(2))


def report_of(reference, rate, folder):
    def port():
        x = keras.Input((4, 6))
        return keras.Model(x, layers.MultiHeadAttention(3, 2, dropout=rate, name="attention")(x, x))

    pair = ModelPair(name="attending", reference=reference, port=port, input_shapes=((4, 6),))
    return convert(saved(reference(), folder), folder / "port", pair=pair, keep_failed=True).report


FORMS = [(Attending, "shown"), (Attending, "hidden"), (Written, "function"), (Written, "steps")]


@pytest.mark.parametrize(("model", "kind"), FORMS)
def test_the_same_rate_passes(model, kind, tmp_path):
    report = report_of(lambda: model(0.2, kind), 0.2, tmp_path)
    assert report.verdict is Status.PASS, report


@pytest.mark.parametrize(("model", "kind"), FORMS)
def test_another_rate_is_named(model, kind, tmp_path):
    report = report_of(lambda: model(0.2, kind), 0.3, tmp_path)
    assert report.parts["semantics"].status is Status.PASS
    assert report.parts["training"].status is Status.FAIL
    assert all(word in "\n".join(report.parts["training"].lines) for word in ("rate 0.2", "rate 0.3", "attention"))
