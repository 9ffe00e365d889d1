"""Write tractograms of any size a piece at a time; every piece goes to the file at once, and no file is held open."""

import os
from pathlib import Path
from typing import Protocol

import numpy as np

from tractography.errors import TractogramError
from tractography.files.formats import SUFFIXES
from tractography.files.headers import Header
from tractography.files.streamlines import Streamlines


class Encoder(Protocol):
    """How streamlines are written in one format."""

    holds_data: bool
    largest_integer: int

    def start(self) -> None:
        """Begin the file."""
        ...

    def append(self, streamlines: Streamlines) -> None:
        """Write streamlines, which are some, behind those before."""
        ...

    def finish(self, count: int) -> None:
        """Complete the file."""
        ...

    def discard(self) -> None:
        """Leave nothing of it."""
        ...


class TractogramWriter:
    """A tractogram that is written a piece at a time.

    As a context manager it completes the file, or leaves nothing of it after an error. Where a crash must not leave
    half a file either, write to a draft and rename it.

    Attributes
    ----------
    path : Path
    count : int
        Streamlines written.
    holds_data : bool
        Whether the format has room for data of points and streamlines; TCK drops them.
    largest_integer : int
        Up to which integers of a streamline are kept exactly: 2**24 in TRK, which holds float32, 0 in TCK.
    """

    def __init__(self, path: Path, encoder: Encoder) -> None:
        self.path, self.count = path, 0
        self.holds_data, self.largest_integer = encoder.holds_data, encoder.largest_integer
        self._encoder, self._open = encoder, True
        self._data: dict[str, tuple] | None = None
        encoder.start()

    def append(self, streamlines: Streamlines) -> None:
        """Write streamlines behind those before.

        Raises
        ------
        TractogramError
            If they hold other data than those before, or what the format has no room for: integers beyond
            `largest_integer`, and in TCK a point of nothing but NaN or infinity, which would end a streamline.
        OSError
            If the disk does not take them.
        """
        if not len(streamlines):
            return
        if self.holds_data:
            self._check_data(streamlines)
        self._encoder.append(streamlines)
        self.count += len(streamlines)

    def _check_data(self, streamlines: Streamlines) -> None:
        data = {f"{name} of points": values.shape[1:] for name, values in streamlines.per_point.items()}
        data |= {f"{name} of streamlines": values.shape[1:] for name, values in streamlines.per_streamline.items()}
        if self._data is None:
            self._data = data
        if data != self._data:
            before, now = (", ".join(held) or "no data" for held in (self._data, data))
            raise TractogramError(
                f"{self.path} was begun with {before}; streamlines with {now} do not go into the same file. "
                "Keep the data that all have."
            )
        for name, values in streamlines.per_streamline.items():
            if values.dtype.kind in "iu" and values.size and _largest(values) > self.largest_integer:
                raise TractogramError(
                    f"{self.path}: {name} reaches {_largest(values)}, and its format keeps integers exactly up to "
                    f"{self.largest_integer}. Write TRX."
                )

    def close(self) -> None:
        """Complete the file, once."""
        if self._open:
            self._open = False
            try:
                self._encoder.finish(self.count)
            except BaseException:
                self._encoder.discard()
                raise

    def discard(self) -> None:
        """Leave nothing of the file."""
        self._open = False
        self._encoder.discard()

    def __enter__(self) -> "TractogramWriter":
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        self.close() if kind is None else self.discard()


def _largest(values: np.ndarray) -> int:
    return max(int(values.max()), -int(values.min()))


def open_writer(path: str | os.PathLike, header: Header, suffix: str | None = None) -> TractogramWriter:
    """Begin a TRK, TCK or TRX file; one that is there is replaced.

    Parameters
    ----------
    path : path
    header : Header
        Of the tractogram that the streamlines are from, or `tractography.files.references.header_of` a reference.
    suffix : str, optional
        The format, where the name of the file does not end in it.

    Raises
    ------
    TractogramError
        If the suffix is none of a tractogram, or the header says nothing of the space that TRK and TRX need.
    OSError
        If the file cannot be written.
    """
    from tractography.writing.tck_writer import TckEncoder
    from tractography.writing.trk_writer import TrkEncoder
    from tractography.writing.trx_writer import TrxEncoder

    path = Path(path)
    suffix = suffix or path.suffix.lower()
    if suffix not in SUFFIXES:
        raise TractogramError(f"{path} is no tractogram: its name must end in {', '.join(SUFFIXES)}.")
    if suffix != ".tck" and not header.has_space:
        raise TractogramError(
            f"{path} cannot be written: {suffix[1:].upper()} files say where their image's voxels lie, and "
            f"{header.suffix[1:].upper()} files do not. Give the image as a reference (NIfTI or TRK), or write TCK."
        )
    encoders = {".trk": TrkEncoder, ".tck": TckEncoder, ".trx": TrxEncoder}
    return TractogramWriter(path, encoders[suffix](path, header))
