"""The model as DIPY's own networks are used: weights from a path, and `predict` on streamlines."""

import copy
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from finta.coding.coders import open_coder
from finta.errors import ModelError
from finta.shipped import KERAS_CHECKPOINT
from tractography.errors import FilteringError, TractogramError, TractogramWarning
from tractography.files.streamlines import Streamlines
from tractography.files.tractograms import WHY_SKIPPED, read_whole
from tractography.filtering.assignment import NO_BUNDLE, Assigner, encode_reference

if TYPE_CHECKING:
    from dipy.io.stateful_tractogram import StatefulTractogram
    from nibabel.streamlines.array_sequence import ArraySequence

    Given: TypeAlias = Sequence[np.ndarray] | ArraySequence | StatefulTractogram | str | os.PathLike


class Finta:
    """The autoencoder of streamlines behind the interface of ``dipy.nn``.

    Streamlines are DIPY's ``Streamlines``, a list of arrays, (point, coordinate), in RAS+ mm, the path of a tractogram,
    or a ``StatefulTractogram`` in any space, which is read in RAS+ mm and left as it is. What is given back is in RAS+
    mm, a row or a streamline for each. Those of fewer than two points, of no length, or with coordinates that are not
    finite are skipped: their rows and points are NaN, their bundle is None, and a `TractogramWarning` says how many.

    Parameters
    ----------
    weights_path : path, optional
        As for `load_model_weights`; the default weights where none is given.
    verbose : bool
        Tell DIPY's logger, which writes to standard output, what is done.
    batch_size : int
        Streamlines computed at once; fewer are padded to it. More are faster on a GPU.

    Raises
    ------
    ModelError
        If the weights cannot be used.
    """

    def __init__(
        self, weights_path: str | os.PathLike | None = None, *, verbose: bool = False, batch_size: int = 128
    ) -> None:
        from dipy.utils.logging import logger

        self._logger, self._batch_size = logger, batch_size
        logger.setLevel("INFO" if verbose else "CRITICAL")
        self.load_default_weights() if weights_path is None else self.load_model_weights(weights_path)

    def load_default_weights(self) -> None:
        """Load the shipped checkpoint, trained on the bundles that DIPY brings."""
        self.load_model_weights(KERAS_CHECKPOINT)

    fetch_default_weights = load_default_weights  # what dipy.nn calls it

    def load_model_weights(self, weights_path: str | os.PathLike) -> None:
        """Load a checkpoint; one that cannot be used leaves the model as it was.

        Parameters
        ----------
        weights_path : path
            ``.keras`` or ``.safetensors``: computed by Keras on the backend in use. ``.pt``: by the torch reference.

        Raises
        ------
        ModelError
            If the file is missing, damaged, or not this autoencoder's.
        """
        self.model = open_coder(weights_path, self._batch_size)
        self._logger.info(f"{self.model.path}: {self.model.framework}, {self.model.point_count} points")

    def predict(self, streamlines: "Given") -> "ArraySequence":
        """Reconstruct streamlines, each with the model's number of points, in RAS+ mm; NaN where one was skipped.

        Raises
        ------
        TractogramError
            If there are none, or what is given are no streamlines.
        """
        return self.decode(self.encode(streamlines))

    def encode(self, streamlines: "Given") -> np.ndarray:
        """Give latent codes: (streamline, latent), float32; NaN where a streamline was skipped.

        Raises
        ------
        TractogramError
            If there are none, or what is given are no streamlines.
        """
        rows = _rows(streamlines)
        usable = _usable(rows)
        self._logger.info(f"Encoding {len(rows)} streamlines")
        codes = np.full((len(rows), self.model.latent_size), np.nan, np.float32)
        codes[usable] = self.model.encode(rows.select(usable).resampled(self.model.point_count))
        return codes

    def decode(self, codes: np.ndarray) -> "ArraySequence":
        """Turn latent codes, (streamline, latent), into streamlines in RAS+ mm; NaN gives points of NaN.

        Raises
        ------
        ModelError
            If the codes are not of the model's size.
        """
        from nibabel.streamlines.array_sequence import ArraySequence  # what DIPY calls Streamlines

        codes = np.asarray(codes, np.float32)
        if codes.ndim != 2 or codes.shape[1] != self.model.latent_size:
            raise ModelError(
                f"Codes of shape {codes.shape} cannot be decoded by {self.model.path}: it wants (streamline, "
                f"{self.model.latent_size}). Encode with the same weights."
            )
        decoded = np.full((len(codes), self.model.point_count, 3), np.nan, np.float32)
        finite = np.isfinite(codes).all(axis=1)
        decoded[finite] = self.model.decode(codes[finite])
        return ArraySequence(list(decoded))

    def classify(
        self, streamlines: "Given", atlas: "Mapping[str, Given]", thresholds: Mapping[str, float], neighbours: int = 1
    ) -> list[str | None]:
        """Name the bundle of each streamline by the nearest codes of an atlas.

        Parameters
        ----------
        streamlines : Streamlines, list of ndarray or StatefulTractogram
        atlas : mapping of str to streamlines
            The bundles, in the space of `streamlines`.
        thresholds : mapping of str to float
            Greatest latent distance of each bundle, as `finta thresholds` finds it.
        neighbours : int
            How many codes decide.

        Returns
        -------
        list of str or None
            For each streamline; None where it is further from its bundle than that bundle's threshold, or was skipped.

        Raises
        ------
        TractogramError
            If there are none, or what is given are no streamlines.
        FilteringError
            If a bundle of the atlas has no threshold, or there are fewer codes than neighbours.
        """
        if missing := sorted(set(atlas) - set(thresholds)):
            raise FilteringError(f"No threshold for {', '.join(missing)}. Give one for each bundle of the atlas.")
        resampled = {name: [self._resampled(bundle, name)] for name, bundle in atlas.items()}
        assigner = Assigner(encode_reference(resampled, self.model.encode), neighbours)
        names = assigner.reference.bundles
        found = assigner.assign(self.encode(streamlines))
        kept = found.kept(np.array([thresholds[name] for name in names]))
        labels = np.where(kept, found.labels, NO_BUNDLE)
        return [None if label == NO_BUNDLE else names[label] for label in labels]

    def _resampled(self, given: "Given", called: str) -> np.ndarray:
        rows = _rows(given, called)
        return rows.select(_usable(rows, called)).resampled(self.model.point_count)


