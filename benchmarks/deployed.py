"""How near right ports come to the limit in float32, and what is beyond it: ``python -m benchmarks.deployed``.

Right ports of this repository's own models and, where ``pip install '.[public]'`` has been run, of others' are run in
float32, with TensorFlow's oneDNN and without, each in a process of its own. A port's figure is the greatest error of a
layer alone, and of the whole as it runs, over the limit: a right one is to stay below 0.5. Then the same ports are run
with a fault of float32's own size planted: numbers cut to bfloat16, or to TF32, before they are multiplied, an epsilon
of 1e-3 where the reference has 1e-5. Those are to be above 1.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ground.machine import name_machine, prepare_frameworks

SEEDS = (1, 2, 3)
PUBLIC = (
    "encoder",
    "lstm",
    "gru",
    "resnet18",
    "timm_resnet18",
    "applications_mobilenet_v2",
    "timm_vit",
    "bert",
    "gpt2",
)
SAMPLES = 8
HIDDEN_BITS = {"cut to bfloat16": 16, "cut to TF32": 13}
"""What is cut off of the 23 bits behind a float32's point."""


def cut(tensor: Any, bits: int) -> Any:
    """A float32 tensor without its last bits."""
    import tensorflow as tf

    if tensor.dtype != tf.float32:
        return tensor
    return tf.bitcast(tf.bitwise.bitwise_and(tf.bitcast(tensor, tf.int32), -(1 << bits)), tf.float32)


@contextmanager
def coarse_products(bits: int) -> Iterator[None]:
    """Cut what goes into TensorFlow's products, as a coarser unit does."""
    import tensorflow as tf
    from keras.src.backend.tensorflow import nn, numpy

    from porting import calls

    def cutting(function: Callable[..., Any]) -> Callable[..., Any]:
        def product(*operands: Any, **named: Any) -> Any:
            kept = [cut(tf.convert_to_tensor(held), bits) if hasattr(held, "shape") else held for held in operands]
            named = {name: cut(tf.convert_to_tensor(held), bits) if hasattr(held, "shape") else held
                     for name, held in named.items()}  # fmt: skip
            return function(*kept, **named)

        return product

    names = {numpy: ("matmul", "einsum"), nn: ("conv", "depthwise_conv", "conv_transpose")}
    with ExitStack() as stack:
        for module, functions in names.items():
            stack.enter_context(
                calls.with_attributes(module, {name: cutting(getattr(module, name)) for name in functions})
            )
        yield


@contextmanager
def another_epsilon(model: Any) -> Iterator[None]:
    """Give every layer that normalises Keras' default in the place of torch's."""
    held = [layer for layer in model._flatten_layers() if getattr(layer, "epsilon", 1) <= 1.1e-5]
    if not held:
        raise LookupError
    before = [layer.epsilon for layer in held]
    for layer in held:
        layer.epsilon = 1e-3
    try:
        yield
    finally:
        for layer, epsilon in zip(held, before, strict=True):
            layer.epsilon = epsilon


FAULTS: dict[str, Callable[[Any], Any]] = {
    "": lambda model: nullcontext(),
    **{name: lambda model, bits=bits: coarse_products(bits) for name, bits in HIDDEN_BITS.items()},
    "epsilon 1e-3": another_epsilon,
}


def figures(pair: Any, checkpoint: Path) -> Iterator[tuple[str, float, float]]:
    """Each fault, none first, with the greatest errors over the limit: of a layer alone, and as the model runs."""
    from porting.jobs.planning import plan_for
    from porting.pairs.finding import build_port, draw_probe
    from porting.port import side as keras_side
    from porting.proof.comparison import compare, worst_own_ratio, worst_ratio
    from porting.proof.port_runs import narrow_run
    from porting.proof.runs import load_reference, run_reference
    from porting.proof.transfer import move_weights
    from porting.records.parity import RATIO_LIMIT
    from porting.reference.files import read_checkpoint

    model, sizes, source = load_reference(pair, read_checkpoint(checkpoint))
    reference = run_reference(pair, model, draw_probe(pair, sizes, None, SAMPLES), {})
    with keras_side.precision("float32"):
        port = build_port(pair, sizes)
        move_weights(plan_for(pair, reference.trace, port, reference.probe), source.state_dict, port)
        for name, plant in FAULTS.items():
            try:
                with plant(port):
                    rows = compare(pair, reference, narrow_run(pair, port, reference)).rows()
            except LookupError:
                continue
            yield name, worst_own_ratio(rows)[1] / RATIO_LIMIT, worst_ratio(rows)[1] / RATIO_LIMIT


