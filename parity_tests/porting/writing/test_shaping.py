import ast
import re
import textwrap

import pytest
import torch

from parity_tests.porting.writing.models import shapes
from porting.writing.graph.exported import export
from porting.writing.interpreter import Interpreter
from porting.writing.source import layer_names, source_of


def _written(model, *shape):
    return Interpreter(model.eval(), export(model, (torch.zeros(shape),), {})).written()


def _source(model, *shape):
    """What is written, without the imports, blank lines and docstrings."""
    text = source_of(_written(model, *shape), "Written.")
    plain = re.sub(r' *"""(?:.|\n)*?"""\n', "", text)
    return "\n".join(line for line in plain.splitlines() if line and not line.startswith(("import", "from", "#")))


def _is(text, expected):
    assert text == textwrap.dedent(expected).strip("\n")


def test_blocks_with_and_without_a_part_are_one_function_called_in_loops():
    _is(
        _source(shapes.Stages(), 2, 3, 8, 8),
        """
        def conv2d(x, filters, kernel_size, strides=1, padding=0, use_bias=True, name=None):
            same = strides == 1 and 2 * padding == kernel_size - 1
            if padding and not same:
                x = layers.ZeroPadding2D(padding)(x)
            border = "same" if same else "valid"
            return layers.Conv2D(
                filters, kernel_size, strides=strides, padding=border, use_bias=use_bias, name=name
            )(x)
        def block(x, planes, stride=1, downsample=False, *, name):
            identity = x
            out = conv2d(x, planes, 3, strides=stride, padding=1, use_bias=False, name=f"{name}_conv1")
            out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn1")(out)
            if downsample:
                identity = layers.Conv2D(planes, 1, strides=stride, name=f"{name}_downsample")(identity)
            return ops.relu(out + identity)
        def build():
            inputs = x = keras.Input((8, 8, 3), name="x")
            for n, (planes, stride, count) in enumerate(((4, 1, 2), (8, 2, 3), (16, 2, 2)), 1):
                x = block(x, planes, stride=stride, downsample=True, name=f"layer{n}_0")
                for i in range(1, count + 1):
                    x = block(x, planes, name=f"layer{n}_{i}")
            return keras.Model(inputs, x, name="stages")
        """,
    )


def test_a_part_that_shifts_the_numbers_of_layers_is_told_by_what_it_is_given():
    _is(
        _source(shapes.Shifted(), 2, 4),
        """
        def expanding(x, units=None, *, name):
            n = 2 * int(units is not None)
            y = x
            if units is not None:
                y = layers.Dense(units, name=f"{name}_layers_0")(x)
                y = ops.relu(y)
            y = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_layers_{n}")(y)
            y = layers.Dense(4, name=f"{name}_layers_{n + 1}")(y)
            if units is not None:
                y = x + y
            return y
        def build():
            inputs = x = keras.Input((4,), name="x")
            x = expanding(x, name="first")
            x = expanding(x, units=8, name="second")
            x = expanding(x, units=12, name="third")
            return keras.Model(inputs, x, name="shifted")
        """,
    )


def test_an_activation_that_differs_or_lacks_is_an_argument():
    _is(
        _source(shapes.Activations(), 2, 4),
        """
        def activated(x, activation=None, *, name):
            x = layers.Dense(4, name=f"{name}_dense")(x)
            x = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm")(x)
            if activation is not None:
                x = activation(x)
            return x
        def build():
            inputs = x = keras.Input((4,), name="x")
            x = activated(x, activation=ops.relu, name="one")
            x = activated(x, activation=ops.silu, name="two")
            x = activated(x, name="three")
            return keras.Model(inputs, x, name="activations")
        """,
    )


def test_inputs_that_are_only_concatenated_are_a_list_that_grows():
    _is(
        _source(shapes.Lists(), 2, 3, 5),
        """
        def growing(features, name):
            new = ops.concatenate(features, axis=-1)
            new = layers.Conv1D(2, 1, name=f"{name}_conv")(new)
            return ops.relu(new)
        def dense(x, num_layers, name):
            features = [x]
            for n in range(num_layers):
                features.append(growing(features, name=f"{name}_layers_{n}"))
            return ops.concatenate(features, axis=-1)
        def build():
            inputs = x = keras.Input((5, 3), name="x")
            x = dense(x, 4, name="block1")
            x = dense(x, 6, name="block2")
            return keras.Model(inputs, x, name="lists")
        """,
    )


