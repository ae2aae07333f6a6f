"""Files of weights as the publishers write them, made from timm's networks.

The names are written down here anew, from the publishers' own definitions.
"""

import csv
import re
from pathlib import Path

import numpy as np
from weights.caffe_format import blob, layer, network

GOLDENS = Path(__file__).parents[1] / "goldens"
# What Caffe divides its statistics by.
FACTOR = 999.98236


def mmpretrain(state):
    """A torch state dict of timm as mmpretrain's checkpoint."""
    names = {}
    for key, value in state.items():
        key = key.replace(".se.fc1.", ".se_layer.conv1.conv.")
        key = key.replace(".se.fc2.", ".se_layer.conv2.conv.")
        key = f"head.{key}" if key.startswith("fc.") else f"backbone.{key}"
        names[key] = value
    return {"meta": {"epoch": 100}, "state_dict": names}


def moskomule(state):
    """A torch state dict of timm as moskomule's, whose SE has no biases."""
    names = {}
    for key, value in state.items():
        if found := re.fullmatch(r"(.*)\.se\.fc([12])\.(weight|bias)", key):
            if found[3] == "weight":
                number = {"1": 0, "2": 2}[found[2]]
                names[f"{found[1]}.se.fc.{number}.weight"] = value[:, :, 0, 0]
        else:
            names[key] = value
    return names


def qubvel(state):
    """A torch state dict of a legacy network as layers of `classification_models`.

    They stand as in the files that the package writes: its own test compares them.
    """
    state = {key: value.numpy() for key, value in state.items()}
    blocks = {}
    for key in state:
        block = re.match(r"layer0|layer\d\.\d+|last_linear", key)[0]
        blocks.setdefault(block, []).append(key)
    for keys in blocks.values():
        # The shortcut is shorter than the branch, and so stands behind it.
        for key in sorted(keys, key=lambda key: "downsample" in key):
            if key.endswith("weight"):
                yield from keras2_layers(state, key.removesuffix(".weight"))


def keras2_layers(state, name):
    """The layers of Keras 2 that stand for a module of torch."""
    weight, bias = state[f"{name}.weight"], state.get(f"{name}.bias")
    if name == "last_linear":
        yield "dense", {"kernel": weight.T, "bias": bias}
    elif weight.ndim == 1:
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        theirs = (state[f"{name}.{statistic}"] for statistic in STATISTICS)
        yield "batch_normalization", dict(zip(names, theirs, strict=True))
    else:
        groups = 1
        if re.fullmatch(r"layer[1-4].*\.conv2", name):
            inputs = len(state[f"{name.removesuffix('2')}1.weight"])
            groups = inputs // weight.shape[1]
        kernel = weight.transpose(2, 3, 1, 0)
        for part in np.split(kernel, groups, axis=-1):
            yield "conv2d", {"kernel": part} | ({} if bias is None else {"bias": bias})


def caffe(state):
    """The bytes of a caffemodel from a state dict of a legacy network."""
    state = {key: value.numpy() for key, value in state.items()}
    layers = []
    for key, kernel in state.items():
        name = caffe_name(key, kernel.shape)
        if name is None:
            continue
        if key.startswith("last_linear"):
            blobs = (by_devkit(kernel), by_devkit(state["last_linear.bias"]))
            layers.append(layer(name, "InnerProduct", *map(blob, blobs)))
            continue
        if kernel.shape[1] == 3:
            kernel = kernel[:, ::-1]
        if "se_module" in key:
            bias = state[key.replace("weight", "bias")]
            layers.append(layer(name, "Convolution", blob(kernel), blob(bias)))
            continue
        layers.append(layer(name, "Convolution", blob(kernel)))
        norm = key.removesuffix(".weight").replace("downsample.0", "downsample.1")
        norm = re.sub(r"conv(\d)$", r"bn\1", norm)
        layers += normalization(name, *(state[f"{norm}.{x}"] for x in STATISTICS))
    return network(*layers)


def caffe_by_definition(definition, weights):
    """The bytes of a caffemodel from the authors' own layers and names."""
    layers = []
    for each in definition:
        name, kind = each["name"], each["type"]
        if name not in weights:
            continue
        kernel, *others = (x.numpy().astype("float32") for x in weights[name])
        if each.get("bias") or kind == "InnerProduct":
            layers.append(layer(name, kind, blob(kernel), blob(*others)))
        else:
            layers.append(layer(name, kind, blob(kernel)))
            layers += normalization(name, *others)
    return network(*layers)


STATISTICS = ("weight", "bias", "running_mean", "running_var")


def normalization(name, gamma, beta, mean, variance):
    """The two layers of a normalization, with Caffe's scaled statistics."""
    factor = np.array([FACTOR], "float32")
    statistics = (mean * factor, variance * factor, factor)
    return [
        layer(f"{name}/bn", "BatchNorm", *map(blob, statistics)),
        layer(f"{name}/bn/scale", "Scale", blob(gamma), blob(beta)),
    ]


def caffe_name(key, shape):
    """The authors' name of a convolution or the classifier, by Cadene's key."""
    if key == "last_linear.weight":
        return "classifier"
    if shape[2:] == (7, 7):
        return "conv1/7x7_s2"
    stems = {
        "layer0.conv1.weight": "conv1_1/3x3_s2",
        "layer0.conv2.weight": "conv1_2/3x3",
        "layer0.conv3.weight": "conv1_3/3x3",
    }
    if key in stems:
        return stems[key]
    found = re.fullmatch(r"layer(\d)\.(\d+)\.(.+)\.weight", key)
    parts = {
        "conv1": "1x1_reduce",
        "conv2": "3x3",
        "conv3": "1x1_increase",
        "downsample.0": "1x1_proj",
        "se_module.fc1": "1x1_down",
        "se_module.fc2": "1x1_up",
    }
    if not found or found[3] not in parts:
        return None
    return f"conv{int(found[1]) + 1}_{int(found[2]) + 1}_{parts[found[3]]}"


def by_devkit(x):
    """From the order of sorted synsets to that of the authors' networks."""
    theirs = np.empty_like(x)
    for caffe_index, sorted_index in label_map():
        theirs[caffe_index] = x[sorted_index]
    return theirs


def label_map():
    """Pairs of indices of a class: in the authors' networks, and sorted."""
    with (GOLDENS / "label_map_caffe_to_sorted.csv").open() as file:
        return [(int(a), int(b)) for a, b in csv.reader(file)]