def right_ports(folder: Path) -> Iterator[tuple[str, Any, Path]]:
    """Name, pair and checkpoint of each right port."""
    from parity_tests.porting.causes.fault import write_checkpoint
    from parity_tests.porting.causes.planted.right_ports import RIGHT

    for seed in SEEDS:
        for name, pair in RIGHT.items():
            if "trained" not in name or seed == SEEDS[0]:
                yield f"{name}, seed {seed}", pair, write_checkpoint(name, folder, seed)
    yield from fresh(folder)
    yield from public(folder)


def fresh(folder: Path) -> Iterator[tuple[str, Any, Path]]:
    """Small FINTAs as torch initialises them."""
    import torch

    import reference_torch
    from finta.pair import FINTA

    for seed in SEEDS:
        torch.manual_seed(seed)
        state_dict = reference_torch.Autoencoder(latent_size=8, point_count=64).state_dict()
        torch.save({"epoch": 1, "state_dict": state_dict, "lowest_loss": 0.5, "optimizer": {}}, folder / "fresh.pt")
        yield f"fresh finta, seed {seed}", FINTA, folder / "fresh.pt"


def public(folder: Path) -> Iterator[tuple[str, Any, Path]]:
    """Others' models, where their packages are installed."""
    import torch

    try:
        from benchmarks.public import torchvision_beside_cpu  # noqa: F401
        from benchmarks.public.catalogue import find
        from benchmarks.public.truth import as_trained
        from porting.pairs.finding import draw_probe

        find(PUBLIC[0])
    except ImportError:
        return
    for name in PUBLIC:
        if find(name).expected != "PASS":  # twins that differ are no right ports
            continue
        pair = find(name).describe()
        torch.save(as_trained(pair, draw_probe(pair, {}, None, 32)).state_dict(), folder / "public.pt")
        yield name, pair, folder / "public.pt"


def measure(only: str) -> None:
    """Print a record for each port and fault."""
    prepare_frameworks()
    with tempfile.TemporaryDirectory() as folder:
        for name, pair, checkpoint in right_ports(Path(folder)):
            if only not in name:
                continue
            try:
                for fault, own, whole in figures(pair, checkpoint):
                    print(json.dumps([name, fault, own, whole]), flush=True)
            except Exception as error:  # one pair's trouble is not the others'
                print(json.dumps([name, f"{type(error).__name__}: {error}"[:200], None, None]), flush=True)


def main() -> None:
    """Measure with oneDNN and without, and print a line for each port and a summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="ports whose name contains this")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.only)
        return
    print(name_machine())
    for onednn in ("0", "1"):
        environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": onednn, "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [sys.executable, "-m", "benchmarks.deployed", "--one", "--only", options.only]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        print(f"\noneDNN {'on' if onednn == '1' else 'off'}")
        summarise([json.loads(line) for line in done.stdout.splitlines()])


def summarise(rows: list[list[Any]]) -> None:
    """Print the figures of each port, and how they are distributed."""
    for name, fault, own, whole in rows:
        said = "not run" if own is None else f"{own:10.3f}{whole:10.3f}"
        print(f"{name:<32}{fault or 'right':<18}{said}")
    for fault in FAULTS:
        found = np.array([max(own, whole) for _, planted, own, whole in rows if planted == fault and own is not None])
        if found.size:
            shown = "  ".join(f"{word} {at(found):.3g}" for word, at in _SHOWN.items())
            print(f"{fault or 'right'}: {found.size} ports, over the limit {shown}")


_SHOWN: dict[str, Callable[[np.ndarray], float]] = {
    "least": np.min,
    "median": np.median,
    "nine tenths": partial(np.quantile, q=0.9),
    "greatest": np.max,
}

if __name__ == "__main__":
    main()
