"""What a published network sees in a photograph.

python examples/predict.py
python examples/predict.py --photo my.jpg --network SEBNInception --weights imagenet

Fetches a published checkpoint (by default 113 MB from the Hugging Face hub), resizes
and crops the photograph as that checkpoint is tested, and prints the five most probable
classes of ImageNet. The photographs are those that come with scikit-learn: a Chinese
temple and a flower.

Without a network, and without the file in the cache, it says where to place it, and
exits with 1. `--smoke` predicts with random weights instead: it shows the way of the
pixels, in seconds.
"""

import argparse
import sys
from pathlib import Path

import keras
import numpy as np

import keras_senet

# What images are like for weights that do not say it themselves.
DEFAULT = "seresnet50.ra2_in1k"


def photographs(path: str | None) -> dict[str, np.ndarray]:
    """RGB pixels, by name."""
    if path is not None:
        return {path: keras.utils.img_to_array(keras.utils.load_img(path))}
    from sklearn.datasets import load_sample_images

    samples = load_sample_images()
    return dict(zip(samples.filenames, samples.images, strict=True))


def main() -> int:
    """Prints what is in the photographs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", metavar="FILE", help="instead of the samples")
    parser.add_argument("--network", default="SEResNet50", metavar="NAME")
    parser.add_argument(
        "--weights", default="imagenet", help="name of a checkpoint, or path of a file"
    )
    parser.add_argument("--smoke", action="store_true", help="random weights")
    options = parser.parse_args()
    try:
        images = photographs(options.photo)
        build = getattr(keras_senet, options.network)
        network = build(weights=None if options.smoke else options.weights)
    except (AttributeError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    known = network.get_layer("provenance").checkpoint is not None
    layers = keras_senet.preprocessing_layers(
        network if known else DEFAULT, resize=True
    )
    if options.smoke:
        print("With random weights, whose classes mean nothing:")
    for name, pixels in images.items():
        x = pixels[np.newaxis]
        for layer in layers:
            x = layer(x)
        (best,) = keras_senet.decode_predictions(network.predict(x, verbose=0))
        print(Path(name).name)
        for synset, label, probability in best:
            print(f"  {probability:.3f} {label} ({synset})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
