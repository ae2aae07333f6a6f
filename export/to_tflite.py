"""A network for phones and small computers, in 32, 16 and 8 bits.

python export/to_tflite.py
python export/to_tflite.py --weights imagenet --photos my/photos --out models

Builds SE-ResNet-50, with random weights unless `--weights imagenet` fetches the
published ones (113 MB), and writes one file for each precision. The ranges for `int8`
come from the pictures in `--photos`, a hundred or so; by default from made-up ones,
which will do for a try but not for use. `--smoke` takes a small network.
"""

import argparse
from pathlib import Path

import numpy as np

import keras_senet
from keras_senet.export import describe, prepare, to_tflite
from keras_senet.export.predicting import read_photograph

# What images random weights would be made for.
LIKE = "seresnet50.ra2_in1k"


def main() -> None:
    """Exports in every precision and says what was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", help="imagenet, a tag, or a file")
    parser.add_argument("--photos", type=Path, metavar="DIR")
    parser.add_argument("--out", default="models", type=Path, metavar="DIR")
    parser.add_argument("--smoke", action="store_true", help="in seconds")
    options = parser.parse_args()
    build = keras_senet.SEMobileNet if options.smoke else keras_senet.SEResNet50
    network = build(weights=options.weights)
    described = describe(network, preprocessing=None if options.weights else LIKE)
    photos = None
    if options.photos:
        prepared = described.description.preparation
        files = sorted(options.photos.iterdir())
        photos = np.stack([read_photograph(file, prepared) for file in files])
    subject = prepare(described, photos)
    for precision in ("float32", "float16", "dynamic", "int8"):
        report = to_tflite(
            subject,
            options.out / f"{network.name}-{precision}.tflite",
            precision=precision,
            # Random weights know no classes that could stay the same.
            least_agreement=None if options.weights else 0,
            overwrite=True,
        )
        print(f"{report.path}: {report.bytes / 1e6:.1f} MB, ", end="")
        print(f"same top-1 class for {report.top1_agreement:.0%} of the images")


if __name__ == "__main__":
    main()
