"""The embedded default: 1,797 handwritten digits, real images without a download."""

import io

from keras_senet.data.augmentation import DIGITS
from keras_senet.data.indexed import Indexed
from keras_senet.data.source import Source, fingerprint, stratified


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
    from PIL import Image
    from sklearn.datasets import load_digits

    data = load_digits()
    levels = np.rint(data.images * (255 / 16)).astype("uint8")
    labels = data.target.astype("int64")
    pictures = []
    for picture in levels:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        pictures.append(file.getvalue())
    train, validation, test = (
        Indexed(
            names=[f"digit {index}" for index in part],
            labels=labels[part],
            contents=[pictures[index] for index in part],
        )
        for part in stratified(labels)
    )
    return Source(
        name="digits",
        class_names=tuple(str(name) for name in data.target_names),
        fingerprint=fingerprint(
            np.repeat(levels[..., np.newaxis], 3, axis=-1).tobytes(), labels.tobytes()
        ),
        train=train,
        validation=validation,
        test=test,
        augmentation=DIGITS,
        size=32,
    )
