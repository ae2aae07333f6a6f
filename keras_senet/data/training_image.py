"""All random changes of a training image, in their order."""

from collections.abc import Callable
from typing import Any

from keras_senet.data.affine import move
from keras_senet.data.augmentation import Augmentation
from keras_senet.data.changes import jitter, rand_augment, random_erasing
from keras_senet.data.crops import center_crop, padded_crop, random_crop
from keras_senet.data.decoding import decode
from keras_senet.data.keys import draw_key
from keras_senet.data.mixing import mix, smooth


def training_image(
    encoded: Any,
    size: int,
    augmentation: Augmentation,
    key: Any,
    further: Callable[[Any, Any], Any] | None = None,
) -> Any:
    """Decodes and changes one image.

    Args:
        encoded: String scalar, an image file's bytes.
        size: Side of the result, in pixels.
        augmentation: What is changed.
        key: Integer tensor of shape `(2,)`; the same key gives the same result.
        further: A function of image and key that comes last.

    Returns:
        A uint8 tensor of shape `(size, size, 3)`.
    """
    if augmentation.crop_area is None:
        image = center_crop(decode(encoded), size, shorter=size)
    else:
        image = random_crop(encoded, size, augmentation, draw_key(key, "crop"))
    if augmentation.pad:
        image = padded_crop(image, augmentation.pad, draw_key(key, "padding"))
    if augmentation.moves:
        image = move(image, augmentation, draw_key(key, "movement"))
    elif augmentation.mirror:
        image = _mirrored(image, draw_key(key, "mirror"))
    if augmentation.jitter:
        image = jitter(image, key, augmentation.jitter)
    if augmentation.rand_augment:
        image = rand_augment(
            image,
            key,
            operations=augmentation.rand_augment,
            magnitude=augmentation.magnitude,
        )
    if augmentation.erasing:
        image = random_erasing(image, key, probability=augmentation.erasing)
    if further is not None:
        image = further(image, draw_key(key, "layers"))
    return image


def mixed(
    images: Any, labels: Any, key: Any, augmentation: Augmentation, classes: int
) -> tuple[Any, Any]:
    """Smooths the labels of a batch and mixes its images, if that is asked for.

    Args:
        images: uint8 tensor of shape `(batch, height, width, 3)`.
        labels: int64 tensor of shape `(batch,)`.
        key: Integer tensor of shape `(2,)`; the same key gives the same result.
        augmentation: What is asked for.
        classes: How many there are.

    Returns:
        Images and labels, as they came; or float32 labels of shape
        `(batch, classes)`, and float32 images where they are mixed.
    """
    if not augmentation.mixes:
        return images, labels
    shares = smooth(labels, classes, augmentation.label_smoothing)
    if augmentation.mixup or augmentation.cutmix:
        images, shares = mix(
            images,
            shares,
            key,
            mixup=augmentation.mixup,
            cutmix=augmentation.cutmix,
        )
    return images, shares


def _mirrored(image: Any, key: Any) -> Any:
    """Flips half of the images; an operation is cheaper than a branch."""
    import tensorflow as tf

    flip = tf.random.stateless_uniform((), key) < 0.5
    return tf.raw_ops.Reverse(tensor=image, dims=tf.stack([False, flip, False]))
