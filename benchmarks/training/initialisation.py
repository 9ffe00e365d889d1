"""Whether the port begins as PyTorch: ``python -m benchmarks.training.initialisation [--seeds 100] [--sample 200]``.

The autoencoder of 256 points is initialised afresh for each seed, by `keras_model.initialise` and by PyTorch's own
``reset_parameters``. Of every variable a random sample, as large for each seed, enters a two-sample
Kolmogorov-Smirnov test: values drawn independently, as the test supposes. The bounds are those of all values.

Two variables that an initialiser gave the same numbers begin with the same values once each is divided by its bound.
The first three of every variable at every seed are compared with those of all others. That the comparison can fail is
shown by variables that one seeded initialiser was shared by.
"""

import argparse
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import ks_2samp

from benchmarks.ground.machine import name_machine, prepare_frameworks
from porting.commands.progress import steps
from porting.port import side as keras_side
from porting.proof.runs import OnStep
from porting.reference import side as torch_side

FIRST = 3
"""Values that variables are told apart by: the shortest has no more."""

CLOSE = 1e-5
"""Distance of such triples that rounding to float32 explains, in bounds; chance brings one pair in 1e15 so near."""

SIGNIFICANCE = 0.05


@dataclass(slots=True)
class Drawn:
    """What was drawn for one variable over all seeds."""

    bound: float
    greatest: float = 0.0
    samples: list[np.ndarray] = field(default_factory=list)
    starts: list[np.ndarray] = field(default_factory=list)

    def add(self, values: np.ndarray, sample: int, generator: np.random.Generator) -> None:
        """Keep of one seed's values what the figures need."""
        self.greatest = max(self.greatest, float(np.abs(values).max()))
        self.samples.append(generator.choice(values, min(sample, len(values)), replace=False))
        self.starts.append(values[:FIRST] / self.bound)


def torch_name(path: str) -> str:
    """The reference's name of a variable."""
    layer, kind = path.split("/")
    weight = {"kernel": "weight", "bias": "bias"}[kind]
    return f"{layer}.{weight}" if layer.startswith("fc") else f"{layer}.1.{weight}"


def draw(seeds: int, sample: int, on_step: OnStep) -> tuple[dict[str, Drawn], dict[str, Drawn]]:
    """Initialise both models for each seed; by the port's paths, what the port and the reference drew."""
    import torch

    from keras_model import build_autoencoder, initialise
    from reference_torch import Autoencoder

    port, reference = build_autoencoder(), Autoencoder()
    names = {variable.path: torch_name(variable.path) for variable in port.weights}
    held = torch_side.arrays(reference)
    fans = {path: held[name.replace("bias", "weight")][0].size for path, name in names.items()}
    ours, theirs = ({path: Drawn(1 / math.sqrt(fan)) for path, fan in fans.items()} for _ in range(2))
    generator = np.random.default_rng(0)
    for seed in range(seeds):
        initialise(port, seed)
        torch.manual_seed(seed)
        for module in reference.modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
        held = torch_side.arrays(reference)
        for variable in port.weights:
            ours[variable.path].add(keras_side.array_of(variable).ravel(), sample, generator)
            theirs[variable.path].add(held[names[variable.path]].ravel(), sample, generator)
        on_step("initialising both models", seed + 1, seeds)
    return ours, theirs


def count_shared(starts: Iterable[np.ndarray]) -> int:
    """Pairs of variables that begin with the same numbers."""
    return len(cKDTree(np.stack(list(starts))).query_pairs(CLOSE))


def plant_shared(ours: Mapping[str, Drawn]) -> int:
    """Pairs that are found where one seeded initialiser draws all variables."""
    from keras_model import TorchUniform

    def start(drawn: Drawn) -> Any:
        values = TorchUniform(fan_in=round(drawn.bound**-2), seed=0)((FIRST,))
        return keras_side.array_of(values) / drawn.bound

    return count_shared(map(start, ours.values()))


def report(ours: Mapping[str, Drawn], theirs: Mapping[str, Drawn]) -> None:
    """Print a row for each variable, the lowest p-value, and how many variables share numbers."""
    print("\n| variable | 1/sqrt(fan_in) | greatest Keras | greatest PyTorch | values | KS statistic | p |")
    print("|---|---|---|---|---|---|---|")
    lowest = {}
    for path, drawn in ours.items():
        other = theirs[path]
        pooled = np.concatenate(drawn.samples), np.concatenate(other.samples)
        test: Any = ks_2samp(*pooled)
        lowest[path] = float(test.pvalue)
        greatest = f"{drawn.greatest:.6f} | {other.greatest:.6f} | {len(pooled[0]):,}"
        print(f"| {path} | {drawn.bound:.6f} | {greatest} | {test.statistic:.4f} | {test.pvalue:.3f} |")
    worst = min(lowest, key=lambda path: lowest[path])
    limit = SIGNIFICANCE / len(lowest)
    print(f"\nlowest p of {len(lowest)} variables: {lowest[worst]:.4f} ({worst}); Bonferroni's limit {limit:.4f}")
    drawings = [(name, held) for name, held in (("Keras", ours), ("PyTorch", theirs))]
    beyond = {name: sum(is_beyond(drawn) for drawn in held.values()) for name, held in drawings}
    print(f"variables with values beyond their bound: {beyond['Keras']} in Keras, {beyond['PyTorch']} in PyTorch")
    starts = [start for drawn in ours.values() for start in drawn.starts]
    print(f"pairs that share numbers, of {len(starts):,} variables over all seeds: {count_shared(starts)}")
    print(f"pairs found where one seeded initialiser draws all: {plant_shared(ours)} of {math.comb(len(ours), 2)}")


def is_beyond(drawn: Drawn) -> bool:
    """Whether a value exceeds the bound, as float32 has it."""
    return drawn.greatest > float(np.float32(drawn.bound))


def main() -> None:
    """Draw, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--sample", type=int, default=200, help="values of a variable at each seed, if it has as many")
    options = parser.parse_args()
    frameworks = prepare_frameworks()
    print(f"{name_machine()}; {frameworks}")
    started = time.monotonic()
    with steps() as on_step:
        ours, theirs = draw(options.seeds, options.sample, on_step)
    print(f"{options.seeds} seeds: {time.monotonic() - started:.0f} s")
    report(ours, theirs)


if __name__ == "__main__":
    main()
