"""Read a reference's run out of a golden file, of which nothing is believed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from porting.evidence.activations import numbered_activations, read_activation, read_synthetic
from porting.evidence.golden_words import has_words, read_words, unescaped
from porting.files import hdf5
from porting.files.schemas import ANYTHING, COUNT, FLAG, NOTHING, NUMBER, TEXT, Each
from porting.probes import Probe
from porting.records.constants import Constants
from porting.records.gradients import Gradients, Thinned
from porting.records.randomness import Fingerprint, RandomCall
from porting.records.runs import BlindSpot, Explained, ReferenceRun
from porting.traces import PARAMETER, LayerCall, Trace, held_only

LARGEST_BATCH = 10_000

_LARGEST_TENSOR = 1 << 34

_FINGERPRINT = {"count": COUNT, "least": NUMBER, "greatest": NUMBER, "mean": NUMBER, "root_mean_square": NUMBER}
_RANDOM_CALL = {
    "name": TEXT, "kind": TEXT, "drops": TEXT, "rate": (NUMBER, NOTHING), "behind": TEXT, "acts_on": _FINGERPRINT,
    "at_once?": (_FINGERPRINT, NOTHING),
}  # fmt: skip
_SHARED = {"name": TEXT, "kind": TEXT, "weights": Each(TEXT), "settings": Each(ANYTHING)}
_CONSTANTS = {"names": [TEXT], "alone": [NUMBER], "whole": NUMBER}
_SPOT = {"layer": TEXT, "what": TEXT, "seen_alone": FLAG, "tensor?": TEXT, "seen_drawn?": FLAG}


def _words_or(file: Any, name: str, schema: Any, missing: Any) -> Any:
    """What a file says, or what stands for it in files of versions that did not."""
    return read_words(file, name, schema) if has_words(file, name) else missing


def read_run(file: Any, bytes_of_file: int) -> ReferenceRun:
    """Read a run; what a file says is held against its size.

    Raises
    ------
    ValueError
        If something is missing, of another type, or does not go with the rest.
    """
    groups = hdf5.numbered(hdf5.group_of(file, "calls"))
    trace = _read_trace(file, groups, bytes_of_file)
    synthetic, synthetic_trace, drawn_by = read_synthetic(file, trace, bytes_of_file)
    source = hdf5.attribute_of(file, "source", str)
    rounding = hdf5.numbered(hdf5.group_of(file, "outputs_rounding"))
    if len(rounding) != len(trace.outputs):
        raise ValueError("it has not one rounding for each output")
    run = ReferenceRun(
        probe=_read_probe(file, "probe", source, tuple(read_words(file, "labels", [TEXT]))),
        trace=trace,
        synthetic=synthetic,
        synthetic_trace=synthetic_trace,
        synthetic_probe=_read_probe(file, "synthetic/probe", source),
        calls_rounding=[hdf5.array_in(group, "rounding", [1]) for group in groups],
        outputs_rounding=[hdf5.array_of(stored, [1]) for stored in rounding],
        own_rounding=[hdf5.array_in(group, "own_rounding", [1]) for group in groups],
        gradient_probe=_read_probe(file, "gradient_probe", source),
        gradients=_read_gradients(hdf5.group_of(file, "gradients")) if "gradients" in file else None,
        why_no_gradients="the golden file holds no gradients",
        blind_spots=tuple(_blind_spots(read_words(file, "blind_spots", [_SPOT]))),
        weights_sha256=read_words(file, "weights", Each(TEXT)),
        versions=read_words(file, "versions", Each(TEXT)),
        why_no_unseen=_words_or(file, "why_no_unseen", TEXT, ""),
        random_calls=_read_random_calls(file),
        why_no_random_calls=_words_or(file, "why_no_random_calls", TEXT, ""),
        scaled_arrivals=_read_scaled_arrivals(file),
        far=_read_probe(file, "far/probe", source) if "far" in file else None,
        far_outputs=tuple(map(hdf5.array_of, hdf5.numbered(hdf5.group_of(file, "far/outputs"))))
        if "far" in file
        else (),
        follows_batch=tuple(_words_or(file, "follows_batch", [TEXT], ())),
        constants=_read_constants(file, len(groups) + len(rounding)),
        explained=_read_explained(file, len(groups) + len(rounding)),
        synthetic_drawn=drawn_by,
        holds=_words_or(file, "holds", TEXT, ""),
        why_not_explained=_words_or(file, "why_not_explained", TEXT, ""),
    )
    _check_gradients(run)
    return run


def _read_trace(file: Any, groups: Sequence[Any], bytes_of_file: int) -> Trace:
    outputs = tuple(numbered_activations(hdf5.group_of(file, "outputs"), bytes_of_file))
    shapes = {name: tuple(shape) for name, shape in read_words(file, "shapes", Each([COUNT])).items()}
    sources = tuple(map(tuple, read_words(file, "sources", [[TEXT]])))
    aliases = read_words(file, "aliases", Each(TEXT))
    calls = tuple(_read_call(group, bytes_of_file) for group in groups)
    reaching = tuple(map(tuple, _words_or(file, "inputs_reaching", [[COUNT]], ())))
    trace = Trace(calls, outputs, shapes, aliases, sources, reaching, shared=_read_shared(file, shapes))
    _check_trace(trace)
    return trace


def _read_scaled_arrivals(file: Any) -> dict[str, Fingerprint]:
    held = _words_or(file, "scaled_arrivals", Each(_FINGERPRINT), {})
    return {name: Fingerprint(**words) for name, words in held.items()}


def _check_gradients(run: ReferenceRun) -> None:
    """Whether gradients and statistics are of the sizes of what they are of."""
    if run.gradients is None:
        return
    inputs = [array.size for array in run.gradient_probe.arrays]
    if len(run.gradients.inputs) != len(inputs):
        raise ValueError(f"it has gradients of {len(run.gradients.inputs)} inputs, and {len(inputs)} inputs")
    sizes: dict[str, int] = {name: math.prod(shape) for name, shape in run.trace.shapes.items()}
    sizes |= {f"input {number}": size for number, size in enumerate(inputs)}
    for name, held in run.gradients.arrays():
        step, count = (held.step, held.values.size) if isinstance(held, Thinned) else (1, held.size)
        if count != -(-sizes.get(name, count * step) // step):
            raise ValueError(f"its gradient of {name!r}, or the value after a step, has another size")


def _read_shared(file: Any, shapes: Mapping[str, tuple[int, ...]]) -> tuple[LayerCall, ...]:
    """Uses of tensors that are no calls; files of before 0.2 say none."""
    if not has_words(file, "shared"):
        return ()
    return tuple(
        held_only(held["name"], shapes[held["name"]])
        if held["kind"] == PARAMETER and held["name"] in shapes
        else LayerCall(held["name"], held["kind"], held["weights"], _tuples(held["settings"]), np.zeros(0), np.zeros(0))
        for held in read_words(file, "shared", [_SHARED])
    )


def _read_constants(file: Any, places: int) -> Constants:
    if not has_words(file, "constants"):
        return Constants()
    held = read_words(file, "constants", _CONSTANTS)
    found = Constants(tuple(held["names"]), tuple(held["alone"]), held["whole"])
    if len(found.alone) not in (0, places) or any(each < 0 for each in (*found.alone, found.whole)):
        raise ValueError("its constants move something else than what arrives")
    return found


def _read_explained(file: Any, count: int) -> tuple[Explained, ...]:
    """What rounding explains of each call and output; nothing in files of before 0.2."""
    held = read_words(file, "explained", [[NUMBER]]) if has_words(file, "explained") else []
    if held and (len(held) != count or {len(both) for both in held} != {2}):
        raise ValueError("it does not say what rounding explains of each layer call and output")
    return tuple(Explained(float(alone), float(inherited)) for alone, inherited in held)


def _check_trace(trace: Trace) -> None:
    """Whether names and sources of a trace are of its own tensors and calls."""
    if not trace.calls or not trace.outputs:
        raise ValueError("it holds no layer calls, or no outputs")
    if large := [name for name, shape in trace.shapes.items() if math.prod(shape) > _LARGEST_TENSOR]:
        raise ValueError(f"{large[0]!r} has more values than any tensor")
    named = {name for call in trace.calls for name in call.weights.values()}
    named |= {*trace.aliases, *trace.aliases.values()}
    if unknown := sorted(named - trace.shapes.keys()):
        raise ValueError(f"it says no shape of {unknown[0]!r}")
    if trace.sources and len(trace.sources) != len(trace.calls) + len(trace.outputs):
        raise ValueError("it has not one list of sources for each call and output")
    if len(trace.inputs_reaching) not in (0, len(trace.sources)):
        raise ValueError("it has not one list of inputs for each call and output")
    names = {"", *trace.call_names()}
    if unknown := sorted({name for held in trace.sources for name in held} - names):
        raise ValueError(f"among its sources is {unknown[0]!r}, which is no layer call")


def _blind_spots(words: Any) -> Iterator[BlindSpot]:
    yield from (BlindSpot(**spot) for spot in words)


def _read_random_calls(file: Any) -> tuple[RandomCall, ...] | None:
    """None in files of before 0.2, and where nobody has looked."""
    if not has_words(file, "random_calls"):
        return None
    found = read_words(file, "random_calls", ([_RANDOM_CALL], NOTHING))
    if found is None:
        return None
    return tuple(RandomCall(**dict(_random_call(call))) for call in found)


def _random_call(call: Any) -> Iterator[tuple[str, Any]]:
    for name in (name.removesuffix("?") for name in _RANDOM_CALL):
        value = call.get(name)
        yield name, _fingerprint(value) if name in ("acts_on", "at_once") and value is not None else value


def _fingerprint(held: Mapping[str, Any]) -> Fingerprint:
    return Fingerprint(**{name: held[name] for name in _FINGERPRINT})


def _read_probe(file: Any, name: str, source: str, labels: tuple[str, ...] = ()) -> Probe:
    arrays = tuple(map(hdf5.array_of, hdf5.numbered(hdf5.group_of(file, name))))
    counts = {len(array) if array.ndim else 0 for array in arrays}
    if len(counts) != 1 or 0 in counts or (labels and len(labels) not in counts):
        raise ValueError(f"/{name} must hold as many samples for each input, and one at least")
    return Probe(arrays, source, labels)


def _read_call(group: Any, bytes_of_file: int) -> LayerCall:
    settings = _tuples(read_words(group, "settings", Each(ANYTHING)))
    return LayerCall(
        hdf5.attribute_of(group, "name", str),
        hdf5.attribute_of(group, "kind", str),
        read_words(group, "weights", Each(TEXT)),
        settings,
        read_activation(group, "input", bytes_of_file),
        read_activation(group, "output", bytes_of_file),
    )


def _tuples(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as layers have them: JSON has lists where they have tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}


def _read_gradients(group: Any) -> Gradients:
    def read(stored: Any) -> Thinned:
        values = hdf5.array_of(stored, [1])
        step, scale = hdf5.attribute_of(stored, "step", int), hdf5.attribute_of(stored, "scale", float)
        if step < 1:
            raise ValueError(f"{stored.name} has a step of {step}")
        return Thinned(values, step, scale)

    inputs: Any = hdf5.group_of(group, "inputs") if "inputs" in group else {}
    count = hdf5.attribute_of(group, "inputs", int)
    if not len(inputs) <= count <= LARGEST_BATCH:
        raise ValueError(f"gradients of {count:,} inputs")
    own = unescaped if "escaped" in group.attrs else str
    statistics: Any = hdf5.group_of(group, "statistics") if "statistics" in group else {}
    return Gradients(
        tuple(read(inputs[str(at)]) if str(at) in inputs else None for at in range(count)),
        {own(name): read(stored) for name, stored in hdf5.group_of(group, "weights").items()},
        {own(name): hdf5.array_of(stored) for name, stored in statistics.items()},
        read_words(group, "moves", Each(NUMBER)) if has_words(group, "moves") else {},
    )
