"""EmbeddingBag as what it is made of: an Embedding, and a sum, mean or maximum over the words of each bag."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from porting.errors import PairError
from porting.reference.abouts import About, settings_of

if TYPE_CHECKING:
    import torch

Record = Callable[[About, Any, Callable[[Any], Any]], Any]


def abouts(path: str, module: "torch.nn.Module", own: Mapping[str, str]) -> tuple[About, ...]:
    """The table."""
    settings = {
        name: value for name, value in settings_of(module).items() if name not in ("mode", "include_last_offset")
    }
    return (About(path, "Embedding", own, settings),)


def forward(parts: tuple[About, ...], module: Any, record: Record) -> Callable[..., Any]:
    """What the module computes; same arguments, same results up to rounding."""
    import torch

    (table,) = parts

    def run(input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Any:  # noqa: A002 - torch calls it so
        if offsets is not None:
            raise PairError(
                f"{table.name} (EmbeddingBag) is given offsets, and Keras has no bags of different lengths.\n"
                "Give it bags of one length, (sample, word), padded with padding_idx."
            )
        words = record(table, input, lambda fed: torch.nn.functional.embedding(fed, module.weight))
        kept = torch.ones_like(input, dtype=torch.bool) if module.padding_idx is None else input != module.padding_idx
        if module.mode == "max":
            return words.masked_fill(~kept[..., None], -torch.inf).amax(-2)
        shares = kept.to(words.dtype) if per_sample_weights is None else per_sample_weights * kept
        total = (words * shares[..., None]).sum(-2)
        return total / kept.sum(-1, keepdim=True).clamp(min=1) if module.mode == "mean" else total

    return run
