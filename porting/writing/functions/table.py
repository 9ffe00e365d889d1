"""All rows, by the name of torch's function."""

from porting.writing.functions import (  # noqa: F401 - each makes its rows known
    activations,
    attention,
    creation,
    indexing,
    kinds,
    normalisations,
    pointwise,
    products,
    reductions,
    scattering,
)
from porting.writing.functions.arranging import rearranging, repeating, shapes  # noqa: F401
from porting.writing.functions.row import Row, row
from porting.writing.functions.sliding import pooling, sampling, transposing, windows  # noqa: F401

FUNCTION_ROWS: dict[str, Row] = row.by_name
"""Name of a function of ATen, without its overload and without the underscore of in-place -> its row."""

EMITS_NOTHING = {
    "_assert_tensor_metadata", "_assert_scalar", "_assert_async", "sym_constrain_range",
    "sym_constrain_range_for_size",
}  # fmt: skip
"""Functions that return nothing."""


def find_row(target: object) -> Row | None:
    """Look up the row of a function of the exported graph."""
    return FUNCTION_ROWS.get(name_of(target))


def name_of(target: object) -> str:
    """What a function of the exported graph is called, whichever overload, in place or not."""
    name = getattr(target, "__name__", str(target)).partition(".")[0]
    plain = name if name.startswith("__") else name.rstrip("_")
    return plain or name


def is_in_place(target: object) -> bool:
    """Whether a function changes its first argument."""
    schema = getattr(target, "_schema", None)
    return bool(schema and schema.is_mutable)
