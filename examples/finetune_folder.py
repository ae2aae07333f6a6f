"""A pretrained network, fine-tuned on a folder of images.

python examples/finetune_folder.py --data path/to/images

The folder has a sub-folder of images for each class. First a new head is trained on a
network that is frozen, its batch normalization in inference mode; then stage 4, stage 5
and the head, at a tenth of the rate. Rare classes weigh more, such that all weigh the
same. What is saved takes RGB 0..255, and knows the names of its classes:

    model = keras.models.load_model("finetuned.keras")
    keras_senet.decode_predictions(model.predict(images))

A GPU, or some patience. `--smoke` trains a SE-ResNet-18 with random weights on a few
generated pictures, in seconds, which is what we have run; `--weights none` leaves the
weights random, too.
"""

import argparse
import re
import tempfile
from pathlib import Path

import keras
import numpy as np

import keras_senet
from keras_senet.data.augmentation import Augmentation
from keras_senet.data.folder import folder
from keras_senet.data.pipeline import evaluation_batches, training_batches
from keras_senet.data.source import Source
from keras_senet.evaluation.accuracy import measure
from keras_senet.layers import Classifier
from keras_senet.training.data import class_weights

# Crops that leave the object in the picture: there are few images.
CHANGES = Augmentation(crop_area=(0.35, 1.0), mirror=True)
# What images are like for weights that do not say it themselves.
DEFAULT = "seresnet50.ra2_in1k"
BEHIND_ALL_STAGES = 6


def with_head(trunk: keras.Model, size: int, class_names: tuple) -> keras.Model:
    """From RGB 0..255 to the probabilities of new classes."""
    known = trunk.get_layer("provenance").checkpoint is not None
    (normalize,) = keras_senet.preprocessing_layers(trunk if known else DEFAULT)
    images = keras.Input((size, size, 3), name="images")
    head = Classifier(
        len(class_names), "softmax", class_names=class_names, name="predictions"
    )
    return keras.Model(images, head(trunk(normalize(images))))


def train_from(trunk: keras.Model, stage: int) -> None:
    """Freezes what stands before a stage; `compile` has to come after it."""
    for layer in trunk.layers:
        found = re.match(r"stage(\d)_", layer.name)
        layer.trainable = found is not None and int(found[1]) >= stage


def fit(model: keras.Model, source: Source, rate: float, epochs: range) -> None:
    """Trains what is not frozen, for some of the epochs."""
    size = model.input_shape[1]
    batches = training_batches(
        source,
        size=size,
        batch_size=min(32, source.train.count),
        seed=0,
        first_epoch=epochs.start,
        last_epoch=epochs.stop,
        augmentation=CHANGES,
    )
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
        "sparse_categorical_crossentropy",
        weighted_metrics=["accuracy"],
    )
    model.fit(
        batches,
        initial_epoch=epochs.start,
        epochs=epochs.stop,
        steps_per_epoch=len(batches) // len(epochs),
        shuffle=False,
        class_weight=dict(enumerate(class_weights(source))),
        validation_data=evaluation_batches(source.validation, size=size, batch_size=32),
        verbose=2,
    )


def write_pictures(root: Path) -> None:
    """Writes reddish and bluish pictures, three times as many of one, for `--smoke`."""
    random = np.random.default_rng(0)
    for name, channel, count in (("blue", 2, 12), ("red", 0, 36)):
        (root / name).mkdir()
        for number in range(count):
            pixels = random.integers(0, 128, (70, 90, 3))
            pixels[..., channel] += 127
            file = root / name / f"{number}.jpg"
            keras.utils.save_img(file, pixels, scale=False)


def fine_tune(
    source: Source, build, weights, size: int, epochs: tuple, out: str
) -> None:
    """Trains the head, then the late stages, and tests what was saved."""
    keras.utils.set_random_seed(0)
    trunk = build(
        include_top=False, weights=weights, input_shape=(size, size, 3), pooling="avg"
    )
    model = with_head(trunk, size, source.class_names)
    head, late = epochs
    train_from(trunk, BEHIND_ALL_STAGES)
    fit(model, source, 0.01, range(head))
    train_from(trunk, stage=4)
    fit(model, source, 0.001, range(head, head + late))
    model.save(out)
    saved = keras.models.load_model(out)
    test = evaluation_batches(
        source.test or source.validation, size=size, batch_size=32
    )
    print(f"Test accuracy: {measure(saved.predict_on_batch, test)}")


def main() -> None:
    """Fine-tunes on a folder, or on generated pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of images")
    parser.add_argument("--network", default="SEResNet50", metavar="NAME")
    parser.add_argument("--weights", default="imagenet", help="name, file or 'none'")
    parser.add_argument("--size", type=int, default=224, help="side of the images")
    parser.add_argument("--head-epochs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10, help="from stage 4 on")
    parser.add_argument("--out", default="finetuned.keras", metavar="FILE")
    parser.add_argument("--smoke", action="store_true", help="generated pictures")
    options = parser.parse_args()
    if options.smoke:
        with tempfile.TemporaryDirectory() as root:
            write_pictures(Path(root))
            small = keras_senet.SEResNet18
            fine_tune(folder(root), small, None, 64, (1, 1), f"{root}/smoke.keras")
        return
    if options.data is None:
        parser.error("--data should be a folder with a sub-folder for each class")
    build = getattr(keras_senet, options.network)
    weights = None if options.weights == "none" else options.weights
    epochs = (options.head_epochs, options.epochs)
    fine_tune(folder(options.data), build, weights, options.size, epochs, options.out)


if __name__ == "__main__":
    main()
