import einops
import numpy as np
import pytest

from porting.errors import first_line, reason_and_place

NESTED = """<class 'keras.src.models.functional.Functional'> could not be deserialized properly. Please ensure that ...

config={'module': 'keras.src.models.functional'}.

Exception encountered: Could not locate class 'Twice'. Make sure it is registered. Full object config: {'a': 1}"""

CALLED = """Exception encountered when calling Bad.call().

\x1b[1m{{function_node __wrapped__Reshape}} Input to reshape is a tensor with 4 values [Op:Reshape]\x1b[0m

Arguments received by Bad.call():
  • x=tf.Tensor(shape=(1, 4), dtype=float32)"""


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("one line", "one line"),
        ("It ends in a full stop.", "It ends in a full stop"),
        ("the first\nthe second", "the first"),
        ("", "ValueError"),
        (NESTED, "Could not locate class 'Twice'. Make sure it is registered"),
        (CALLED, "Exception encountered when calling Bad.call(): Input to reshape is a tensor with 4 values"),
    ],
)
def test_the_reason_is_what_is_said(said, reason):
    assert first_line(ValueError(said)) == reason


def test_the_reason_of_einops_is_its_last_line():
    with pytest.raises(einops.EinopsError) as raised:
        einops.reduce(np.zeros((2, 3)), "a b c -> a", "sum")
    assert first_line(raised.value) != str(raised.value).splitlines()[0]
    assert "2-dim" in first_line(raised.value)


def test_the_reason_of_keras_is_the_one_behind_its_own(tmp_path):
    import keras

    class Twice(keras.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    points = keras.Input((4,))
    keras.Model(points, Twice()(points)).save(tmp_path / "twice.keras")
    with pytest.raises((TypeError, ValueError)) as raised:
        keras.saving.load_model(tmp_path / "twice.keras")
    assert first_line(raised.value).startswith("Could not locate class 'Twice'")
    assert "register_keras_serializable" in first_line(raised.value)


def test_the_place_is_the_users_own_line(tmp_path):
    code = compile("import numpy\ndef port():\n    return numpy.zeros(-1)\nport()\n", str(tmp_path / "own.py"), "exec")
    with pytest.raises(ValueError, match="negative") as raised:
        exec(code, {})  # noqa: S102
    assert reason_and_place(raised.value).endswith(f"({tmp_path / 'own.py'}, line 3)")
