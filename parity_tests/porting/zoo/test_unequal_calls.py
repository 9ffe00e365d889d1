"""A layer that one side runs once and the other step by step: refused with what each runs, and no crash of Keras."""

import keras
import pytest
import torch
from keras import layers

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, convert
from porting.errors import PairError


def test_a_layer_that_runs_step_by_step_is_told(tmp_path):
    def port():
        x = keras.Input((3, 4))
        return keras.Model(x, layers.TimeDistributed(layers.Dense(2, name="inner"))(x))

    reference = torch.nn.Sequential(torch.nn.Linear(4, 2))
    pair = ModelPair(name="steps", reference=lambda: reference, port=port, input_shapes=((3, 4),))
    with pytest.raises(PairError, match=r"0 ran 1 time, \S*inner 3 times\nCall each once on all steps"):
        convert(saved(reference, tmp_path), tmp_path / "port", pair=pair)
