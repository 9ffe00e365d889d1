"""Judge what shows only in training: gradients, statistics after a step, settings."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from porting.errors import first_line
from porting.pairs.pair import ModelPair
from porting.plans.parts import whole_name
from porting.plans.plan import TransferPlan
from porting.proof.training.randomness import Randomness, compare_randomness, is_same_elsewhere
from porting.records.deviations import relative
from porting.records.gradients import Gradients, Thinned, thin
from porting.records.runs import PortRun, ReferenceRun
from porting.records.verdict import Part
from porting.rules import patterns
from porting.statuses import Status
from porting.traces import LayerCall
from porting.traces.parking import give_back, release
from porting.wording import counted

T = TypeVar("T")

GRADIENT_ROWS = 8
"""Samples that gradients are taken on."""

GRADIENT_LIMIT = 1e-10
"""Largest relative error of a float64 gradient that rounding explains in a model that is well conditioned."""

IS_ROUNDING = 1e-13
"""Share of the model's greatest gradient below which another one is nothing but the rounding of sums in float64."""

MOST_MOVES = 16
"""How many times as far off as one rounding moves the reference's own gradient the port's may be.

Measured on ResNet18, MobileNetV2 and EfficientNet-B0: from draw to draw a gradient moves up to 6.4 times as far.
"""


@dataclass(frozen=True, slots=True)
class Training:
    """The part of the verdict, the relative error of each gradient, and whether all, and all statistics, agree.

    `about` has for some of the part's lines the port's layer that one is about, and the layer that this stands behind.
    """

    part: Part
    errors: Mapping[str, float]
    all_agree: bool
    about: Mapping[str, tuple[str, str]]


def judge_training(
    pair: ModelPair, reference: ReferenceRun, port: PortRun, *, is_same_function: bool = False
) -> Training:
    """Judge gradients, a step's statistics, what is drawn, and the settings that show only in training.

    Of one and the same function, gradients that differ do so from one place on back: it is behind the last such layer.
    """
    plan = port.narrow.plan
    lines = [f"setting differs in training: {difference}" for difference in plan.training_differences]
    drawn = _randomness(reference, port)
    about = {f"drawn otherwise in training: {line}": held for line, held in drawn.about.items()}
    lines += about
    if port.wide is None or port.gradients is None or reference.gradients is None:
        reason = port.why_no_float64 or reference.why_no_gradients or port.why_no_gradients
        status = Status.FAIL if lines else Status.NOT_CHECKED
        return Training(
            Part(status, (*lines, f"gradients: {reason}", *drawn.not_compared, *drawn.notes)), {}, False, about
        )
    judged = list(_gradient_errors(pair, reference, port))
    differing = {
        name: f"gradient of {name} differs: relative error {error:.1e}"
        for name, error, limit in judged
        if error > limit
    }
    lines += differing.values()
    if is_same_function:
        about |= {differing[name]: ("", layer) for name, layer in _last_of(differing, reference, plan)}
    statistics = list(_statistics(reference, port, port.wide.plan))
    lines += [f"{name} after a step differs: relative error {error:.1e}" for name, error, _ in statistics if error]
    notes = dict.fromkeys(note for _, _, note in statistics if note)
    told = (*drawn.not_compared, *drawn.notes, *notes, *_padded(reference), *_initialisers(plan))
    status = Status.FAIL if lines else Status.NOT_CHECKED if drawn.not_compared else Status.PASS
    errors = {name: error for name, error, _ in judged}
    agree = all(error <= limit for _, error, limit in judged) and not any(error for _, error, _ in statistics)
    return Training(Part(status, (_figures(judged), *lines, *told)), errors, agree, about)


def _last_of(names: Collection[str], reference: ReferenceRun, plan: TransferPlan) -> Iterator[tuple[str, str]]:
    """Those of some tensors that the last layer owns in the order of execution, with the port's layer."""
    order = {call.name: number for number, call in enumerate(reference.trace.calls)}
    owned = [
        (order.get(pair.reference, -1), name, pair.port)
        for pair in plan.pairs
        for transfer in pair.transfers
        for name in transfer.references
        if name in names
    ]
    last = max((number for number, *_ in owned), default=-1)
    yield from ((name, layer) for number, name, layer in owned if number == last)


