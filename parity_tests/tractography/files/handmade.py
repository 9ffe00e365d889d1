"""Tractograms laid out byte by byte, by nobody's writer: as others write them, damage them or make them up."""

import json
import struct
import zipfile

import nibabel as nib
import numpy as np
from nibabel.streamlines.trk import get_affine_rasmm_to_trackvis, header_2_dtype

AFFINE = np.array([[-2, 0, 0, 90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1]], np.float32)
"""Its voxels run L, A, S."""
DIMENSIONS = (91, 109, 91)
COUNT = 10
NAN, INF = np.nan, np.inf


def make_lines():
    """Ten streamlines of 20 to 29 points, some 60 mm long, in RAS+ mm."""
    generator = np.random.default_rng(5)
    steps = [generator.normal((0, 2.5, 0), 0.4, (20 + number, 3)) for number in range(COUNT)]
    return [(np.cumsum(step, axis=0) + np.array([-30, -20, 10])).astype(np.float32) for step in steps]


LINES = make_lines()
BROKEN = {
    "a streamline of no points": np.empty((0, 3)),
    "a streamline of one point": LINES[0][:1],
    "a streamline of no length": np.repeat(LINES[0][:1], 5, axis=0),
    "a streamline with NaN": np.array([[1, 2, 3], [NAN, 5, 6], [7, 8, 9]]),
    "a streamline with infinity": np.array([[1, 2, 3], [4, INF, 6], [7, 8, 9]]),
}


def among(*extra):
    """The ten, with others between."""
    return [*LINES[:3], *extra, *LINES[3:]]


def write_trk(path, lines=LINES, *, swapped=False, tail=b"", order=b"LAS", stated=None, keep=None, **fields):
    """Write records; `stated` is what the header says of the order that they are in."""
    header = np.zeros((), header_2_dtype.newbyteorder("<"))
    header["magic_number"], header["version"], header["hdr_size"] = b"TRACK", 2, 1000
    header["voxel_to_rasmm"], header["dimensions"], header["voxel_sizes"] = AFFINE, DIMENSIONS, (2, 2, 2)
    header["voxel_order"], header["nb_streamlines"] = order, len(lines)
    there = get_affine_rasmm_to_trackvis(header)
    header["voxel_order"] = order if stated is None else stated
    for name, value in fields.items():
        header[name] = value
    with np.errstate(invalid="ignore"):
        placed = [nib.affines.apply_affine(there, np.reshape(line, (-1, 3))).astype("<f4") for line in lines]
    records = [struct.pack("<i", len(line)) + line.tobytes() for line in placed]
    content = header.tobytes() + b"".join(records[:keep]) + tail
    if swapped:
        head = header.astype(header_2_dtype.newbyteorder(">")).tobytes()
        content = head + np.frombuffer(content[1000:], "<i4").byteswap().tobytes()
    path.write_bytes(content)


def write_tck(path, lines=LINES, *, dtype="<f4", head=("count: 10",), end=b"END\n", ends=True, keep=None):
    """Write a header that says `head`, its last line, and points."""
    kind = {"<f4": "Float32LE", ">f4": "Float32BE", "<f8": "Float64LE", ">f8": "Float64BE"}[dtype]
    head = ["mrtrix tracks", *head, f"datatype: {kind}", "file: . 200"]
    rows = [part for line in lines[:keep] for part in (np.asarray(line, float).reshape(-1, 3), np.full((1, 3), NAN))]
    points = np.concatenate([*rows, np.full((1 if ends else 0, 3), INF)]).astype(dtype)
    path.write_bytes(("\n".join(head).encode() + b"\n" + end).ljust(200, b"\n") + points.tobytes())


def trx_entries(lines=LINES, *, positions="positions.3.float32", extra=None, **header):
    """Name -> content of a TRX file's entries."""
    points = np.concatenate([np.asarray(line).reshape(-1, 3) for line in lines])
    offsets = np.cumsum([0, *map(len, lines)])
    about = {"DIMENSIONS": DIMENSIONS, "VOXEL_TO_RASMM": AFFINE.tolist()}
    about |= {"NB_VERTICES": len(points), "NB_STREAMLINES": len(lines)} | header
    return {
        "header.json": json.dumps(about).encode(),
        positions: points.astype(f"<{np.dtype(positions.rpartition('.')[2]).str[1:]}").tobytes(),
        "offsets.uint64": offsets.astype("<u8").tobytes(),
    } | (extra or {})


def write_trx(path, entries, compression=zipfile.ZIP_STORED):
    """Write entries as an archive; those of None are left out."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            if content is not None:
                archive.writestr(name, content)


def write_folder(path, entries):
    """Write entries as a folder."""
    for name, content in entries.items():
        place = path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def write_good_trx(path):
    """Write a TRX file without a fault."""
    write_trx(path, trx_entries())


def write_reference(path):
    """Write the image that the streamlines lie in."""
    nib.save(nib.Nifti1Image(np.zeros(DIMENSIONS, np.uint8), AFFINE), path)
    return path
