"""The model as DIPY's own networks are used: weights from a path, and `predict` on streamlines."""

import copy
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from finta.coding.coders import open_coder
from finta.errors import ModelError
from finta.shipped import KERAS_CHECKPOINT
from tractography.errors import FilteringError, TractogramError
from tractography.files.streamlines import Streamlines
from tractography.filtering.assignment import NO_BUNDLE, Assigner, encode_reference

if TYPE_CHECKING:
    from dipy.io.stateful_tractogram import StatefulTractogram
    from nibabel.streamlines.array_sequence import ArraySequence

    Given: TypeAlias = Sequence[np.ndarray] | ArraySequence | StatefulTractogram

_LISTED = 10


class Finta:
    """The autoencoder of streamlines behind the interface of ``dipy.nn``.

    Streamlines are DIPY's ``Streamlines``, a list of arrays, (point, coordinate), in RAS+ mm, or a
    ``StatefulTractogram`` in any space, which is read in RAS+ mm and left as it is. All must have two points or more,
    a length above 0 mm and finite coordinates. What is given back is in RAS+ mm, a row or a streamline for each.

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
        """Reconstruct streamlines, each with the model's number of points, in RAS+ mm.

        Raises
        ------
        TractogramError
            If a streamline cannot be encoded.
        """
        return self.decode(self.encode(streamlines))

    def encode(self, streamlines: "Given") -> np.ndarray:
        """Give latent codes: (streamline, latent), float32.

        Raises
        ------
        TractogramError
            If a streamline cannot be encoded.
        """
        rows = _rows(streamlines)
        self._logger.info(f"Encoding {len(rows)} streamlines")
        return self.model.encode(rows.resampled(self.model.point_count))

    def decode(self, codes: np.ndarray) -> "ArraySequence":
        """Turn latent codes, (streamline, latent), into streamlines in RAS+ mm.

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
        return ArraySequence(list(self.model.decode(codes)))

    def classify(
        self, streamlines: "Given", atlas: "Mapping[str, Given]", thresholds: Mapping[str, float], neighbours: int = 1
    ) -> list[str | None]:
        """Name the bundle of each streamline by the nearest codes of an atlas; None where it is too far from it.

        Parameters
        ----------
        streamlines : Streamlines, list of ndarray or StatefulTractogram
        atlas : mapping of str to streamlines
            The bundles, in the space of `streamlines`.
        thresholds : mapping of str to float
            Greatest latent distance of each bundle, as `finta thresholds` finds it.
        neighbours : int
            How many codes decide.

        Raises
        ------
        TractogramError
            If a streamline cannot be encoded.
        FilteringError
            If a bundle of the atlas has no threshold, or there are fewer codes than neighbours.
        """
        if missing := sorted(set(atlas) - set(thresholds)):
            raise FilteringError(f"No threshold for {', '.join(missing)}. Give one for each bundle of the atlas.")
        resampled = {name: [_rows(bundle, name).resampled(self.model.point_count)] for name, bundle in atlas.items()}
        assigner = Assigner(encode_reference(resampled, self.model.encode), neighbours)
        names = assigner.reference.bundles
        found = assigner.assign(self.encode(streamlines))
        kept = found.kept(np.array([thresholds[name] for name in names]))
        labels = np.where(kept, found.labels, NO_BUNDLE)
        return [None if label == NO_BUNDLE else names[label] for label in labels]


def _rows(given: "Given", called: str = "the streamlines") -> Streamlines:
    """Take streamlines as they come, in RAS+ mm; all must be usable."""
    lines = [np.asarray(line, np.float32) for line in _in_ras(given)]
    for index, line in enumerate(lines):
        if line.ndim != 2 or line.shape[1] != 3:
            raise TractogramError(
                f"{called}: streamline {index} has the shape {line.shape}, not (point, 3). Give a list of such arrays."
            )
    rows = Streamlines(np.concatenate([np.empty((0, 3), np.float32), *lines]), np.array([*map(len, lines)], np.int64))
    if not len(rows):
        raise TractogramError(f"{called}: no streamlines.")
    if len(unusable := np.flatnonzero(~rows.usable())):
        listed = ", ".join(map(str, unusable[:_LISTED])) + (" ..." if len(unusable) > _LISTED else "")
        raise TractogramError(
            f"{called}: {len(unusable)} of {len(rows)} have fewer than two points, no length, or NaN or infinite "
            f"coordinates: {listed}. Remove them first."
        )
    return rows


def _in_ras(given: "Given") -> Any:
    from dipy.io.stateful_tractogram import StatefulTractogram

    if not isinstance(given, StatefulTractogram):
        return given
    moved = copy.deepcopy(given)  # moving it there and back would round
    moved.to_rasmm()
    moved.to_center()
    return moved.streamlines
