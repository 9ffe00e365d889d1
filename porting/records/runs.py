"""Records of what either model did on the probe."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from porting.plans.plan import TransferPlan
from porting.probes import Probe
from porting.records.constants import Constants
from porting.records.gradients import Gradients
from porting.records.kept import expanded
from porting.records.randomness import Arrivals, RandomCall
from porting.records.synthetic import DrawnCall
from porting.traces import Lesson, Trace


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
    tensor : str
        The tensor whose own values would look the same with a fault; empty where it is the probe that is blind.
    seen_drawn : bool
        Whether both models have been run with drawn values in their place, and agreed.
    """

    layer: str
    what: str
    seen_alone: bool
    tensor: str = ""
    seen_drawn: bool = False

    @property
    def is_seen(self) -> bool:
        """Whether it was seen after all."""
        return self.seen_alone or self.seen_drawn


@dataclass(frozen=True, slots=True)
class Variation:
    """A model run otherwise: by another call, or on another batch of the same samples.

    Attributes
    ----------
    what : str
        How, in words that end a sentence about its outputs.
    errors : tuple of float
        Relative error of each output against the run that the proof rests on.
    failure : str
        Why the model did not run so; empty where it did.
    """

    what: str
    errors: tuple[float, ...]
    failure: str


@dataclass(frozen=True, slots=True)
class Explained:
    """What float32 rounding explains of an activation, root mean square relative to the activation's own.

    Attributes
    ----------
    alone : float
        Of the layer by itself, or of the segment before an output, whatever the order in which it sums.
    inherited : float
        As the whole model runs, where every layer and segment before it errs by as much as is explained of it.
    """

    alone: float = 0.0
    inherited: float = 0.0


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
    random_calls : tuple of RandomCall or None
        What it draws in training; None where it cannot be found, or a golden file of 0.1.0 does not say.
    why_no_random_calls : str
        Why it cannot be found.
    scaled_arrivals : Mapping
        Layer call, or output -> the fingerprint of what arrives there where each dropout multiplies by a factor; empty
        where nothing is drawn or nobody has looked.
    follows_batch : tuple of str
        The variations of the batch that change its own outputs, which are then not asked of the port.
    far : Probe or None
        Inputs of a larger scale than the probe's; None where its outputs on them are not finite, or nobody has looked.
    far_outputs : tuple of ndarray
        Its outputs on them, in float64.
    constants : Constants
        What its own constants do, which are float32.
    explained : tuple of Explained
        Of each layer call, then of each output, what float32 rounding explains in any order of sums; nothing is known
        of it in golden files of before 0.2, or where it could not be measured.
    why_not_explained : str
        Why it could not.
    synthetic_drawn : tuple of DrawnCall
        What the synthetic lesson was drawn by; nothing is said of it in golden files of before 0.2.
    holds : str
        What a golden file holds of the activations, where it does not hold all of them; they are `Kept` then, and no
        layer is taught by them.
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
    random_calls: tuple[RandomCall, ...] | None = None
    follows_batch: tuple[str, ...] = ()
    far: Probe | None = None
    far_outputs: tuple[np.ndarray, ...] = ()
    constants: Constants = field(default_factory=Constants)
    explained: tuple[Explained, ...] = ()
    why_not_explained: str = ""
    synthetic_drawn: tuple[DrawnCall, ...] = ()
    holds: str = ""
    why_no_random_calls: str = ""
    scaled_arrivals: Arrivals = field(default_factory=dict)

    def explained_of(self, number: int) -> Explained:
        """What is explained of a layer call, or behind the last one of an output, by its number."""
        return self.explained[number] if self.explained else Explained()

    def teaching_trace(self) -> Trace:
        """A trace whose outputs can be taught: where not all of the probe's was kept, the synthetic one."""
        if not self.holds:
            return self.trace
        both = zip(self.synthetic_trace.calls, self.synthetic, strict=True)
        calls = tuple(replace(call, input=expanded(call.input), output=taught.give) for call, taught in both)
        outputs = tuple(map(expanded, self.synthetic_trace.outputs))
        return replace(self.trace, calls=calls, outputs=outputs)

    def rows(self, count: int) -> "ReferenceRun":
        """The run on at most `count` samples of its probe; synthetic activations and gradients stay as they are."""
        if count >= len(self.probe) or not self._has_a_row_for_each_sample():
            return self
        chosen, total = self.probe.spread(count), len(self.probe)

        def cut(array: np.ndarray) -> np.ndarray:
            return array[chosen] if array.ndim and len(array) == total else array

        return self._with(self.probe.rows(count), cut)

    def _has_a_row_for_each_sample(self) -> bool:
        if self.holds:
            return False
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
    taught : Trace or None
        Each layer alone on the reference's input, and each input as it comes of the reference's outputs; None where a
        golden file does not hold them whole.
    synthetic : Trace or None
        The same on synthetic activations; in float64 only.
    """

    model: Any
    trace: Trace
    plan: TransferPlan
    taught: Trace | None
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
    lacks_float64 : bool
        Whether the backend has float64, and only what this port is made of does not.
    coarse : str
        The precision below float32 that it computes in, if any.
    variations : tuple of Variation
        The port run by other calls and on other batches, in the widest precision.
    random_calls : tuple of RandomCall or None
        What it draws in training; None where it was not run in float64, or this cannot be found.
    why_no_random_calls : str
        Why it cannot be found.
    scaled_arrivals : Mapping
        Layer call, or output -> the fingerprint of what arrives there where each dropout multiplies by a factor.
    far_outputs : tuple of ndarray
        Its outputs on the reference's far inputs, in float64; none where it was not run on them.
    """

    fetch: Callable[[str, Callable[[Any], Any]], np.ndarray]
    narrow: PortPass
    wide: PortPass | None
    gradients: Gradients | None
    why_no_gradients: str
    why_no_float64: str
    versions: Mapping[str, str]
    variations: tuple[Variation, ...] = ()
    random_calls: tuple[RandomCall, ...] | None = None
    far_outputs: tuple[np.ndarray, ...] = ()
    lacks_float64: bool = False
    coarse: str = ""
    why_no_random_calls: str = ""
    scaled_arrivals: Arrivals = field(default_factory=dict)