def _figures(judged: Sequence[tuple[str, float, float]]) -> str:
    """The worst of all gradients, and the limit that they were held to."""
    worst = max((error for _, error, _ in judged), default=0.0)
    is_raised = max((limit for *_, limit in judged), default=0.0) > GRADIENT_LIMIT
    raised = ", more where one rounding moves the reference's own so far" if is_raised else ""
    count = counted(len(judged), "float64 gradient")
    return f"worst relative error {worst:.1e} of {count} (limit {GRADIENT_LIMIT:.0e}{raised})"


def _randomness(reference: ReferenceRun, port: PortRun) -> Randomness:
    """What either model draws in training, compared; a golden file of 0.1.0 knows nothing of it."""
    if port.random_calls is None or reference.random_calls is None:
        return Randomness(not_compared=tuple(_not_compared(reference, port)))
    layers = {pair.port: pair.reference for pair in port.narrow.plan.pairs}
    return compare_randomness(
        reference.random_calls, port.random_calls, layers, partial(is_same_elsewhere, reference, port)
    )


def _not_compared(reference: ReferenceRun, port: PortRun) -> Iterator[str]:
    """Why nothing that is drawn was compared: where either side could not be looked at, then for each call."""
    failed = [
        f"what the {side} draws {why}"
        for side, why in (("reference", reference.why_no_random_calls), ("port", port.why_no_random_calls))
        if why
    ]
    if failed:
        yield f"not compared: {'; '.join(failed)}"
    why = "no float64 here" if port.wide is None else "a golden file of 0.1.0 does not say"
    for call in port.random_calls or reference.random_calls or ():
        yield f"not compared: {call.described()}: {failed[0] if failed else why}"


def _gradient_errors(pair: ModelPair, reference: ReferenceRun, port: PortRun) -> Iterator[tuple[str, float, float]]:
    """By input and by tensor, relative to the greatest gradient of its layer, each with its limit.

    One of them may be nothing but rounding, as that of a bias before a softmax; or all of a layer's, as those of
    queries and keys where there is a single key.
    """
    assert reference.gradients
    assert port.gradients
    assert port.wide
    calls = {call.name: call for call in (*reference.trace.shared, *reference.trace.layers())}
    least = IS_ROUNDING / GRADIENT_LIMIT * _greatest(reference.gradients)
    pairs = zip(reference.gradients.inputs, port.gradients.inputs, pair.inputs, strict=True)
    for number, (ours, theirs, pattern) in enumerate(pairs):
        if ours is not None and theirs is not None:
            name, gradient = f"input {number}", thin(ours)
            gradient = replace(gradient, scale=max(gradient.scale, least))
            yield name, gradient.relative_error(_moved(theirs, pattern)), _limit(reference, name, gradient.scale)
    for layers in port.wide.plan.pairs:
        weights = reference.gradients.weights
        taken = [transfer for transfer in layers.transfers if weights.keys() >= set(transfer.references)]
        ours = {name: thin(weights[name]) for transfer in taken for name in transfer.references}
        scale = max([gradient.scale for gradient in ours.values()] + [least])
        for transfer in taken:
            moved = _moved(port.gradients.weights[transfer.port], transfer.pattern)
            for name, gradient in _trained_in_torch(transfer.parts(moved), calls.get(layers.reference), ours):
                error = replace(ours[name], scale=scale).relative_error(gradient)
                release(gradient, ours[name].values)
                yield name, error, _limit(reference, name, scale)


def _greatest(gradients: Gradients) -> float:
    """The greatest element of any gradient."""
    held = [*gradients.inputs, *gradients.weights.values()]
    return max((thin(gradient).scale for gradient in held if gradient is not None), default=0.0)


def _trained_in_torch(
    gradients: Iterable[tuple[str, np.ndarray]], call: LayerCall | None, ours: Mapping[str, Thinned]
) -> Iterator[tuple[str, np.ndarray]]:
    """With torch's own row of `padding_idx`, which a look-up does not train; no call is of what reaches no output."""
    row = call.settings.get("padding_idx") if call else None
    for name, gradient in gradients:
        if row is None:
            yield name, gradient
        else:
            held = np.array(gradient)
            held[row] = _row_of(ours[name], row, held.shape)
            yield name, held


