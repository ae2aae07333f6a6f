"""What a published network sees in a photograph.

python examples/predict.py
python examples/predict.py --photo my.jpg --weights SE-BN-Inception

Fetches a published checkpoint (by default the one that `weights="imagenet"` stands for
in `SEResNet50`, 113 MB from the Hugging Face hub), resizes and crops the photograph as
that checkpoint is tested, and prints the five most probable classes of ImageNet. The
photographs are those that come with scikit-learn: a Chinese temple and a flower.

Without a network, and without the file in the cache, it says where to place it, and
exits with 1. `--smoke` predicts with random weights instead: it shows the way of the
pixels, in seconds, and its classes mean nothing.
"""

import argparse
import sys

import keras
import numpy as np

import keras_senet
from keras_senet.models.families import NETWORKS
from keras_senet.weights.catalog import checkpoint


def photographs(path: str | None) -> dict[str, np.ndarray]:
    """RGB pixels, by name."""
    if path is not None:
        return {path: keras.utils.img_to_array(keras.utils.load_img(path))}
    from sklearn.datasets import load_sample_images

    samples = load_sample_images()
    return dict(zip(samples.filenames, samples.images, strict=True))


def main() -> int:
    """Prints what is in the photographs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photo", metavar="FILE", help="instead of the samples")
    parser.add_argument("--weights", default="seresnet50.ra2_in1k", metavar="TAG")
    parser.add_argument("--smoke", action="store_true", help="random weights")
    options = parser.parse_args()
    row = checkpoint(options.weights)
    weights = None if options.smoke else row.tag
    try:
        network = NETWORKS[row.network](weights=weights, use_bias=row.use_bias)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    layers = keras_senet.preprocessing_layers(row, resize=True)
    for name, pixels in photographs(options.photo).items():
        images = pixels[np.newaxis]
        for layer in layers:
            images = layer(images)
        (best,) = keras_senet.decode_predictions(network.predict(images, verbose=0))
        print(name)
        for synset, label, probability in best:
            print(f"  {probability:.3f} {label} ({synset})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
