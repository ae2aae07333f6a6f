"""A network for TF Serving: image files in, class names out.

python export/to_saved_model.py
python export/to_saved_model.py --weights seresnet50.ra2_in1k --out models/se_resnet50

Fetches the published SE-ResNet-50 (113 MB), writes the next version below `--out`,
proves it, and asks it what is on the photographs that come with scikit-learn, as a
server would be asked. `export/serving/README.md` goes on from there. `--smoke` takes a
small network with random weights.
"""

import argparse

import tensorflow as tf
from sklearn.datasets import load_sample_images

import keras_senet
from keras_senet.export import describe, prepare, to_saved_model

# What images random weights would be made for.
LIKE = "seresnet50.ra2_in1k"


def main() -> None:
    """Exports, loads and asks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weights", default="imagenet", metavar="TAG", help="of a checkpoint"
    )
    parser.add_argument("--out", default="models/se_resnet50", metavar="DIR")
    parser.add_argument("--smoke", action="store_true", help="in seconds")
    options = parser.parse_args()
    if options.smoke:
        described = describe(keras_senet.SEMobileNet(weights=None), preprocessing=LIKE)
    else:
        described = describe(keras_senet.SEResNet50(weights=options.weights))
    report = to_saved_model(prepare(described), options.out)
    print(f"{report.path}: {report.bytes / 1e6:.1f} MB, logits differ by", end=" ")
    print(f"{report.relative_difference:.1e} of their standard deviation")
    served = tf.saved_model.load(str(report.path))
    files = [tf.io.encode_jpeg(image) for image in load_sample_images().images]
    answers = served.signatures["serve_bytes"](tf.stack(files))
    for classes, probabilities in zip(
        answers["classes"].numpy(), answers["probabilities"].numpy(), strict=True
    ):
        print(f"{classes[0].decode()}: {probabilities[0]:.4f}")


if __name__ == "__main__":
    main()
