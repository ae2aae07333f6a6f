"""The other parts of a recipe, as data."""

import math
from dataclasses import dataclass
from typing import Literal

from keras_senet.data.bad_images import BadImages
from keras_senet.errors import InputError, near_matches
from keras_senet.models.families import NETWORKS
from keras_senet.training.ranges import check_choice, check_range

INFINITY = math.inf


@dataclass(frozen=True, kw_only=True)
class NetworkRecipe:
    """Which network, as the arguments of its function.

    Attributes:
        name: Of the network, as `keras-senet list` prints it.
        weights: What to begin with: `"imagenet"`, a tag of `keras-senet weights
            list`, a file; `null` draws them at random (He et al.).
        reduction: The reduction ratio r; `null` trains the network without SE.
        use_bias: Whether SE has biases.
        squeeze: What SE squeezes by: `avg`, `max`, or `null` for not at all.
        gate_activation: What SE gates with: `sigmoid`, `tanh`, `relu`, ...
        se_stages: The stages with SE; `null` is all.
        se_placement: Where SE stands: `standard`, `pre`, `post`, `identity`, `3x3`.
        variant: Dialect, `pytorch` or `caffe`; `null` is that of the weights.
    """

    name: str = "se_resnet20"
    weights: str | None = None
    reduction: int | None = 16
    use_bias: bool = True
    squeeze: str | None = "avg"
    gate_activation: str = "sigmoid"
    se_stages: tuple[int, ...] | None = None
    se_placement: str = "standard"
    variant: str | None = None

    def __post_init__(self) -> None:
        if self.name not in NETWORKS:
            raise InputError(
                f"There is no network {self.name!r}. "
                f"{near_matches(self.name, NETWORKS)}"
            )
        check_range(self, "reduction", 1, INFINITY)


@dataclass(frozen=True, kw_only=True)
class DataRecipe:
    """Which images, and how they are read.

    The images of an epoch that fill no last batch are dropped, others in each epoch.

    Attributes:
        name: `digits`, a folder of images, a folder of `keras-senet data pack`, or a
            name of TensorFlow Datasets.
        image_size: Side of the images, in pixels; `null` takes the data's or the
            network's own.
        batch_size: Images in a step, over all replicas.
        normalization: `mean_std`, or `mean` as in the paper: only the mean of each
            channel is subtracted. Published weights have their own; those of a file
            that does not say so are taken to want this.
        balanced: Whether classes are sampled equally often, rather than images.
        class_weights: Whether images of rare classes weigh more in the loss, such
            that all classes weigh the same.
        on_bad_image: `raise`, or `skip` what cannot be read.
        cache: Whether the images, as they are stored, are kept in memory; those of
            records have random access then, and so another order.
        split_seed: Of the images of a folder that are for validation and test.
    """

    name: str = "digits"
    image_size: int | None = None
    batch_size: int = 32
    normalization: Literal["mean_std", "mean"] = "mean_std"
    balanced: bool = False
    class_weights: bool = False
    on_bad_image: Literal["raise", "skip"] = "raise"
    cache: bool = False
    split_seed: int = 0

    def __post_init__(self) -> None:
        check_range(self, "image_size", 1, INFINITY)
        check_range(self, "batch_size", 1, INFINITY)
        check_range(self, "split_seed", 0, 2**31 - 1)
        check_choice(self, "normalization", "mean_std", "mean")
        BadImages(self.on_bad_image)
        if self.balanced and self.class_weights:
            raise InputError(
                "Classes are either sampled equally often or weighed, not both. "
                "Received: balanced=True, class_weights=True"
            )


@dataclass(frozen=True, kw_only=True)
class FinetuningRecipe:
    """Which part of the network is trained, and when.

    Attributes:
        freeze_until: The stage (`stem`, `stage2`, ..., or `head`) from which on the
            network is trained; what stands before it is frozen, and its batch
            normalization in inference mode. `null` freezes nothing.
        unfreeze: Pairs of an epoch, from 1, and a stage: after that many epochs, what
            stands before that stage only is frozen.
    """

    freeze_until: str | None = None
    unfreeze: tuple[tuple[int, str], ...] = ()

    def __post_init__(self) -> None:
        epochs = [epoch for epoch, _ in self.unfreeze]
        if epochs != sorted(set(epochs)) or any(epoch < 1 for epoch in epochs):
            raise InputError(
                f"unfreeze should be in rising epochs from 1. Received: {epochs}"
            )
        if self.unfreeze and self.freeze_until is None:
            raise InputError(
                "unfreeze is for a network that is frozen at first: set freeze_until."
            )


@dataclass(frozen=True, kw_only=True)
class EvaluationRecipe:
    """How the network is validated, and which epoch is the best.

    Attributes:
        image_size: Side of the test images; `null` is that of the training images.
        resize: What the shorter side is resized to before; `null` is 256 for 224,
            352 for 299, and so on.
        interpolation: `bilinear` or `bicubic`.
        best: What the best epoch is best by: `accuracy` or `cross_entropy`.
    """

    image_size: int | None = None
    resize: int | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    best: Literal["accuracy", "cross_entropy"] = "accuracy"

    def __post_init__(self) -> None:
        check_range(self, "image_size", 1, INFINITY)
        check_range(self, "resize", 1, INFINITY)
        check_choice(self, "interpolation", "bilinear", "bicubic")
        check_choice(self, "best", "accuracy", "cross_entropy")


@dataclass(frozen=True, kw_only=True)
class ComputeRecipe:
    """How steps are computed.

    Attributes:
        precision: Dtype policy: `float32`, `mixed_bfloat16`, or `mixed_float16` with
            loss scaling.
        jit_compile: Whether XLA compiles the step.
        steps_per_execution: Steps in one call of the compiled function.
        accumulate: Batches whose gradients are averaged before weights change.
        synchronized_batch_norm: Whether replicas normalize by the whole batch.
        deterministic: Whether TensorFlow is told to compute the same bits each time.
            Our networks do so on a CPU in any case; on a GPU it is needed if a resumed
            run is to be the uninterrupted one bit for bit. Images are then read one
            after the other.
    """

    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    jit_compile: bool = False
    steps_per_execution: int = 1
    accumulate: int = 1
    synchronized_batch_norm: bool = True
    deterministic: bool = False

    def __post_init__(self) -> None:
        check_choice(self, "precision", "float32", "mixed_bfloat16", "mixed_float16")
        check_range(self, "steps_per_execution", 1, INFINITY)
        check_range(self, "accumulate", 1, INFINITY)


@dataclass(frozen=True, kw_only=True)
class CheckpointRecipe:
    """What is kept to go on from.

    Attributes:
        minutes: A checkpoint is written each time so many have passed, and after
            each epoch.
        keep: How many checkpoints are kept.
    """

    minutes: float = 10.0
    keep: int = 3

    def __post_init__(self) -> None:
        check_range(self, "minutes", 0, INFINITY, below=True)
        check_range(self, "keep", 1, INFINITY)
