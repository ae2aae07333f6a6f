"""Mixed images and soft labels of a batch, as pure functions of a key.

Written with stateless operations, since Keras' layers draw from a state; `CutMix` of
Keras 3.15.1 also gives labels the area of its box before the rounding to pixels, which
is wrong by up to 0.05 at 32 pixels.
"""

from typing import Any

from keras_senet.data.keys import draw_key


def smooth(labels: Any, classes: int, smoothing: float) -> Any:
    """One-hot labels, smoothed (Szegedy et al., 2016, section 7).

    Args:
        labels: Integer tensor of any shape.
        classes: How many classes there are.
        smoothing: The share of a label that is spread evenly over all classes, its
            own among them; 0 gives plain one-hot labels.

    Returns:
        A float32 tensor with one more axis, of length `classes`.

    Raises:
        ValueError: If the smoothing is not within 0..1.

    Example:

    ```python
    from keras_senet.data.mixing import smooth

    smooth([2], classes=4, smoothing=0.1).numpy()  # 0.025, 0.025, 0.925, 0.025
    ```
    """
    import tensorflow as tf

    if not 0 <= smoothing <= 1:
        raise ValueError(
            f"`smoothing` should be within 0..1. Received: smoothing={smoothing}"
        )
    others = smoothing / classes
    return tf.one_hot(labels, classes, 1 - smoothing + others, others, dtype=tf.float32)


def mix(
    images: Any, labels: Any, key: Any, *, mixup: float = 0.0, cutmix: float = 0.0
) -> tuple[Any, Any]:
    """MixUp (Zhang et al., 2018), CutMix (Yun et al., 2019), or one of the two.

    Each image gets a partner of the same batch and a weight of its own, drawn from
    Beta(alpha, alpha). With both, the key chooses one for the whole batch, with
    equal probability. CutMix weighs labels by the pixels that are really replaced.

    Args:
        images: Tensor of shape `(batch, height, width, channels)`.
        labels: Tensor of shape `(batch, classes)`, one-hot or smoothed.
        key: Integer tensor of shape `(2,)`; the same key gives the same result.
        mixup: Alpha of MixUp; 0 leaves it out.
        cutmix: Alpha of CutMix; 0 leaves it out.

    Returns:
        Images and float32 labels, of the same shapes. Images are float32 where
        there is MixUp, and keep their dtype otherwise.

    Raises:
        ValueError: If an alpha is negative, or both are zero.

    Example:

    ```python
    import tensorflow as tf

    from keras_senet.data.mixing import mix

    batch = tf.zeros((8, 32, 32, 3), tf.uint8)
    mixed, soft = mix(batch, tf.eye(8), key=(1, 2), mixup=0.2, cutmix=1.0)
    mixed.dtype  # tf.float32
    ```
    """
    import tensorflow as tf

    if min(mixup, cutmix) < 0 or mixup == cutmix == 0:
        raise ValueError(
            "`mixup` and `cutmix` should be positive, or one of them 0. "
            f"Received: mixup={mixup}, cutmix={cutmix}"
        )
    images = tf.convert_to_tensor(images)
    labels = tf.cast(labels, tf.float32)
    shuffled = tf.random.stateless_uniform(
        tf.shape(images)[:1], draw_key(key, "partners")
    )
    partners = tf.argsort(shuffled)

    def blended() -> tuple[Any, Any]:
        return _mixup(images, labels, partners, key, mixup)

    def patched() -> tuple[Any, Any]:
        patches, soft = _cutmix(images, labels, partners, key, cutmix)
        return tf.cast(patches, tf.float32) if mixup else patches, soft

    if mixup and cutmix:
        choice = tf.random.stateless_uniform((), draw_key(key, "mixing"))
        mixed, soft = tf.cond(choice < 0.5, blended, patched)
    else:
        mixed, soft = blended() if mixup else patched()
    return tf.ensure_shape(mixed, images.shape), tf.ensure_shape(soft, labels.shape)


def _mixup(
    images: Any, labels: Any, partners: Any, key: Any, alpha: float
) -> tuple[Any, Any]:
    import tensorflow as tf

    weights = _weights(tf.shape(images)[0], key, alpha)
    pixels = tf.cast(images, tf.float32)
    own = weights[:, tf.newaxis, tf.newaxis, tf.newaxis]
    mixed = own * pixels + (1.0 - own) * tf.gather(pixels, partners)
    return mixed, _soft(labels, partners, weights)


def _cutmix(
    images: Any, labels: Any, partners: Any, key: Any, alpha: float
) -> tuple[Any, Any]:
    import tensorflow as tf

    count, height, width = tf.unstack(tf.shape(images)[:3])
    shares = tf.sqrt(1.0 - _weights(count, key, alpha))
    centers = tf.random.stateless_uniform((2, count), draw_key(key, "places"))
    rows = _span(centers[0], shares, height)
    columns = _span(centers[1], shares, width)
    inside = rows[:, :, tf.newaxis] & columns[:, tf.newaxis, :]
    mixed = tf.where(inside[..., tf.newaxis], tf.gather(images, partners), images)
    replaced = tf.reduce_mean(tf.cast(inside, tf.float32), (1, 2))
    return mixed, _soft(labels, partners, 1.0 - replaced)


def _span(center: Any, share: Any, length: Any) -> Any:
    """Which pixels of each image lie within its box, along one side."""
    import tensorflow as tf

    length = tf.cast(length, tf.float32)
    middle = tf.range(length)[tf.newaxis] + 0.5
    distance = tf.abs(middle - (center * length)[:, tf.newaxis])
    return distance < (share * length / 2.0)[:, tf.newaxis]


def _weights(count: Any, key: Any, alpha: float) -> Any:
    """One draw of Beta(alpha, alpha) for each image."""
    import tensorflow as tf

    gammas = tf.random.stateless_gamma(
        (2, count), draw_key(key, "weights"), alpha=float(alpha)
    )
    return gammas[0] / (gammas[0] + gammas[1])


def _soft(labels: Any, partners: Any, weights: Any) -> Any:
    import tensorflow as tf

    own = weights[:, tf.newaxis]
    return own * labels + (1.0 - own) * tf.gather(labels, partners)
