"""Under which names Keras finds what saved files hold: they bind every version to the files that are out there."""

import keras
import pytest

import keras_model

WRITTEN_BY_0_1_0 = (
    *("Autoencoder", "LinearUpsampling1D", "ReflectionPadding1D", "Trainee"),
    *("Contrastive", "MeanSquaredError", "Objective", "SumSquaredError", "Triplet"),
    *("KaimingNormal", "KaimingUniform", "TorchNormal", "TorchUniform"),
    *("CosineAnnealing", "OneCycle", "StepDecay", "TorchAdam", "TorchAdamW", "TorchSGD"),
)


@pytest.mark.parametrize("name", WRITTEN_BY_0_1_0)
def test_a_class_is_found_under_the_name_that_files_have_it_by(name):
    found = keras.saving.get_registered_object(f"keras_model>{name}")
    assert found is getattr(keras_model, name)
    assert keras.saving.get_registered_name(found) == f"keras_model>{name}"
