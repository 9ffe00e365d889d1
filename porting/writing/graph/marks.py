"""Modules that torch.export takes apart, or that vanish in evaluation: while it exports, each is one call."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from porting.drops import Drop, Dropping, drop_of_module, replaced
from porting.rules.table import LAYER_RULES

if TYPE_CHECKING:
    import torch

LIBRARY = "porting"

RMS_NORMALISATIONS = {row.reference for row in LAYER_RULES if row.port == "RMSNormalization"} - {"RMSNorm"}
"""Classes of language models that the table of layers knows as one layer each."""

TRANSPOSED_LINEAR = "Conv1D"
"""Transformers' Linear, whose weight is (feature, unit)."""


@contextmanager
def whole_modules(model: "torch.nn.Module", dropping: Sequence[Dropping] = ()) -> Iterator[None]:
    """Let such modules of a model, and functions that drop, be one call each, and give them their own code back."""
    changed = []
    try:
        for module in model.modules():
            if forward := _marked_forward(module):
                changed.append((module, vars(module).get("forward")))
                module.forward = forward
        with _kept_dropout(), _kept_masks(), replaced(dropping, _dropped):
            yield
    finally:
        for module, own in changed:
            if own is None:
                del module.forward
            else:
                module.forward = own


DROPOUTS = {
    "dropout": "dropout",
    **{f"dropout{rank}d": "feature_dropout" for rank in (1, 2, 3)},
    "alpha_dropout": "alpha_dropout",
    "feature_alpha_dropout": "feature_alpha_dropout",
}
"""Functions of ``torch.nn.functional`` that decompositions leave out in evaluation -> the call that they become."""


@contextmanager
def _kept_dropout() -> Iterator[None]:
    """Let functions that drop be calls of their own, with the rate that they are given."""
    from torch.nn import functional

    held = {name: getattr(functional, name) for name in DROPOUTS}

    def kept(operator: str) -> Callable[..., Any]:
        def drop(input: "torch.Tensor", p: float = 0.5, training: bool = True, *_: Any, **__: Any) -> Any:  # noqa: A002
            return getattr(_operators(), operator)(input, p, training)

        return drop

    try:
        for name, operator in DROPOUTS.items():
            setattr(functional, name, kept(operator))
        yield
    finally:
        for name, function in held.items():
            setattr(functional, name, function)


class _Functional:
    """``torch.nn.functional`` as transformers see it: truth values stay what masks are made of."""

    def __getattr__(self, name: str) -> Any:
        from torch.nn import functional

        return getattr(functional, name)

    @staticmethod
    def _canonical_mask(mask: Any, *_: Any, **__: Any) -> Any:
        return mask


@contextmanager
def _kept_masks() -> Iterator[None]:
    """Let transformers hand their masks on as they come: they look at values, which an export has not."""
    from torch.nn.modules import transformer

    held = {name: getattr(transformer, name) for name in ("F", "_detect_is_causal_mask")}
    try:
        transformer.F = _Functional()  # type: ignore[assignment]
        transformer._detect_is_causal_mask = lambda mask, is_causal=None, size=None: bool(is_causal)
        yield
    finally:
        for name, original in held.items():
            setattr(transformer, name, original)


def _marked_forward(module: "torch.nn.Module") -> Callable[..., Any] | None:
    import torch

    if isinstance(module, torch.nn.MultiheadAttention):
        return _attention(module) if _is_plain(module) else None
    if type(module).__name__ in RMS_NORMALISATIONS:
        return _rms_normalisation(module)
    if type(module).__name__ == TRANSPOSED_LINEAR and not isinstance(module, torch.nn.Conv1d) and hasattr(module, "nf"):
        return lambda x: _operators().transposed_linear(x, module.weight, module.bias)
    if isinstance(module, torch.nn.EmbeddingBag):
        return _bag(module)
    return _drawing(module)


def _drawing(module: Any) -> Callable[..., Any] | None:
    """What a module that draws in training becomes; None where none is known."""
    import torch

    if isinstance(module, torch.nn.RReLU) and module.lower != module.upper:
        return lambda x: _operators().random_leaky_relu(x, module.lower, module.upper)
    if rate := drop_path_rate(module):
        return _drop_path(*rate)
    drop = drop_of_module(module) if not type(module).__module__.startswith("torch.") else None
    return _dropping(module, drop) if drop else None


def _dropping(module: Any, drop: Drop) -> Callable[..., Any]:
    """A module of anybody's that drops."""
    original = module.forward
    return lambda x, *args, **keywords: _dropped(drop, x, lambda: original(x, *args, **keywords))


def _dropped(drop: Drop, x: "torch.Tensor", call: Callable[[], Any]) -> Any:
    """What drops in training alone, as the call that says so."""
    made = call()
    if made is not x:
        return made
    if drop.drops == "samples":
        return _operators().drop_path(x, drop.rate, True)
    return getattr(_operators(), "dropout" if drop.drops == "values" else "feature_dropout")(x, drop.rate, False)


def _rms_normalisation(module: Any) -> Callable[..., Any]:
    import torch

    eps = getattr(module, "variance_epsilon", getattr(module, "eps", 1e-6))
    return lambda x: torch.nn.functional.rms_norm(x, (x.shape[-1],), module.weight, eps)


