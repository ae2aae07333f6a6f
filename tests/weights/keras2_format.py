"""Files of weights as Keras 2 writes them (its `saving.py`), written without it."""

import h5py
import numpy as np

# What fits beside an object in HDF5.
LIMIT = 64512


def write_keras2(path, layers, *, whole=False, backend="tensorflow", version="2.2.4"):
    """Writes layers as `save_weights` does, or as `save` does if it is `whole`.

    Args:
        path: The file.
        layers: Pairs of a kind, which becomes a name with a number, or of a name that
            ends in "!", and a dictionary of weights.
    """
    layers = [
        (name_of(kind, 40 + n), arrays) for n, (kind, arrays) in enumerate(layers)
    ]
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole else file
        set_names(root, "layer_names", [name for name, _ in layers])
        root.attrs["backend"] = backend.encode()
        root.attrs["keras_version"] = version.encode()
        for name, arrays in layers:
            group = root.create_group(name)
            paths = [f"{name}/{weight}:0" for weight in arrays]
            set_names(group, "weight_names", paths)
            for path_in_group, array in zip(paths, arrays.values(), strict=True):
                group.create_dataset(path_in_group, data=array)
    return path


def name_of(kind, number):
    # The numbers do not rise with the order in real files, as depth decides it.
    return kind[:-1] if kind.endswith("!") else f"{kind}_{number ^ 1}"


def set_names(group, attribute, names):
    """Sets a list of names, cut into as many parts as it must be."""
    data = np.asarray([name.encode() for name in names])
    count = 1
    while any(x.nbytes > LIMIT for x in np.array_split(data, count)):
        count += 1
    if count == 1:
        group.attrs[attribute] = data if names else []
        return
    for number, part in enumerate(np.array_split(data, count)):
        group.attrs[f"{attribute}{number}"] = part
