"""The sizes of the FINTA autoencoder, which both of its implementations share.

Architecture: Legarreta et al., 2021, doi 10.1016/j.media.2021.102126.
"""

CHANNELS = (3, 32, 64, 128, 256, 512, 1024)
"""Channels before and after each convolution of the encoder; the decoder has them in reverse."""

HALVINGS = 5
"""Convolutions that halve the number of points, and upsamplings that double it again."""


def check_sizes(latent_size: int, point_count: int) -> None:
    """Say which sizes the architecture allows.

    Raises
    ------
    ValueError
        With the reason, if it does not allow these.
    """
    multiple = 1 << HALVINGS
    if latent_size < 1:
        raise ValueError(f"latent_size={latent_size}: the latent code needs at least one value")
    if point_count < 2 * multiple or point_count % multiple:
        raise ValueError(
            f"point_count={point_count}: the decoder doubles the points {HALVINGS} times and reflection needs two, "
            f"so it must be a multiple of {multiple} and at least {2 * multiple}"
        )


def sizes_of_fc1(name: str, flat_size: int, latent_size: int) -> dict[str, int]:
    """Read both sizes off the layer that makes the latent code from the flattened channels and coarse points.

    Raises
    ------
    ValueError
        If no size of the architecture gives such a layer; it names the tensor `name`.
    """
    if flat_size % CHANNELS[-1]:
        raise ValueError(f"{name} takes {flat_size} features, which is no multiple of {CHANNELS[-1]} channels")
    sizes = {"latent_size": latent_size, "point_count": flat_size // CHANNELS[-1] << HALVINGS}
    check_sizes(**sizes)
    return sizes
