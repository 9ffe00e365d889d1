"""Tell two models that are built otherwise inside, and are one function all the same, from two functions."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from porting.pairs.pair import ModelPair
from porting.proof.comparison import Comparison
from porting.proof.suspects import Suspect
from porting.proof.training.gradients import Training
from porting.records import parity
from porting.records.kept import rms_of
from porting.records.runs import PortRun, ReferenceRun
from porting.records.verdict import LayerParity

OUTPUT = "output"
"""The kind of the rows of outputs."""

FAR_LIMIT = 1e-9
"""Largest relative error on inputs far outside the probe, whose rounding nobody has measured."""


def is_only_inside(
    pair: ModelPair,
    suspects: Sequence[Suspect],
    compared: Comparison,
    training: Training,
    reference: ReferenceRun,
    port: PortRun,
) -> bool:
    """Whether what differs, differs inside alone: padding in one layer where the other side has it in the next.

    Then every output agrees, on the probe and on inputs many times as large, and so does every gradient, and what a
    step makes of each statistic. What only synthetic activations show may be a fault that these inputs do not reach: it
    is none of it.
    """
    if not suspects or any(held.divergence.seen_on != "probe" for held in suspects):
        return False
    if not (compared.inherited and port.far_outputs and training.errors and training.all_agree):
        return False
    limits = list(output_limits(reference, port))
    on_probe = [deviation.relative_error for _, deviation in compared.inherited.outputs.values()]
    pairs = zip(reference.far_outputs, port.far_outputs, pair.outputs.values(), strict=False)
    far = [parity.paired_output(*both).deviation().relative_error for both in pairs]
    return all(error <= limit for error, limit in zip(on_probe, limits, strict=True)) and all(
        error <= max(limit, FAR_LIMIT) for error, limit in zip(far, limits, strict=False)
    )


def rows_to_judge(
    rows: Iterable[LayerParity], wide: Iterable[LayerParity], inner: Collection[str]
) -> Iterator[LayerParity]:
    """The rows whose float32 is judged: what differs inside alone reaches others, which are then judged alone.

    Outputs are judged in any case.

    Parameters
    ----------
    rows, wide : iterable of LayerParity
        Of a run, and of the run in float64 where it is another one.
    inner : collection of str
        The layers that differ inside.
    """
    reached = {row.reference for row in wide if (row.float64_output_error or 0.0) > parity.FLOAT64_LIMIT}
    for row in rows:
        if row.reference not in inner or row.kind == OUTPUT:
            is_reached = bool(inner) and row.reference in reached
            yield replace(row, float32_ratio=row.own_float32_ratio or 0.0) if is_reached else row


def output_limits(reference: ReferenceRun, port: PortRun) -> Iterator[float]:
    """How far rounding alone takes each output from run to run, in the widest precision that the port was run in."""
    for squares, output in zip(reference.outputs_rounding, reference.trace.outputs, strict=True):
        rounding, scale = parity.root_mean(squares), rms_of(output) or 1.0
        narrow = parity.RATIO_LIMIT**2 * max(rounding / scale, parity.FLOAT32_ULP)
        yield parity.compounded_limit(rounding, scale) if port.wide else narrow
