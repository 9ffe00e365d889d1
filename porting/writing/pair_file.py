"""The pair of a reference and what was written of it, as the source of a module beside it."""

import os
from pathlib import Path
from pprint import pformat
from textwrap import indent

import numpy as np

from porting.errors import PairError
from porting.pairs.finding import file_of, find_pair
from porting.pairs.pair import ModelPair, Sizes
from porting.probes import Probe, checked, read_probe
from porting.writing.examples import Example
from porting.writing.model import WrittenModel
from porting.writing.references import Reference
from porting.writing.source import formatted

SUFFIX = "_pair.py"


def pair_of(written: WrittenModel, reference: Reference, port: Path, example: Example) -> ModelPair:
    """The pair as an object, whose port is built by the module at `port`, and which shows both models the example."""

    def probe(sizes: Sizes, file: Path | None, count: int) -> Probe:
        if file is not None:
            return read_probe(written.input_shapes, file, count)
        return checked(ports_inputs(written, example), example.source).rows(count)

    return ModelPair(
        name=port.stem,
        reference=reference.build,
        port=f"{port}:build",
        inputs=written.inputs,
        outputs=written.outputs,
        input_shapes=written.input_shapes,
        axes=written.axes,
        activations=written.activations,
        opens=written.opens,
        rules=reference.pair.rules if reference.pair else (),
        probe=probe,
        place=str(port.with_name(f"{port.stem}{SUFFIX}")) if reference.source else "",
    )


def ports_inputs(written: WrittenModel, example: Example) -> list[np.ndarray]:
    """An example in the port's axis order."""
    orders = [_order(pattern) for pattern in written.patterns()]
    return [np.transpose(array, order) for array, order in zip(example.arrays(), orders, strict=True)]


def _order(pattern: str) -> list[int]:
    """Where the reference has each of the port's axes."""
    reference, _, port = pattern.partition(" -> ")
    return [reference.split().index(name) for name in port.split()]


def pair_source(written: WrittenModel, reference: Reference, name: str, folder: Path) -> str:
    """The pair as the source of a module that is to lie in a folder, beside the port's."""
    says = {
        "inputs": written.inputs,
        "outputs": written.outputs,
        "input_shapes": written.input_shapes,
        **({"axes": dict(written.axes)} if written.axes else {}),
        **({"activations": dict(written.activations)} if written.activations else {}),
        **({"opens": written.opens} if written.opens else {}),
    }
    fields = "\n".join(f"    {key}={pformat(value, width=90, sort_dicts=False)}," for key, value in says.items())
    rules = _rules_source(reference)
    says_rules = f"    rules={rules},\n" if rules else ""
    needs = "from porting.pairs.finding import find_pair\n" if rules else ""
    body = indent(reference.source, "    ")
    file = file_of(reference.called)
    beside = "" if file is None else f"FILE = Path(__file__).parent / {_from(folder, file)!r}\n\n\n"
    return formatted(
        f'"""The pair of {reference.called} and {name}.py, for porting verify, convert and export."""\n\n'
        f"from pathlib import Path\n\nfrom porting import ModelPair\n{needs}\n{beside}\n"
        f'def reference():\n    """Build the model that the port was written from."""\n{body}\n\n\n'
        f"PAIR = ModelPair(\n    name={name!r},\n    reference=reference,\n"
        f'    port=f"{{Path(__file__).with_name({f"{name}.py"!r})}}:build",\n{fields}\n{says_rules})\n'
    )


def _rules_source(reference: Reference) -> str:
    """Where the rules of the pair that the reference is of are found by name; nothing where there are none."""
    if reference.pair is None or not reference.pair.rules:
        return ""
    try:
        find_pair(reference.called)
    except PairError:  # a pair that only this process has
        return ""
    return f"find_pair({reference.called!r}).rules"


def _from(folder: Path, file: Path) -> str:
    """A file's path from a folder, with slashes; from the root where they are on other drives."""
    try:
        return Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return file.resolve().as_posix()
