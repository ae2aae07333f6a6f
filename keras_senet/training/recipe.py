"""What a training run does, as data."""

from dataclasses import dataclass

from keras_senet.data.augmentation import augmentation
from keras_senet.data.bad_images import BadImages
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
        augmentation: Name of the random changes; `None` takes the data's own, or the
            paper's for images of that size.
        balanced: Whether classes are sampled equally often, rather than images.
        on_bad_image: `"raise"` or `"skip"`.
        cache: Whether the images, as they are stored, are kept in memory; those of
            records have random access then, and so another order.
        split_seed: Of the images of a folder that are for validation and test.
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
    augmentation: str | None = None
    balanced: bool = False
    on_bad_image: str = "raise"
    cache: bool = False
    split_seed: int = 0
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
        for name in ("seed", "split_seed"):
            value = getattr(self, name)
            if not 0 <= value < 2**31:
                raise InputError(f"{name} should be in 0..2**31-1. Received: {value}")
        if self.augmentation is not None:
            augmentation(self.augmentation)
        BadImages(self.on_bad_image)
