"""The files that `inference.py` compares, made in a process of its own.

python benchmarks/inference_files.py DIR
"""

import sys
from pathlib import Path

from contender import timm_network

SIZE = 224
NETWORKS = ("se", "plain", "applications")
PRECISIONS = {"tflite": ("float32", "int8"), "onnx": ("float32", "int8")}


def keras_networks(size: int) -> dict:
    """Networks with the normalization inside: with SE, without, and Keras' own."""
    import keras

    import keras_senet
    from keras_senet.preprocessing import normalization_layer

    found = {}
    for name in NETWORKS:
        images = keras.Input((size, size, 3), name="images")
        x = normalization_layer()(images)
        if name == "applications":
            model = keras.applications.ResNet50(weights=None, input_tensor=x)
        else:
            model = keras_senet.SEResNet50(
                weights=None, input_tensor=x, reduction=16 if name == "se" else None
            )
        for layer in model.layers:
            # Otherwise random weights make logits so large that rounding drowns them.
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.gamma.assign(0.5 * layer.gamma)
        found[name] = model
    return found


def export_keras(folder: Path, size: int) -> None:
    """Writes and proves every format of every network."""
    from keras_senet.export import prepare, to_onnx, to_saved_model, to_tflite

    for name, model in keras_networks(size).items():
        model.save(folder / f"{name}.keras")
        subject = prepare(model)
        to_saved_model(subject, folder / name)
        for precision in PRECISIONS["tflite"]:
            # With random weights, the classes of int8 mean nothing.
            to_tflite(
                subject,
                folder / f"{name}-{precision}.tflite",
                precision=precision,
                least_agreement=0,
            )
        for precision in PRECISIONS["onnx"]:
            to_onnx(
                subject,
                folder / f"{name}-{precision}.onnx",
                precision=precision,
                least_agreement=0,
            )


def export_torch(folder: Path, size: int) -> None:
    """Lets PyTorch write timm's network."""
    import torch

    torch.onnx.export(
        timm_network().eval(),
        (torch.randn(1, 3, size, size),),
        str(folder / "timm.onnx"),
        input_names=["images"],
        dynamic_axes={"images": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    place = Path(sys.argv[1])
    export_keras(place, int(sys.argv[2]) if len(sys.argv) > 2 else SIZE)
    try:
        export_torch(place, int(sys.argv[2]) if len(sys.argv) > 2 else SIZE)
    except ModuleNotFoundError as error:
        print(f"No file of PyTorch: {error.name} is not installed")