def _row_of(gradient: Thinned, row: int, shape: tuple[int, ...]) -> np.ndarray:
    """A row of a gradient, as far as it holds its values: none but zeros where the table is only looked up."""
    places = np.arange(row * math.prod(shape[1:]), (row + 1) * math.prod(shape[1:]))
    held = np.zeros(len(places))
    known = places % gradient.step == 0
    held[known] = gradient.values[places[known] // gradient.step]
    return held.reshape(shape[1:])


def _padded(reference: ReferenceRun) -> Iterator[str]:
    """A note on each row that torch does not train and Keras does; it changes no function."""
    for call in reference.trace.layers():
        if (row := call.settings.get("padding_idx")) is not None:
            yield f"padding_idx={row} of {call.name}: torch never trains that row, Keras does; the function is the same"


def _limit(reference: ReferenceRun, name: str, scale: float) -> float:
    """Largest relative error that rounding explains, by how far it moves the reference's own: of a part, the whole."""
    assert reference.gradients
    moves = reference.gradients.moves
    return max(GRADIENT_LIMIT, relative(MOST_MOVES * moves.get(name, moves.get(whole_name(name), 0.0)), scale))


def _moved(gradient: np.ndarray | Thinned, pattern: str) -> np.ndarray:
    """A port's gradient, which is never thinned, in the reference's axis order."""
    assert not isinstance(gradient, Thinned)
    return patterns.gradient_to_reference(gradient, pattern)


def _statistics(reference: ReferenceRun, port: PortRun, plan: TransferPlan) -> Iterator[tuple[str, float, str]]:
    """Name, error (0 where it agrees) and a note, for each statistic that a step in training mode changes."""
    assert reference.gradients
    assert port.gradients
    calls = {call.name: call for call in (*reference.trace.shared, *reference.trace.layers())}
    counts = Counter(call.name for call in reference.trace.calls)
    saved = {transfer.reference: transfer.port for transfer in port.narrow.plan.transfers}
    for layers in plan.pairs:
        for transfer in layers.transfers:
            after = reference.gradients.statistics.get(transfer.reference)
            if after is None or transfer.port not in port.gradients.statistics or layers.reference not in calls:
                continue
            found = port.gradients.statistics[transfer.port]
            error, limit = thin(after).relative_error(found), _limit(reference, transfer.reference, thin(after).scale)
            if error <= limit:
                yield transfer.reference, 0.0, ""
                continue
            before = port.fetch(saved[transfer.reference], lambda tensor: tensor).astype(np.float64)
            samples = len(reference.gradient_probe) / len(reference.probe)
            call = calls[layers.reference]
            biased = thin(_with_biased_variance(before, after, call, samples, max(counts[call.name], 1)))
            if "var" in transfer.reference and biased.relative_error(found) <= limit:
                note = f"moving variances after a step differ by {error:.1e}: torch divides by n - 1, Keras by n"
                yield transfer.reference, 0.0, note
            else:
                yield transfer.reference, error, ""


def _with_biased_variance(
    before: np.ndarray, after: np.ndarray, call: LayerCall, share: float, times: int
) -> np.ndarray:
    """What torch's running variance would be after a step on a share of the probe, had it divided by n as Keras.

    In a step the layer is called some number of times, each time on as many values.
    """
    momentum = call.settings.get("momentum") or 0.0
    count = round(call.input.size / after.size * share)
    kept = (1 - momentum) ** times * before
    return kept + (after - kept) * (count - 1) / max(count, 1)


def _initialisers(plan: TransferPlan) -> list[str]:
    """A note on what matters only if the port is trained from scratch."""
    mentioned = [finding for finding in plan.settings if "_initializer=" in finding.setting]
    kinds = sorted(
        {finding.setting.partition("kernel_initializer=")[2].partition(",")[0] for finding in mentioned} - {""}
    )
    if not kinds or "Uniform" not in "".join(kinds):
        return []
    return [f"not compared, as it matters only before training: the port's initialisers ({', '.join(kinds)})"]


def attempt(take: Callable[..., T], *arguments: Any) -> tuple[T | None, str]:
    """What rests on gradients, or why they cannot be taken: a model without them may still be the same function."""
    try:
        return take(*arguments), ""
    except Exception as error:  # frameworks and models raise what they like
        return None, f"cannot be taken: {first_line(error)}"
    finally:
        give_back()
