"""Export a converted checkpoint back to PyTorch, bit for bit in all but the tensors that Keras adds up."""

import os
from pathlib import Path
from typing import Any

from porting import DEFAULT_PAIR, keras_runs, keras_side, placement, torch_side
from porting.certificates import broken_seal, find_certificate, stem_of
from porting.errors import PortFileError
from porting.judgement import weights_back
from porting.keras_files import file_format, read_port, read_shapes
from porting.pairs import ModelPair, Sizes, build_reference, draw_probe, find_pair, read_port_sizes
from porting.plan import TransferPlan
from porting.runs import OnStep, plan_of, silent, trace_with_sources
from porting.torch_files import write_checkpoint


def export(
    port: str | os.PathLike,
    output: str | os.PathLike,
    *,
    pair: str | ModelPair | None = None,
    force: bool = False,
    on_step: OnStep = silent,
) -> Path:
    """Write a port's weights as a PyTorch checkpoint in the published layout.

    Bit for bit, all but the tensors that Keras adds up: the first of them gets the sum, the others zeros.

    Parameters
    ----------
    port : path
        A converted checkpoint, fine-tuned or not.
    output : path
        The ``.pt`` file to write.
    pair : str or ModelPair, optional
        What the certificate beside the port says, or the default pair, if not given.
    force : bool
        Replace an existing file.
    on_step : callable
        Told what is being done.

    Raises
    ------
    InputError
        If port, pair or output cannot be used.
    PlanError
        If the port is not one of this pair.
    """
    torch_side.prepare()
    keras_side.prepare()
    path, destination = Path(port), Path(output)
    placement.finish_moves(stem_of(path))
    placement.check_free(destination, ("",), force)
    certificate = find_certificate(path) or {}
    pair = find_pair(pair or certificate.get("pair", DEFAULT_PAIR))
    on_step("reading the port")
    model, sizes = _read_sized(path, pair, certificate)
    reference, plan = _plan_back(pair, model, sizes)
    own = torch_side.arrays(reference)
    state_dict = {name: own[name] for name in plan.without_twin} | dict(
        weights_back(plan, keras_side.weight_getter(model))
    )
    unchanged = certificate and not broken_seal(path)
    extras = certificate["source"]["extras"] if unchanged else {}
    with placement.staging(destination) as staging:
        in_order = {name: state_dict[plan.aliases.get(name, name)] for name in own}
        write_checkpoint(staging.stem, in_order, extras)
        return staging.commit()[0]


def _read_sized(path: Path, pair: ModelPair, certificate: dict) -> tuple[Any, Sizes]:
    """A port and the sizes that it was built with: as its variables show them, or as its certificate says."""
    sizes = certificate.get("sizes", {})
    with keras_side.precision("float32"):
        try:
            if path.is_file() and file_format(path) == "safetensors":
                sizes = read_port_sizes(pair, read_shapes(path))
            model = read_port(path, pair, sizes, draw_probe(pair, sizes, None, 1))
            return model, read_port_sizes(pair, keras_side.shapes(model))
        except ValueError as error:
            raise PortFileError(f"{path} is no port of pair {pair.name}: {error}.") from error


def _plan_back(pair: ModelPair, port: Any, sizes: Sizes) -> tuple[Any, TransferPlan]:
    """A reference of the port's sizes, without values, and the plan between the two."""
    with torch_side.uninitialised():
        reference = build_reference(pair, sizes)
    probe = draw_probe(pair, sizes, None, 1)
    with keras_side.precision("float32"):
        port_trace = keras_runs.trace(port, probe.arrays)
        return reference, plan_of(pair, trace_with_sources(pair, reference, probe), port_trace, port, probe.arrays)