def _rows(given: "Given", called: str = "the streamlines") -> Streamlines:
    """Take streamlines as they come, in RAS+ mm."""
    if isinstance(given, str | os.PathLike):
        return _filled(read_whole(given), str(given))
    lines = [np.asarray(line, np.float32) for line in _in_ras(given)]
    for index, line in enumerate(lines):
        if line.ndim != 2 or line.shape[1] != 3:
            raise TractogramError(
                f"{called}: streamline {index} has the shape {line.shape}, not (point, 3). Give a list of such arrays."
            )
    rows = Streamlines(np.concatenate([np.empty((0, 3), np.float32), *lines]), np.array([*map(len, lines)], np.int64))
    return _filled(rows, called)


def _filled(rows: Streamlines, called: str) -> Streamlines:
    if not len(rows):
        raise TractogramError(f"{called}: no streamlines.")
    return rows


def _usable(rows: Streamlines, called: str = "the streamlines") -> np.ndarray:
    """Say which can be encoded, (streamline,), bool, and how many cannot."""
    usable = rows.usable()
    if skipped := int((~usable).sum()):
        warnings.warn(f"{called}: {skipped} of {len(rows)} skipped: {WHY_SKIPPED}.", TractogramWarning, stacklevel=4)
    return usable


def _in_ras(given: "Given") -> Any:
    from dipy.io.stateful_tractogram import StatefulTractogram

    if not isinstance(given, StatefulTractogram):
        return given
    moved = copy.deepcopy(given)  # moving it there and back would round
    moved.to_rasmm()
    moved.to_center()
    return moved.streamlines
