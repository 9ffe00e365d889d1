"""The images, and the limits, that generated streamlines are checked against."""

from dataclasses import dataclass
from pathlib import Path

from tractography.errors import GenerationError
from tractography.generating.anatomy import LENGTHS, MAX_ANGLE, Anatomy
from tractography.generating.volumes import FA_THRESHOLD, Mask, Peaks, check_same_space, read_mask, read_peaks

WHITE_MATTER, FA = "wm", "fa"


@dataclass(frozen=True, slots=True)
class AnatomyFiles:
    """What a user gives.

    Attributes
    ----------
    white_matter, fa : Path, optional
        A mask or parcellation, and a map of fractional anisotropy.
    peaks : Path, optional
        Of the fibre orientations.
    peaks_frame : str
        ``world`` or ``voxel``.
    max_angle : float, optional
        In degrees; 20 if not given.
    lengths : tuple of two float, mm
    """

    white_matter: Path | None = None
    fa: Path | None = None
    peaks: Path | None = None
    peaks_frame: str = "world"
    max_angle: float | None = None
    lengths: tuple[float, float] = LENGTHS

    @property
    def angle(self) -> float:
        """The greatest one, in degrees."""
        return MAX_ANGLE if self.max_angle is None else self.max_angle

    def images(self) -> dict[str, Path]:
        """Those that are given, by what they are."""
        named = {"white matter": self.white_matter, "FA": self.fa, "peaks": self.peaks}
        return {name: path for name, path in named.items() if path}

    def check(self, *, has_angles: bool = False, may_choose: bool = False) -> None:
        """Refuse what contradicts itself; angles may come from a file, and so may the choice between two masks.

        Raises
        ------
        GenerationError
            If there are angles and no peaks, or both masks and nothing to choose between them.
        """
        if not self.peaks and (has_angles or self.max_angle is not None):
            raise GenerationError("Greatest angles are given, and no peaks to measure them from. Give --peaks, too.")
        if self.white_matter and self.fa and not may_choose:
            raise GenerationError(
                "A white-matter mask and an FA map are given. Give one of --wm and --fa; finta sample chooses between "
                "both for each bundle by a file, --white-matter-masks."
            )

    def read(self) -> Anatomy:
        """Read the images, of which one mask at most is given.

        Raises
        ------
        GenerationError
            If an image cannot be used, or they do not go together.
        """
        self.check()
        return Anatomy(next(iter(self.read_masks().values()), None), self.read_peaks(), self.angle, self.lengths)

    def read_masks(self) -> dict[str, Mask]:
        """Read the masks that are given, by `WHITE_MATTER` and `FA`."""
        masks = {}
        if self.white_matter:
            masks[WHITE_MATTER] = read_mask(self.white_matter)
        if self.fa:
            masks[FA] = read_mask(self.fa, FA_THRESHOLD)
        if len(masks) == 2:
            check_same_space(masks[WHITE_MATTER].space, masks[FA].space)
        return masks

    def read_peaks(self) -> Peaks | None:
        """Read the peaks if they are given."""
        return read_peaks(self.peaks, self.peaks_frame) if self.peaks else None
