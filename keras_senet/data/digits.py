"""The embedded default: 1,797 handwritten digits, real images without a download."""

from typing import Any

from keras_senet.data.augment import Augmentation
from keras_senet.data.source import Source, Split, fingerprint, stratified


def digits() -> Source:
    """The handwritten digits that scikit-learn carries.

    8x8 images of 17 grey levels (test part of the UCI optical recognition of
    handwritten digits, Alpaydin and Kaynak, 1998). The split is stratified by
    class and always the same: 1,259 for training, 179 for validation and 359 for
    the test.

    Returns:
        The data set.
    """
    import numpy as np
    from sklearn.datasets import load_digits

    data = load_digits()
    levels = np.rint(data.images * (255 / 16)).astype("uint8")
    images = np.repeat(levels[..., np.newaxis], 3, axis=-1)
    labels = data.target.astype("int64")
    train, validation, test = (
        _split(images[chosen], labels[chosen]) for chosen in stratified(labels)
    )
    return Source(
        name="digits",
        class_names=tuple(str(name) for name in data.target_names),
        fingerprint=fingerprint(images.tobytes(), labels.tobytes()),
        train=train,
        validation=validation,
        test=test,
        augmentation=Augmentation(
            shift=0.1,
            rotation=12.0,
            zoom=0.15,
            shear=15.0,
            mirror=False,
            fill="CONSTANT",
        ),
        size=32,
    )


def _split(images: Any, labels: Any) -> Split:
    def in_order() -> Any:
        import tensorflow as tf

        return tf.data.Dataset.from_tensor_slices((images, labels))

    def load(index: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        return tf.gather(images, index), tf.gather(labels, index)

    return Split(count=len(labels), in_order=in_order, load=load)
