"""Which parts of an image a network is shown in a test: the protocols, as data."""

from dataclasses import dataclass

from keras_senet.errors import InputError, near_matches

# Shares of the room above and left of a crop: down, and to the right.
CENTER = (0.5, 0.5)
CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
# The crop that the shorter sides of a protocol are for.
USUAL_CROP = 224


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How an image is tested: the mean of the answers to its views counts.

    Attributes:
        places: Where the crops lie, the center among them.
        mirrored: Whether each is shown mirrored, too.
        shorter_sides: What the shorter side is resized to, one after the other, for
            crops of 224 pixels, and in proportion for others; `None` is the one of
            the network's own test.
    """

    places: tuple[tuple[float, float], ...] = (CENTER,)
    mirrored: bool = False
    shorter_sides: tuple[int, ...] | None = None


TEN = (*CORNERS, CENTER)
# A new protocol is a row.
PROTOCOLS = {
    "single": Protocol(),
    # Krizhevsky et al., NIPS 2012, section 4.1.
    "ten-crop": Protocol(places=TEN, mirrored=True),
    # The shorter sides of Szegedy et al., CVPR 2015, section 7.
    "multi-scale": Protocol(
        places=TEN, mirrored=True, shorter_sides=(256, 288, 320, 352)
    ),
}


@dataclass(frozen=True, kw_only=True)
class Views:
    """The views of an image, in pixels.

    Attributes:
        size: Side of each view.
        shorter_sides: What the shorter side of the image is resized to, one after
            the other.
        interpolation: `"bilinear"` or `"bicubic"`.
        places: Where the crops lie in each of the resized images.
        mirrored: Whether each is shown mirrored, too.
    """

    size: int
    shorter_sides: tuple[int, ...]
    interpolation: str = "bilinear"
    places: tuple[tuple[float, float], ...] = (CENTER,)
    mirrored: bool = False

    @property
    def count(self) -> int:
        """How many views an image has."""
        return len(self.shorter_sides) * len(self.places) * (1 + self.mirrored)

    @property
    def center(self) -> int:
        """Which of the views is the center of the first resized image."""
        return self.places.index(CENTER)


def protocol(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        InputError: If there is none of this name.
    """
    if name not in PROTOCOLS:
        raise InputError(
            f"There is no protocol {name!r}. {near_matches(name, PROTOCOLS)}"
        )
    return PROTOCOLS[name]


def views_of(
    protocol: Protocol,
    *,
    size: int,
    shorter: int,
    interpolation: str = "bilinear",
    shorter_sides: tuple[int, ...] | None = None,
) -> Views:
    """The views of a protocol for a network.

    Args:
        protocol: Says which.
        size: Side of the network's images, in pixels.
        shorter: What the shorter side is resized to in the network's own test.
        interpolation: `"bilinear"` or `"bicubic"`.
        shorter_sides: Instead of those of the protocol, in pixels.

    Returns:
        The views.
    """
    if shorter_sides is None:
        sides = protocol.shorter_sides
        shorter_sides = (
            (shorter,)
            if sides is None
            else tuple(round(side * size / USUAL_CROP) for side in sides)
        )
    return Views(
        size=size,
        shorter_sides=shorter_sides,
        interpolation=interpolation,
        places=protocol.places,
        mirrored=protocol.mirrored,
    )
