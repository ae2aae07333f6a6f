"""A network for ONNX Runtime, and what a program needs to use it.

python export/to_onnx.py
python export/to_onnx.py --uint8 --out models

Fetches the published SE-ResNet-50 (113 MB), writes an ONNX file, and runs it as a
program does that has ONNX Runtime, NumPy and Pillow alone: labels and preparation are
read from the file. `--uint8` lets it take pixels as they are decoded. `--smoke` takes a
small network with random weights.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from sklearn.datasets import load_sample_images

import keras_senet
from keras_senet.export import describe, prepare, to_onnx

# What images random weights would be made for.
LIKE = "seresnet50.ra2_in1k"


def ask(path: Path, pixels: np.ndarray) -> tuple[str, float]:
    """The best class of a photograph, by the file alone."""
    session = onnxruntime.InferenceSession(str(path))
    (given,) = session.get_inputs()
    told = json.loads(session.get_modelmeta().custom_metadata_map["keras_senet"])
    size, shorter = told["preparation"]["size"], told["preparation"]["shorter"]
    picture = Image.fromarray(pixels)
    scale = shorter / min(picture.size)
    picture = picture.resize([int(scale * side) for side in picture.size])
    left, top = ((side - size) // 2 for side in picture.size)
    square = np.asarray(picture.crop((left, top, left + size, top + size)))
    dtype = "uint8" if given.type == "tensor(uint8)" else "float32"
    (answer,) = session.run(None, {given.name: square[np.newaxis].astype(dtype)})
    best = int(answer[0].argmax())
    names = told["class_names"] or [str(i) for i in range(answer.shape[1])]
    return names[best], float(answer[0, best])


def main() -> None:
    """Exports and asks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weights", default="imagenet", metavar="TAG", help="of a checkpoint"
    )
    parser.add_argument("--out", default="models", type=Path, metavar="DIR")
    parser.add_argument("--uint8", action="store_true", help="take pixels as they are")
    parser.add_argument("--smoke", action="store_true", help="in seconds")
    options = parser.parse_args()
    if options.smoke:
        described = describe(keras_senet.SEMobileNet(weights=None), preprocessing=LIKE)
    else:
        described = describe(keras_senet.SEResNet50(weights=options.weights))
    subject = prepare(described, uint8_input=options.uint8)
    path = options.out / f"{described.description.name}.onnx"
    report = to_onnx(subject, path, overwrite=True)
    print(f"{path}: {report.bytes / 1e6:.1f} MB, {report.operations}")
    for pixels in load_sample_images().images:
        name, probability = ask(path, pixels)
        print(f"{name}: {probability:.4f}")


if __name__ == "__main__":
    main()
