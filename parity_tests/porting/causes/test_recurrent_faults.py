"""Mistakes that people make with recurrent layers: each is a FAIL inside the layer, or told with what to hand on."""

import keras
import pytest
from keras import layers
from torch import nn

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, convert
from porting.errors import LayerCountError

SAME = "... -> ..."


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(4, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, steps):
        return self.head(self.rnn(steps)[0])


def test_a_state_that_is_reset_before_its_product_fails_with_the_setting(tmp_path):
    def port():
        steps = keras.Input((6, 4))
        behind = layers.GRU(5, return_sequences=True, reset_after=False, name="rnn")(steps)
        return keras.Model(steps, layers.Dense(3, name="head")(behind))

    pair = ModelPair(name="reset", reference=Gated, port=port, input_shapes=((6, 4),))
    report = convert(saved(Gated(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    ((place, cause),) = [(held, cause) for held in report.divergences for cause in held.causes]
    assert (place.reference, place.where) == ("rnn", "inside")
    assert "reset_after=False in Keras, must be True" in cause.detail


class Answers(nn.Module):
    """A decoder that starts from what the encoder ends in."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = (nn.LSTM(4, 5, batch_first=True) for _ in range(2))
        self.head = nn.Linear(5, 3)

    def forward(self, question, answer):
        _, states = self.encoder(question)
        return self.head(self.decoder(answer, states)[0])


def answers(start):
    question, answer = keras.Input((6, 4)), keras.Input((5, 4))
    _, *states = layers.LSTM(5, return_state=True, name="encoder")(question)
    behind = layers.LSTM(5, return_sequences=True, name="decoder")(answer, initial_state=start(*states))
    return keras.Model([question, answer], layers.Dense(3, name="head")(behind))


def judged(start, tmp_path):
    named = {"inputs": (SAME, SAME), "input_shapes": ((6, 4), (5, 4))}
    pair = ModelPair(name="answers", reference=Answers, port=lambda: answers(start), **named)
    return convert(saved(Answers(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report


@pytest.mark.parametrize(
    ("start", "detail"),
    [(lambda h, c: [h, h], "its c starts from h, as the other does"), (lambda h, c: [c, c], "its h starts from c, as")],
)
def test_one_state_in_both_places_is_named(start, detail, tmp_path):
    (cause,) = [cause for held in judged(start, tmp_path).divergences for cause in held.causes]
    assert cause.name == "started from another state"
    assert detail in cause.detail


def test_a_state_that_is_not_handed_on_is_told_where_keras_leaves_its_layer_out(tmp_path):
    with pytest.raises(LayerCountError, match=r"nothing of encoder: .* initial_state of decoder \(decoder\)"):
        judged(lambda h, c: None, tmp_path)