def test_names_do_not_collide_with_functions_and_imports_and_equal_classes_are_one_function():
    _is(
        _source(shapes.Named(), 2, 4),
        """
        def perceptron(x, dim, name):
            x = layers.Dense(4 * dim, name=f"{name}_up")(x)
            x = ops.relu(x)
            return layers.Dense(dim, name=f"{name}_down")(x)
        def build():
            inputs = perceptron2 = keras.Input((4,), name="perceptron")
            layers_ = perceptron(perceptron2, 4, name="perceptron")
            keras_ = layers.Dense(6, name="between")(layers_)
            other = perceptron(keras_, 6, name="other")
            keras_ = keras_ * other
            return keras.Model(inputs, keras_, name="named")
        """,
    )


def test_a_docstring_names_the_classes_that_a_function_stands_for():
    tree = ast.parse(source_of(_written(shapes.Named(), 2, 4), "Written."))
    functions = {node.name: ast.get_docstring(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert functions["perceptron"] == f"{shapes.__name__}.Perceptron, OtherPerceptron."


def test_paths_that_would_be_spelled_alike_stay_apart():
    names = layer_names(_written(shapes.Spelled(), 2, 3))
    assert names["a.b_c"] != names["a_b.c"]
    assert all(name.isascii() and name.isidentifier() for name in names.values())
    text = _source(shapes.Spelled(), 2, 3)
    assert all(f'name="{name}"' in text for name in names.values())


def test_a_sequential_that_repeats_is_a_loop_over_its_sizes():
    _is(
        _source(shapes.Features(), 2, 3, 16, 16),
        """
        def build():
            inputs = x = keras.Input((16, 16, 3), name="x")
            for n, filters in ((0, 8), (3, 16), (6, 32), (9, 64)):
                x = layers.Conv2D(filters, 3, padding="same", name=f"features_{n}")(x)
                x = ops.relu(x)
                x = layers.MaxPooling2D(2)(x)
            return keras.Model(inputs, x, name="features")
        """,
    )


def test_rates_that_grow_with_depth_are_computed():
    _is(
        _source(shapes.Rates(), 2, 4),
        """
        def build():
            inputs = x = keras.Input((4,), name="x")
            for n in range(5):
                x = layers.Dense(4, name=f"dense_{n}")(x)
                x = layers.Dropout(0.04 * (n + 1))(x)
            return keras.Model(inputs, x, name="rates")
        """,
    )


@pytest.mark.parametrize(("model", "shape"), [(shapes.Stages, (2, 3, 8, 8)), (shapes.Lists, (2, 3, 5))])
def test_writing_twice_gives_the_same_bytes(model, shape):
    assert source_of(_written(model(), *shape), "One.") == source_of(_written(model(), *shape), "One.")


def test_inputs_stand_in_the_order_of_the_signature_under_its_names():
    _is(
        _source(shapes.Inputs(), 2, 4),
        """
        def weighted(hidden, weights, name):
            gates = layers.Dense(4, name=f"{name}_gate")(weights)
            gates = ops.sigmoid(gates)
            hidden = layers.Dense(4, name=f"{name}_dense")(hidden)
            return hidden * gates
        def build():
            inputs = x = keras.Input((4,), name="x")
            qkv = layers.Dense(12, name="qkv")(x)
            query, key, value = ops.split(qkv, 3, axis=-1)
            mixed = weighted(query, key, name="weighted")
            mixed = weighted(mixed, value, name="again")
            return keras.Model(inputs, mixed, name="inputs")
        """,
    )


def test_blocks_that_all_do_the_same_are_a_loop_that_counts_nothing():
    _is(
        _source(torch.nn.Sequential(*(torch.nn.Sequential(torch.nn.AlphaDropout(0.1)) for _ in range(3))), 2, 4),
        """
        def build():
            inputs = x = keras.Input((4,), name="input")
            for _ in range(3):
                x = layers.AlphaDropout(0.1)(x)
            return keras.Model(inputs, x, name="sequential")
        """,
    )


@pytest.mark.parametrize("model", [shapes.Frames(), shapes.FrameByFrame()], ids=lambda model: type(model).__name__)
def test_frames_of_a_video_have_their_channels_last(model):
    text = _source(model, 2, 3, 3, 5, 6)
    assert "keras.Input((3, 5, 6, 3)" in text
    assert "transpose" not in text


def test_a_part_that_is_a_layer_which_was_made_before_has_a_name():
    text = _source(shapes.MadeBefore(), 2, 4)
    assert "=True" in text
    ast.parse(text)
