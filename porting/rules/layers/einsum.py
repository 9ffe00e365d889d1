"""Rows of EinsumDense, whose axes follow from its equation: ``"abc,cde->abde"`` makes heads of features."""

from dataclasses import replace

from porting.rules import patterns
from porting.rules.rule import LayerRule
from porting.rules.settings import Agreement, Declared
from porting.rules.shared_settings import LINEAR, by_sizes, trained
from porting.traces import LayerCall

_UNITS = {1: ("unit",), 2: ("head", "key")}
_FEATURES = {1: ("feature",), 2: ("head", "key")}


def _sides(equation: str) -> tuple[str, str, str]:
    """The axes of the input, of the kernel and of the output, a letter each; ``...`` is one."""
    given, _, output = equation.replace(" ", "").replace("...", "~").partition("->")
    inputs, _, kernel = given.partition(",")
    return inputs, kernel, output


def _words(letters: str, short: dict[int, tuple[str, ...]], word: str) -> dict[str, str]:
    names = short.get(len(letters), tuple(f"{word}_{number}" for number in range(len(letters))))
    return dict(zip(letters, names, strict=True))


def _merged(letters: str, names: dict[str, str], lengths: dict[str, int]) -> str:
    """Axes as the one that a Linear has of them: ``(head=4 key=16)``."""
    if len(letters) == 1:
        return names[letters]
    return f"({' '.join(f'{names[letter]}={lengths[letter]}' for letter in letters)})"


def axes_of(equation: str, kernel_shape: tuple[int, ...]) -> tuple[str, str, str, str]:
    """Patterns of the kernel, of the bias, of the input and of the output, beside those of a Linear.

    Parameters
    ----------
    equation : str
    kernel_shape : tuple of int
        Empty where it is not known: merged axes have no lengths then.

    Examples
    --------
    >>> axes_of("abc,cde->abde", (64, 4, 16))[0]
    '(head=4 key=16) feature -> feature head key'
    """
    inputs, kernel, output = _sides(equation)
    lengths = dict(zip(kernel, kernel_shape, strict=True))
    features = "".join(letter for letter in inputs if letter in kernel and letter not in output)
    units = "".join(letter for letter in output if letter in kernel)
    others = [letter for letter in inputs if letter not in features]
    positions = {letter: "..." if letter == "~" else f"position_{letter}" for letter in others}
    positions |= {others[0]: "sample"} if others and others[0] != "~" else {}
    named_units = _words(units, _UNITS, "unit")
    named_features = _words(features, _FEATURES if len(units) == 1 else {1: ("feature",)}, "feature")
    names = {**positions, **named_features, **named_units}
    unit, feature = _merged(units, named_units, lengths), _merged(features, named_features, lengths)
    before = " ".join(positions[letter] for letter in others)

    def side(letters: str) -> str:
        return " ".join(names[letter] for letter in letters)

    return (
        f"{unit} {feature} -> {side(kernel)}",
        f"{unit} -> {side(units)}",
        f"{before} {feature} -> {side(inputs)}",
        f"{before} {unit} -> {side(output)}",
    )


def _by_equation(rule: LayerRule, reference: LayerCall, port: LayerCall) -> LayerRule:
    """The row with the axes that the equation names, and lengths that the activations have."""
    equation = port.settings["equation"]
    inputs, kernel, output = _sides(equation)
    if not _is_dense(inputs, kernel, output):
        axes = " ".join(f"axis_{letter}" for letter in kernel[1:])
        return replace(rule, tensors={**rule.tensors, "weight": ("kernel", (f"unit=0 feature -> unit=0 {axes}",))})
    lengths = _lengths(inputs, port.input.shape) | _lengths(output, port.output.shape)
    weight, bias, given, returned = axes_of(equation, tuple(lengths[letter] for letter in kernel))
    if reference.kind == "Conv1D":
        unit_and_feature, theirs = patterns.words(weight)
        weight = f"{' '.join(reversed(unit_and_feature))} -> {' '.join(theirs)}"
    tensors = {"weight": ("kernel", (weight,)), "bias": ("bias", (bias,))}
    return replace(rule, tensors=tensors, activation=given, output=returned)


def _lengths(letters: str, shape: tuple[int, ...]) -> dict[str, int]:
    """Letter -> length; those behind ``...`` are counted from the end."""
    before, gap, after = letters.partition("~")
    behind = shape[len(shape) - len(after) :] if gap else ()
    return dict(zip(before, shape, strict=False)) | dict(zip(after, behind, strict=False))


def _is_dense(inputs: str, kernel: str, output: str) -> bool:
    """Whether each axis of the kernel is either of the input or of the output, and all else is the same in both."""
    summed = set(inputs) - set(output)
    return set(kernel) == (summed | set(output) - set(inputs)) and not summed - set(kernel) and bool(summed)


def _equation_is_dense(reference: LayerCall, port: LayerCall) -> str:
    equation = port.settings["equation"]
    if _is_dense(*_sides(equation)):
        return ""
    return f"equation={equation} in Keras is no {reference.kind}: its kernel must join the input's axes to new ones"


def _bias_has_all_units(reference: LayerCall, port: LayerCall) -> str:
    equation, axes = port.settings["equation"], port.settings["bias_axes"]
    _, kernel, output = _sides(equation)
    units = "".join(letter for letter in output if letter in kernel)
    if axes is None or axes == units:
        return ""
    return f"bias_axes={axes} in Keras, must be {units}: torch's bias has a value for each unit"


def dense_by_equation(reference: str) -> LayerRule:
    """The row of a layer that is a product with a matrix, in the port with axes of its own."""
    return LayerRule(
        reference,
        "EinsumDense",
        {"weight": ("kernel", ("unit feature -> feature unit",)), "bias": ("bias", ("unit -> unit",))},
        (
            LINEAR,
            Agreement((), ("equation",), _equation_is_dense),
            Agreement((), ("bias_axes",), _bias_has_all_units),
            by_sizes("in_features out_features nf nx", "output_shape"),
            Declared("trained later, beside the kernel", port=("lora_rank", "lora_alpha", "gptq_unpacked_column_size")),
            *trained("kernel", "bias"),
        ),
        activation="sample ... feature -> sample ... feature",
        output="sample ... unit -> sample ... unit",
        by_calls=_by_equation,
    )
