"""What generated streamlines add to sparse bundles.

``python -m benchmarks.bundles.generation --atlas DIR --model FILE``

Of the largest bundles of a labelled atlas, 10, 30 and 100 streamlines are the seeds; `--number` are generated from
them (plain sampling, Silverman's bandwidth) and filtered by white matter (the voxels of 2 mm that any streamline of
the atlas crosses, and their neighbours) and length. Printed for each: the share of decoded streamlines that pass; the
voxels of the full bundle that the seeds reach, and that seeds and generated streamlines reach; how far a generated
streamline is from the nearest of the full bundle, and of its seeds (MDF, mm): one that copies its seed is at 0.
"""

import argparse
import platform
from pathlib import Path

import numpy as np

from benchmarks.bundles.atlas import POINTS
from finta.coding.coders import Coder, open_coder
from porting.commands.progress import steps
from tractography.files.formats import find_tractograms
from tractography.files.tractograms import read_streamlines, resample
from tractography.generating.anatomy import Anatomy
from tractography.generating.densities import fit_density
from tractography.generating.generation import Settings, generate
from tractography.generating.seeds import encode_both_orders
from tractography.generating.volumes import Mask, Space

SEED_COUNTS = (10, 30, 100)
VOXEL = 2.0
"""mm"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--atlas", type=Path, required=True, help="folder of a tractogram for each bundle")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--bundles", type=int, default=6, help="the largest so many")
    parser.add_argument("--number", type=int, default=500, help="streamlines to generate")
    arguments = parser.parse_args()
    with steps() as on_step:
        on_step("reading the atlas")
        atlas = {path.stem: resample(read_streamlines(path), POINTS) for path in find_tractograms([arguments.atlas])}
        mask = white_matter(np.concatenate(list(atlas.values())))
        coder = open_coder(arguments.model, batch_size=256)
        largest = sorted(atlas, key=lambda name: -len(atlas[name]))[: arguments.bundles]
        print(f"{platform.machine()}, {coder.framework}; {arguments.number} streamlines from each set of seeds")
        print(f"{'bundle':52} seeds  pass   voxels: seeds  with generated   to the bundle   to the nearest seed, mm")
        for name in largest:
            for count in SEED_COUNTS:
                on_step(f"{name}, {count} seeds")
                print(f"{name:52} {count:5}  {measure(name, atlas[name], count, mask, coder, arguments.number)}")


def white_matter(streamlines: np.ndarray) -> Mask:
    """Voxels that streamlines, (streamline, point, coordinate) in RAS+ mm, cross, and their neighbours."""
    from scipy.ndimage import binary_dilation

    points = streamlines.reshape(-1, 3)
    origin = np.floor(points.min(axis=0)) - 2 * VOXEL
    shape = tuple(np.ceil((points.max(axis=0) - origin) / VOXEL).astype(int) + 3)
    inside = np.zeros(shape, bool)
    inside[tuple(voxels_of(streamlines, origin).T)] = True
    affine = np.diag([VOXEL, VOXEL, VOXEL, 1.0])
    affine[:3, 3] = origin
    return Mask(Space("the atlas", affine, shape), binary_dilation(inside))


def voxels_of(streamlines: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """The voxels that points lie in, each once: (voxel, axis), int."""
    return np.unique(np.round((streamlines.reshape(-1, 3) - origin) / VOXEL).astype(int), axis=0)


def measure(name: str, bundle: np.ndarray, count: int, mask: Mask, coder: Coder, number: int) -> str:
    """Generate from some streamlines of a bundle, and say how it went."""
    seeds = bundle[np.random.default_rng(count).permutation(len(bundle))[:count]]
    codes = encode_both_orders(seeds, coder.encode)
    settings = Settings(number, max_sampled=20 * number)
    generated = generate(name, fit_density(codes, settings.bandwidth), coder.decode, Anatomy(mask), settings)
    if not len(generated.streamlines):
        return f"{0:5.0%}  nothing passed: {generated.removed}"
    origin = bundle.reshape(-1, 3).min(axis=0)
    full = {tuple(voxel) for voxel in voxels_of(bundle, origin)}
    before = {tuple(voxel) for voxel in voxels_of(seeds, origin)} & full
    after = before | {tuple(voxel) for voxel in voxels_of(generated.streamlines, origin)} & full
    to_bundle, to_seed = (nearest(generated.streamlines, held) for held in (bundle, seeds))
    copies = np.percentile(to_seed, [5, 50, 95])
    return (
        f"{generated.kept / generated.decoded:5.0%}  {len(before) / len(full):12.0%}  {len(after) / len(full):14.0%}   "
        f"{np.median(to_bundle):13.1f}   {copies[1]:.1f} (5 %: {copies[0]:.1f}, 95 %: {copies[2]:.1f})"
    )


def nearest(streamlines: np.ndarray, others: np.ndarray) -> np.ndarray:
    """MDF distance to the nearest of others, mm."""
    from dipy.tracking.distances import bundles_distances_mdf

    return bundles_distances_mdf(list(streamlines.astype(np.float32)), list(others)).min(axis=1)


if __name__ == "__main__":
    main()