def drop_path_rate(module: "torch.nn.Module") -> tuple[float, bool] | None:
    """How often a module leaves a branch out, and whether for each sample by itself; None where it does not."""
    kind, settings = type(module).__name__, vars(module)
    if kind == "StochasticDepth" and {"p", "mode"} <= settings.keys():
        return (float(settings["p"]), settings["mode"] == "row") if settings["p"] else None
    if kind.endswith("DropPath") and not list(module.children()):
        rate = settings.get("drop_prob") or 0.0
        return (float(rate), True) if rate and getattr(module, "scale_by_keep", True) else None
    return None


def _bag(module: Any) -> Callable[..., Any]:
    """The vectors of equally long bags, and their sum, mean or maximum."""
    import torch

    original = module.forward

    def forward(input: "torch.Tensor", offsets: Any = None, per_sample_weights: Any = None) -> "torch.Tensor":  # noqa: A002
        is_plain = module.padding_idx is None and module.max_norm is None
        if input.dim() != 2 or offsets is not None or not is_plain:
            return original(input, offsets, per_sample_weights)
        vectors = torch.nn.functional.embedding(input, module.weight)
        if per_sample_weights is not None:
            vectors = vectors * per_sample_weights[..., None]
        return vectors.amax(1) if module.mode == "max" else getattr(vectors, module.mode)(1)

    return forward


def _drop_path(rate: float, each: bool) -> Callable[..., Any]:
    def forward(x: "torch.Tensor", *_: Any) -> "torch.Tensor":
        return _operators().drop_path(x, rate, each)

    return forward


def _is_plain(module: Any) -> bool:
    """Whether Keras' layer has all that an attention was built with."""
    import torch

    plain = type(module).forward is torch.nn.MultiheadAttention.forward
    return plain and module.bias_k is None and not module.add_zero_attn


def _attention(module: Any) -> Callable[..., Any]:
    """One call, but for masks that differ from head to head."""
    original = module.forward

    def forward(
        query: "torch.Tensor",
        key: "torch.Tensor",
        value: "torch.Tensor",
        key_padding_mask: "torch.Tensor | None" = None,
        need_weights: bool = True,
        attn_mask: "torch.Tensor | None" = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple["torch.Tensor", "torch.Tensor | None"]:
        masks = [mask for mask in (key_padding_mask, attn_mask) if mask is not None]
        if query.dim() != 3 or any(mask.dim() != 2 for mask in masks):
            return original(
                query, key, value, key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal
            )
        weights = [module.in_proj_weight, module.q_proj_weight, module.k_proj_weight, module.v_proj_weight]
        weights += [module.in_proj_bias, module.out_proj.weight, module.out_proj.bias]
        settings = (module.num_heads, float(module.dropout), module.batch_first, average_attn_weights)
        given = [weight for weight in weights if weight is not None]
        output, shares = _operators().multi_head_attention(
            query, key, value, key_padding_mask, attn_mask, given, *settings
        )
        return output, shares if need_weights else None

    return forward


def noise() -> Any:
    """The call that adds normal numbers of a spread in training."""
    return _operators().noise.default


@cache
def _operators() -> Any:
    """The calls, which torch knows by their shapes alone."""
    import torch

    if hasattr(torch.ops.porting, "drop_path"):
        return torch.ops.porting
    library = torch.library.Library(LIBRARY, "FRAGMENT")
    library.define("drop_path(Tensor x, float rate, bool each) -> Tensor")
    library.define("noise(Tensor x, float spread) -> Tensor")
    library.impl("noise", lambda x, spread: x.clone(), "CompositeExplicitAutograd")
    for name in dict.fromkeys(DROPOUTS.values()):
        library.define(f"{name}(Tensor x, float p, bool train) -> Tensor")
        library.impl(name, lambda x, p, train: x.clone(), "CompositeExplicitAutograd")
    library.define("random_leaky_relu(Tensor x, float lower, float upper) -> Tensor")
    library.impl("random_leaky_relu", lambda x, lower, upper: x.clone(), "CompositeExplicitAutograd")
    library.define("transposed_linear(Tensor x, Tensor weight, Tensor bias) -> Tensor")
    library.define(
        "multi_head_attention(Tensor query, Tensor key, Tensor value, Tensor? key_padding_mask, Tensor? attn_mask, "
        "Tensor[] weights, int heads, float dropout, bool batch_first, bool average) -> (Tensor, Tensor)"
    )
    library.impl("drop_path", lambda x, rate, each: torch.empty_like(x), "CompositeExplicitAutograd")
    library.impl("transposed_linear", lambda x, weight, bias: x @ weight + bias, "CompositeExplicitAutograd")
    library.impl("multi_head_attention", _attention_shapes, "CompositeExplicitAutograd")
    _operators.library = library  # type: ignore[attr-defined]
    return torch.ops.porting


def _attention_shapes(query: Any, key: Any, value: Any, *settings: Any) -> tuple[Any, Any]:
    heads, _, batch_first, average = settings[-4:]
    samples, points = (0, 1) if batch_first else (1, 0)
    shares = (query.shape[points], key.shape[points])
    shares = shares if average else (heads, *shares)
    return query.new_empty(query.shape), query.new_empty((query.shape[samples], *shares))
