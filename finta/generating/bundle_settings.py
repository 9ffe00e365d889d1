"""What each bundle is generated with: one value for all, or the published files, ``{bundle: value}``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from finta.generating.anatomy_files import FA, WHITE_MATTER, AnatomyFiles
from tractography.errors import GenerationError
from tractography.generating.anatomy import Anatomy
from tractography.generating.generation import Settings
from tractography.generating.seeds import MAX_SEEDS, RATIO, check_ratio


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_angle(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 90


def _is_ratio(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(share, int | float) for share in value)


PUBLISHED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "degrees": ("an angle from 0 to 90", _is_angle),
    "ratios": ("[subject, atlas]", _is_ratio),
    "max_total_sampling": ("a whole number above 0", _is_count),
    "number_rejection_sampling": ("a whole number above 0", _is_count),
    "white_matter_masks": ("wm or fa", lambda value: value in (WHITE_MATTER, FA)),
}
"""What each of the published files holds for a bundle."""


@dataclass(frozen=True, slots=True)
class BundleSettings:
    """What a bundle is generated with.

    Attributes
    ----------
    ratio : tuple of two float
        Shares of the subject's and the atlas' seeds.
    anatomy : Anatomy
    settings : Settings
    """

    ratio: tuple[float, float]
    anatomy: Anatomy
    settings: Settings


@dataclass(frozen=True, slots=True)
class Choices:
    """What a user chose for all bundles, and for each by files.

    Attributes
    ----------
    settings : Settings
    ratio : tuple of two float, optional
        Shares of the subject and the atlas; half and half where there is an atlas if not given.
    anatomy : AnatomyFiles
    max_seeds : int
    files : mapping of str to Path
        The published files, each a JSON object ``{bundle: value}``, by the names in `PUBLISHED`. Their values go
        before those for all: ``degrees`` before the anatomy's `max_angle`, ``ratios`` before `ratio`,
        ``max_total_sampling`` and ``number_rejection_sampling`` before the settings' `max_sampled` and, in the
        rejection mode, `draws`.
        ``white_matter_masks`` chooses between its `white_matter` and `fa`.
    """

    settings: Settings
    ratio: tuple[float, float] | None = None
    anatomy: AnatomyFiles = field(default_factory=AnatomyFiles)
    max_seeds: int = MAX_SEEDS
    files: Mapping[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.anatomy.check(has_angles="degrees" in self.files, may_choose="white_matter_masks" in self.files)

    def paths(self) -> list[Path]:
        """All files that it names."""
        return [*self.anatomy.images().values(), *self.files.values()]


def settings_of_bundles(names: list[str], choices: Choices, has_atlas: bool) -> dict[str, BundleSettings]:
    """Work out what each bundle is generated with, and read its images once.

    Raises
    ------
    GenerationError
        If a file or an image cannot be used, lacks a bundle, or they do not go together.
    """
    published = {name: _read_published(name, path, names) for name, path in choices.files.items()}
    masks, peaks, lengths = choices.anatomy.read_masks(), choices.anatomy.read_peaks(), choices.anatomy.lengths

    def settings_of(bundle: str) -> BundleSettings:
        held = {name: values[bundle] for name, values in published.items()}
        ratio = tuple(held.get("ratios", choices.ratio or (RATIO if has_atlas else (1.0, 0.0))))
        check_ratio(ratio)
        kind = held.get("white_matter_masks", next(iter(masks), None))
        if kind and kind not in masks:
            raise GenerationError(
                f"{choices.files['white_matter_masks']} wants {kind} for {bundle}, which is not given. Give --{kind}."
            )
        anatomy = Anatomy(masks[kind] if kind else None, peaks, held.get("degrees", choices.anatomy.angle), lengths)
        settings = replace(choices.settings, max_sampled=held.get("max_total_sampling", choices.settings.max_sampled))
        if settings.mode == "rejection":
            settings = replace(settings, draws=held.get("number_rejection_sampling", settings.draws))
        return BundleSettings(ratio, anatomy, settings)

    return {name: settings_of(name) for name in names}


def _read_published(name: str, path: Path, bundles: list[str]) -> dict[str, Any]:
    from tractography.filtering.thresholds import read_flat

    held = read_flat(path)
    words, is_valid = PUBLISHED[name]
    if missing := [bundle for bundle in bundles if bundle not in held]:
        raise GenerationError(f"{path} holds nothing for {', '.join(missing)}. Add them: {words} for each.")
    if bad := [bundle for bundle in bundles if not is_valid(held[bundle])]:
        raise GenerationError(f"{path}: {', '.join(f'{name} has {held[name]!r}' for name in bad)}; it must be {words}.")
    return held
