"""Draw mutants of a written port, each kind as often as the others, and judge them one by one."""

from collections.abc import Callable, Iterator

import keras
import numpy as np

from parity_tests.mutated.changes.source_operators import SOURCE_OPERATORS
from parity_tests.mutated.changes.weight_operators import WEIGHT_OPERATORS, floating_arrays
from parity_tests.mutated.judging import Record, judge_source, judge_weights
from parity_tests.mutated.written import Written

UNCOUNTED = ("unbuilt", "refused", "error")
"""What became of mutants that cannot be judged."""


def judged_mutants(written: Written, count: int, seed: int, operators: str | None = None) -> Iterator[Record]:
    """Draw mutants until so many were judged, or there are no more."""
    generator = np.random.default_rng([seed, *written.name.encode()])
    left = {name: held for name, held in _mutants(written, generator).items() if held and operators in (None, name)}
    while left and count > 0:
        name = generator.choice(list(left))
        judge = left[name].pop(int(generator.integers(len(left[name]))))
        left = {other: held for other, held in left.items() if held}
        record = judge()
        keras.backend.clear_session()
        count -= record.outcome not in UNCOUNTED
        yield record


def _mutants(written: Written, generator: np.random.Generator) -> dict[str, list[Callable[[], Record]]]:
    """Every mutant that there is, by its operator."""
    found: dict[str, list[Callable[[], Record]]] = {}
    for row in SOURCE_OPERATORS:
        found[row.name] = [
            lambda row=row, exchanged=exchanged: judge_source(written, row, exchanged)
            for exchanged in row.find(written.right)
        ]
    arrays = floating_arrays(keras.saving.load_model(written.folder / "port.keras", compile=False))
    for spoiler in WEIGHT_OPERATORS:
        found[spoiler.name] = [
            lambda row=spoiler, spoiled=spoiled: judge_weights(written, row, spoiled)
            for spoiled in spoiler.spoil(arrays, generator)
        ]
    return found
