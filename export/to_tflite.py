"""A network for phones and small computers, in 32, 16 and 8 bits.

python export/to_tflite.py
python export/to_tflite.py --photos my/photos --out models

Fetches the published SE-ResNet-50 (113 MB) and writes one file for each precision. The
ranges for `int8` come from the pictures in `--photos`, a hundred or so; by default from
made-up ones, which will do for a try but not for use. `--smoke` takes a small network
with random weights.
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
    parser.add_argument(
        "--weights", default="imagenet", metavar="TAG", help="of a checkpoint"
    )
    parser.add_argument("--photos", type=Path, metavar="DIR")
    parser.add_argument("--out", default="models", type=Path, metavar="DIR")
    parser.add_argument("--smoke", action="store_true", help="in seconds")
    options = parser.parse_args()
    if options.smoke:
        described = describe(keras_senet.SEMobileNet(weights=None), preprocessing=LIKE)
    else:
        described = describe(keras_senet.SEResNet50(weights=options.weights))
    photos = None
    if options.photos:
        prepared = described.description.preparation
        files = sorted(options.photos.iterdir())
        photos = np.stack([read_photograph(file, prepared) for file in files])
    subject = prepare(described, photos)
    for precision in ("float32", "float16", "dynamic", "int8"):
        report = to_tflite(
            subject,
            options.out / f"{described.description.name}-{precision}.tflite",
            precision=precision,
            # Random weights know no classes that could stay the same.
            least_agreement=0 if options.smoke else None,
            overwrite=True,
        )
        print(f"{report.path}: {report.bytes / 1e6:.1f} MB, ", end="")
        print(f"same top-1 class for {report.top1_agreement:.0%} of the images")


if __name__ == "__main__":
    main()
