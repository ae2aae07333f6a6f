"""SE-ResNet-50 on ImageNet as the paper trains it, by nothing but `model.fit`.

python examples/train_imagenet.py --data /data/imagenet --out se_resnet50.keras

`--data` is a folder with `train` and `val`, each with a sub-folder for each class; a
folder of `keras-senet data pack`; or a name of TensorFlow Datasets. All GPUs of the
machine are used, a replica on each: 100 epochs are 3e18 floating-point operations, 17
hours at a sustained 50 TFLOP/s. With a smaller `--batch-size`, for which there is more
often memory, the learning rate is scaled down.

The paper reports a top-1 error of 23.29 % and a top-5 error of 6.62 % (table 2). WE DID
NOT RUN THIS ON IMAGENET: what has been run is `--smoke`, on a few generated pictures,
in half a minute on two CPU cores.

The file is written after each epoch, with the normalization inside; a run that is
interrupted starts again. `keras-senet train --recipe paper` resumes, and does more.

Source: conference paper, section 5 (Implementation).
"""

import argparse
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_senet
from keras_senet.data.augmentation import PAPER
from keras_senet.data.opening import open_source
from keras_senet.data.pipeline import evaluation_batches, training_batches
from keras_senet.evaluation.accuracy import measure
from keras_senet.preprocessing import normalization_layer
from keras_senet.training.copies import with_batch_norm
from keras_senet.training.optimizers import PenalizedSGD


def network(size: int, class_names: tuple[str, ...], rate: float) -> keras.Model:
    """From RGB 0..255, of which only the mean is subtracted, to probabilities."""
    images = keras.Input((size, size, 3), name="images")
    model = keras_senet.SEResNet50(
        weights=None,
        variant="caffe",
        input_tensor=normalization_layer(std=(1.0, 1.0, 1.0))(images),
        classes=len(class_names),
    )
    model.get_layer("predictions").class_names = class_names
    # Any number of GPUs then computes what one would.
    model = with_batch_norm(model, synchronized=True)
    model.compile(
        PenalizedSGD(rate, momentum=0.9, decay=1e-4),
        "sparse_categorical_crossentropy",
        # Weighted, so that what fills the last batch of the validation does not count.
        weighted_metrics=["accuracy"],
    )
    return model


def write_pictures(root: Path) -> None:
    """Writes six JPEGs of each of three classes, for `--smoke`."""
    pixels = np.random.default_rng(0)
    for number in range(18):
        file = root / f"class{number % 3}" / f"{number}.jpg"
        file.parent.mkdir(exist_ok=True)
        keras.utils.save_img(file, pixels.integers(0, 256, (60, 80, 3)), scale=False)


def train(data: str, size: int, epochs: int, batch_size: int, out: str) -> None:
    """Trains, and measures what was saved."""
    devices = len(tf.config.list_physical_devices("GPU"))
    strategy = (
        tf.distribute.MirroredStrategy()
        if devices > 1
        else tf.distribute.get_strategy()
    )
    source = open_source(data)
    batches = training_batches(
        source,
        size=size,
        batch_size=batch_size,
        seed=0,
        first_epoch=0,
        last_epoch=epochs,
        augmentation=PAPER,
        balanced=True,
    )
    validation = evaluation_batches(
        source.validation, size=size, batch_size=batch_size, cache=False
    )
    rate = 0.6 * batch_size / 1024
    with strategy.scope():
        model = network(size, source.class_names, rate)
    model.fit(
        batches,
        epochs=epochs,
        steps_per_epoch=len(batches) // epochs,
        shuffle=False,
        validation_data=validation,
        callbacks=[
            keras.callbacks.LearningRateScheduler(
                lambda epoch: rate / 10 ** (epoch // 30)
            ),
            keras.callbacks.ModelCheckpoint(out),
        ],
        verbose=2,
    )
    saved = keras.models.load_model(out)
    print(f"Validation accuracy: {measure(saved.predict_on_batch, validation)}")


def main() -> None:
    """Trains on ImageNet, or on next to nothing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", default="imagenet2012", help="folder, or name in TFDS"
    )
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=1024, help="over all GPUs")
    parser.add_argument("--out", default="se_resnet50.keras", metavar="FILE")
    parser.add_argument("--smoke", action="store_true", help="a few small pictures")
    options = parser.parse_args()
    if options.smoke:
        with tempfile.TemporaryDirectory() as root:
            write_pictures(Path(root))
            train(root, 64, epochs=1, batch_size=4, out=f"{root}/smoke.keras")
    else:
        train(options.data, 224, options.epochs, options.batch_size, options.out)


if __name__ == "__main__":
    main()
