"""Records of a verification: what either model did, and the verdict on it in four parts and in figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from porting.plans.plan import TransferPlan
from porting.probes import Probe
from porting.records.parity import Divergence, relative
from porting.statuses import Status, overall
from porting.traces import Lesson, Trace


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the verdict, and what it rests on, a line each."""

    status: Status
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Thinned:
    """Every `step`-th value of an array in its own order, and the greatest of them all.

    Attributes
    ----------
    values : ndarray, (value,)
    step : int
    scale : float
        Greatest absolute value of the whole array.
    """

    values: np.ndarray
    step: int
    scale: float

    def relative_error(self, other: np.ndarray) -> float:
        """Greatest difference from another array of the same shape, relative to the scale."""
        differences = np.abs(np.ravel(other)[:: self.step] - self.values)
        return relative(float(differences.max(initial=0.0)), self.scale)


def thin(array: np.ndarray | Thinned, most: int | None = None) -> Thinned:
    """Thin an array to at most `most` values, or not at all; what is thin already stays so."""
    if isinstance(array, Thinned):
        return array
    flat = np.ravel(array)
    step = max(1, -(-flat.size // most)) if most else 1
    return Thinned(flat[::step], step, float(np.abs(flat).max(initial=0.0)))


@dataclass(frozen=True, slots=True)
class Gradients:
    """float64 gradients of one random-weighted sum of a model's outputs.

    Attributes
    ----------
    inputs : tuple of ndarray or None
        With respect to each input, in the framework's own axis order; None for integers.
    weights : Mapping
        Tensor or variable -> its gradient, in the framework's own axis order.
    statistics : Mapping
        Tensor or variable that training changes without a gradient -> its value after one step in training mode.
    """

    inputs: tuple[np.ndarray | Thinned | None, ...]
    weights: Mapping[str, np.ndarray | Thinned]
    statistics: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """What the probe cannot see of one layer.

    Attributes
    ----------
    layer : str
        The reference's path.
    what : str
        What is unseen, in words and numbers.
    seen_alone : bool
        Whether the layer's run alone on synthetic activations sees it after all.
    """

    layer: str
    what: str
    seen_alone: bool


@dataclass(frozen=True, slots=True)
class ReferenceRun:
    """The reference on the probe: by PyTorch just now, or out of a golden file.

    Attributes
    ----------
    probe : Probe
    trace : Trace
        In float64, with its sources.
    synthetic : Lesson
        Random activations on which each layer and each segment between layers runs alone, in float64.
    synthetic_trace : Trace
        What came of it.
    synthetic_probe : Probe
        The inputs that the synthetic trace ran on.
    calls_rounding, outputs_rounding : sequence of ndarray, (sample,)
        Mean square error of the reference's own float32 in each sample: of each layer call's output, of each output.
    own_rounding : sequence of ndarray, (sample,)
        The same of each layer call run alone on the float64 input.
    gradient_probe : Probe
        The inputs that gradients are taken on.
    gradients : Gradients or None
    why_no_gradients : str
        Why there are none.
    blind_spots : tuple of BlindSpot
    weights_sha256 : Mapping
        Tensor -> hash, as `hash_weights` gives them.
    why_no_unseen : str
        Why the blind spots lack those values that change no output; empty where they do not.
    """

    probe: Probe
    trace: Trace
    synthetic: Lesson
    synthetic_trace: Trace
    synthetic_probe: Probe
    calls_rounding: Sequence[np.ndarray]
    outputs_rounding: Sequence[np.ndarray]
    own_rounding: Sequence[np.ndarray]
    gradient_probe: Probe
    gradients: Gradients | None
    why_no_gradients: str
    blind_spots: tuple[BlindSpot, ...]
    weights_sha256: Mapping[str, str]
    versions: Mapping[str, str]
    why_no_unseen: str = ""

    def rows(self, count: int) -> "ReferenceRun":
        """The run on at most `count` samples of its probe; synthetic activations and gradients stay as they are."""
        if count >= len(self.probe) or not self._has_a_row_for_each_sample():
            return self
        chosen, total = self.probe.spread(count), len(self.probe)

        def cut(array: np.ndarray) -> np.ndarray:
            return array[chosen] if array.ndim and len(array) == total else array

        return self._with(self.probe.rows(count), cut)

    def _has_a_row_for_each_sample(self) -> bool:
        arrays = (*self.trace.outputs, *(array for call in self.trace.calls for array in (call.input, call.output)))
        return all(array.ndim and len(array) == len(self.probe) for array in arrays)

    def repeated(self, times: int) -> "ReferenceRun":
        """The run on all samples of its probe so many times over."""
        count = len(self.probe)
        if not self._has_a_row_for_each_sample():
            return self

        def tile(array: np.ndarray) -> np.ndarray:
            return np.concatenate([array] * times) if array.ndim and len(array) == count else array

        return self._with(self.probe.repeated(times), tile)

    def _with(self, probe: Probe, change: Callable[[np.ndarray], np.ndarray]) -> "ReferenceRun":
        """Another probe, and every array with a row for each sample changed alike."""
        calls = tuple(replace(call, input=change(call.input), output=change(call.output)) for call in self.trace.calls)
        return replace(
            self,
            probe=probe,
            trace=replace(self.trace, calls=calls, outputs=tuple(map(change, self.trace.outputs))),
            calls_rounding=list(map(change, self.calls_rounding)),
            outputs_rounding=list(map(change, self.outputs_rounding)),
            own_rounding=list(map(change, self.own_rounding)),
        )


@dataclass(frozen=True, slots=True)
class PortPass:
    """The port on the probe in one precision.

    Attributes
    ----------
    model : keras.Model
    trace : Trace
    plan : TransferPlan
        Of this very instance: Keras numbers nameless layers anew in each model.
    taught : Trace
        Each layer alone on the reference's input, and each input as it comes of the reference's outputs.
    synthetic : Trace or None
        The same on synthetic activations; in float64 only.
    """

    model: Any
    trace: Trace
    plan: TransferPlan
    taught: Trace
    synthetic: Trace | None = None


@dataclass(frozen=True, slots=True)
class PortRun:
    """The port on the same probe.

    Attributes
    ----------
    fetch : callable
        (variable, change of axis order) -> its value as reloaded; one at a time, since all together may be large.
    narrow : PortPass
        In float32.
    wide : PortPass or None
        In float64.
    gradients : Gradients or None
        In float64.
    why_no_gradients : str
        Why there are none.
    why_no_float64 : str
        Why there is none.
    """

    fetch: Callable[[str, Callable[[Any], Any]], np.ndarray]
    narrow: PortPass
    wide: PortPass | None
    gradients: Gradients | None
    why_no_gradients: str
    why_no_float64: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LayerParity:
    """One pair of layer calls, or one output of the models, in figures; None where not checked.

    Attributes
    ----------
    reference, port, kind : str
    landmark : str
        What the output is called in reports.
    sources : tuple of str
        The reference's calls whose outputs reach the input; "" stands for the model's input.
    float64_input_error, float64_output_error : float or None
        Relative errors as the whole model runs: what is inherited from the layers before, and what is added.
    own_input_error : float or None
        Of the input as it comes of the reference's own outputs: the error of what lies between the layers.
    own_output_error : float or None
        Of the layer alone on the reference's input.
    synthetic_input_error, synthetic_output_error : float or None
        The same two on synthetic activations, which wake every unit.
    float32_ratio, own_float32_ratio : float or None
        Root mean square error of the port's float32 against the float64 truth, as a multiple of the reference's own;
        as the whole model runs, and of the layer alone.
    float32_error, reference_float32_error : float
        Relative root mean square errors of the output in float32, of the port and of the reference.
    ulp_at_scale : float
        Greatest float32 error relative to the activation, in units of 1.19e-7.
    """

    reference: str
    port: str
    kind: str
    landmark: str
    sources: tuple[str, ...]
    float64_input_error: float | None
    float64_output_error: float | None
    own_input_error: float | None
    own_output_error: float | None
    synthetic_input_error: float | None
    synthetic_output_error: float | None
    float32_ratio: float
    own_float32_ratio: float | None
    float32_error: float
    reference_float32_error: float
    ulp_at_scale: float


@dataclass(frozen=True, slots=True)
class WorstSample:
    """One of the samples on which reference and port differ most in float32.

    Attributes
    ----------
    output : str
        The models' output that is compared.
    name : str
        Which sample it is: file, class, row.
    greatest, mean : float
        Distance between the two models' values, greatest and mean over the sample, in `unit`.
    """

    output: str
    name: str
    greatest: float
    mean: float
    unit: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Arrays to draw a report's pictures from, all in the port's axis order; not part of the JSON.

    Attributes
    ----------
    inputs : tuple of ndarray
        The probe.
    landmarks : Mapping
        Landmark -> (reference in float64, port in float32).
    outputs : Mapping
        Output -> (reference in float64, port in float32).
    names : tuple of str
        What each sample is called.
    """

    inputs: tuple[np.ndarray, ...]
    landmarks: Mapping[str, tuple[np.ndarray, np.ndarray]]
    outputs: Mapping[str, tuple[np.ndarray, np.ndarray]]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParityReport:
    """The verdict on one port, and everything that it rests on.

    Attributes
    ----------
    divergences : tuple of Divergence
        Every layer and every segment between layers that is wrong by itself, in execution order.
    changed_tensors : tuple of str
        Tensors of the reference that the port does not give back bit for bit.
    gradient_errors : Mapping
        Input or tensor of the reference -> relative error of its float64 gradient.
    drift : tuple of str
        What has changed since the port was certified, as `porting.evidence.drift` finds it.
    """

    pair: str
    transfer: Part
    semantics: Part
    deployed: Part
    training: Part
    divergences: tuple[Divergence, ...]
    layers: tuple[LayerParity, ...]
    outputs: tuple[LayerParity, ...]
    worst: tuple[WorstSample, ...]
    blind_spots: tuple[BlindSpot, ...]
    plan: TransferPlan
    versions: Mapping[str, str]
    probe: Mapping[str, str | int]
    evidence: Evidence
    changed_tensors: tuple[str, ...] = ()
    gradient_errors: Mapping[str, float] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    drift: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, Part]:
        """The four parts of the verdict by name, in the order in which they are judged."""
        return {name: getattr(self, name) for name in ("transfer", "semantics", "deployed", "training")}

    @property
    def first_divergence(self) -> Divergence | None:
        """Where the models part first."""
        return next(iter(self.divergences), None)

    @property
    def verdict(self) -> Status:
        """FAIL if any part fails, PASS if all pass, NOT CHECKED otherwise."""
        return overall(part.status for part in self.parts.values())
