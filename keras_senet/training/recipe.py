"""What a training run does, as data."""

from dataclasses import dataclass

from keras_senet.errors import InputError, near_matches
from keras_senet.models.families import NETWORKS


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that decides the outcome of a run.

    Stochastic gradient descent with Nesterov momentum 0.9; the learning rate
    rises linearly in the first epoch and falls to zero along a cosine.

    Attributes:
        model: Name of the network, as `keras-senet list` prints it.
        data: `"digits"`, a folder of images, or a name of TensorFlow Datasets.
        image_size: Side of the images, in pixels; `None` takes the data's or
            the network's own.
        epochs: Passes over the training images.
        batch_size: Images in a step, over all replicas.
        learning_rate: The highest learning rate.
        reduction: The reduction ratio r; `None` trains the network without SE.
        seed: Of the initial weights, the order and the augmentation.

    Raises:
        InputError: If the network does not exist or a number is out of range.
    """

    model: str = "se_resnet20"
    data: str = "digits"
    image_size: int | None = None
    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 0.05
    reduction: int | None = 16
    seed: int = 0

    def __post_init__(self) -> None:
        if self.model not in NETWORKS:
            raise InputError(
                f"There is no network {self.model!r}. "
                f"{near_matches(self.model, NETWORKS)}"
            )
        for name in ("image_size", "epochs", "batch_size", "reduction"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} should be at least 1. Received: {value}")
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(
                f"learning_rate should be positive. Received: {self.learning_rate}"
            )
        if not 0 <= self.seed < 2**31:
            raise InputError(f"seed should be in 0..2**31-1. Received: {self.seed}")
