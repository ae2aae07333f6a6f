"""What an exported file says of itself, the same words in every format."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from keras_senet.errors import InputError

# The key, or the name, under which every format holds the description.
KEY = "keras_senet"
# What the values of images mean.
PIXELS = "RGB 0..255; the normalization is inside the model"
AS_IS = "as the Keras model takes them"


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How a photograph becomes the input, as by `center_crop`.

    Attributes:
        size: Side of the square in the center, in pixels.
        shorter: What the shorter side is resized to before, in pixels.
        interpolation: `"bilinear"` or `"bicubic"`, antialiased, as PIL does it.
    """

    size: int
    shorter: int
    interpolation: str = "bilinear"


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a person, or a program, must know to use an exported file.

    Attributes:
        name: The model's name.
        shape: Height, width and channels of an image; `None` where any will do.
        pixels: What the values of the images mean.
        output: The name of the answers: `"probabilities"`, `"logits"` or `"features"`.
        input: The name of the images.
        class_names: The names of the classes in the order of the outputs, if known.
        preparation: How a photograph becomes the input, if known.
        license: The license of the weights, if known.
        origin: Where the weights come from, if known: a checkpoint's tag, or the data.
    """

    name: str
    shape: tuple[int | None, ...]
    pixels: str
    output: str
    input: str = "images"
    class_names: tuple[str, ...] | None = None
    preparation: Preparation | None = None
    license: str | None = None
    origin: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The description as JSON."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Description":
        """Reads what `to_json` wrote.

        Raises:
            InputError: If it is something else.
        """
        try:
            fields = json.loads(text)
            names, steps = fields["class_names"], fields["preparation"]
            fields["shape"] = tuple(fields["shape"])
            fields["class_names"] = None if names is None else tuple(names)
            fields["preparation"] = None if steps is None else Preparation(**steps)
            return cls(**fields)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"The description within the file cannot be read ({error})."
            ) from error
