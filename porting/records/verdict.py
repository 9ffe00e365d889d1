"""Records of a verification: the verdict in four parts, and the figures that it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from porting.plans.plan import TransferPlan
from porting.records.findings import Finding, find_faults
from porting.records.parity import Divergence
from porting.records.port_source import PortSource
from porting.records.runs import BlindSpot
from porting.statuses import Status, overall


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the verdict, and what it rests on, a line each."""

    status: Status
    lines: tuple[str, ...]


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
        Root mean square error of the port's float32 against the float64 truth, as a multiple of what rounding explains:
        the reference's own error, or the greatest that its sums could have in any order; as the whole model runs, and
        of the layer alone.
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


@dataclass(frozen=True, slots=True, repr=False)
class ParityReport:
    """The verdict on one port, and everything that it rests on.

    Attributes
    ----------
    divergences : tuple of Divergence
        Every layer and every segment between layers that is wrong by itself: those of one fault together, the strongest
        fault first.
    changed_tensors : tuple of str
        Tensors of the reference that the port does not give back bit for bit.
    gradient_errors : Mapping
        Input or tensor of the reference -> relative error of its float64 gradient.
    patience : float, optional
        Seconds that causes were searched for at most; None where there was no reference to search with.
    drift : tuple of str
        What has changed since the port was certified, as `porting.evidence.drift` finds it.
    lacks_float64 : str
        What of the port this backend, which has float64, cannot compute in it; empty where there is nothing.
    source : PortSource, optional
        The file whose code builds the port, and the lines that make each layer; of ports that a file builds.
    about : Mapping
        Line of a part -> the port's layer that it is about, or "", and the one that this stands behind.
    port_layers : tuple of str
        What the port calls its layers, in order.
    only_inside : tuple of str
        The reference's layers and outputs before or in which the models differ though no output does.

    Examples
    --------
    Keras' own epsilon is not torch's:

    >>> import keras, torch
    >>> from porting import ModelPair, convert
    >>> pair = ModelPair(
    ...     name="own",
    ...     reference=lambda: torch.nn.LayerNorm(4),
    ...     port=lambda: keras.Sequential([keras.Input((4,)), keras.layers.LayerNormalization(name="norm")]),
    ...     input_shapes=((4,),),
    ... )
    >>> torch.save(torch.nn.LayerNorm(4).state_dict(), "net.pt")
    >>> report = convert("net.pt", "net", pair=pair).report
    >>> {name: part.status.value for name, part in report.parts.items()}
    {'transfer': 'FAIL', 'semantics': 'FAIL', 'deployed': 'FAIL', 'training': 'FAIL'}
    >>> [(found.where, cause.name) for found in report.divergences for cause in found.causes]
    [('inside', 'another epsilon')]
    >>> report.divergences[0].causes[0].remedy
    "give norm the reference's epsilon=1e-05"
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
    patience: float | None = None
    drift: tuple[str, ...] = ()
    lacks_float64: str = ""
    source: PortSource | None = None
    about: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    port_layers: tuple[str, ...] = ()
    only_inside: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """The verdict in a line: what it rests on are arrays of the size of the model."""
        parts = ", ".join(f"{name} {part.status.value}" for name, part in self.parts.items())
        return f"<ParityReport of {self.pair}: {self.verdict.value}; {parts}>"

    def __str__(self) -> str:
        """The verdict, and what each part of it says."""
        lines = (f"{name} {part.status.value}: {line}" for name, part in self.parts.items() for line in part.lines)
        return "\n".join([self.verdict.value, *lines])

    @property
    def parts(self) -> dict[str, Part]:
        """The four parts of the verdict by name, in the order in which they are judged."""
        return {name: getattr(self, name) for name in ("transfer", "semantics", "deployed", "training")}

    def with_source(self, source: PortSource | None) -> "ParityReport":
        """The report with the file that builds the port, and the line of that file in each line that has one."""
        if source is None:
            return self
        return replace(self, source=source, **{name: self._placed(part, source) for name, part in self.parts.items()})

    def _placed(self, part: Part, source: PortSource) -> Part:
        lines = []
        for line in part.lines:
            layer, behind = self.about.get(line, ("", ""))
            place = source.place_of_layer(layer) if layer else ""
            place = place or (source.place_behind(behind) if line in self.about else "")
            lines.append(f"{line} ({place})" if place else line)
        return replace(part, lines=tuple(lines))

    @property
    def first_divergence(self) -> Divergence | None:
        """The first place of the strongest fault."""
        return next(iter(self.divergences), None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The divergences, those of one fault as one finding, the strongest first."""
        return find_faults(self.divergences)

    @property
    def verdict(self) -> Status:
        """FAIL if any part fails, PASS if all pass, NOT CHECKED otherwise."""
        return overall(part.status for part in self.parts.values())
