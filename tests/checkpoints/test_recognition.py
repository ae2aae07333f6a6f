"""Every published file is recognized by its names and shapes alone."""

import keras
import numpy as np
import pytest

from keras_senet.checkpoints import recognition
from keras_senet.models.families import NETWORKS, SPECS
from keras_senet.weights.catalog import CHECKPOINTS
from keras_senet.weights.keras_file import network_layers
from keras_senet.weights.names import dialect
from keras_senet.weights.port import weights_of
from keras_senet.weights.pretrained import Pretrained
from keras_senet.weights.tensors import StoredTensor, TensorFile

# Files of Keras 2 name tensors by their order: tests/weights/test_keras2_files.py.
PUBLISHED = sorted(
    {(row.network, row.dialect) for row in CHECKPOINTS if row.dialect != "qubvel"}
)


def their_shape(rule, shape):
    """The shape of a tensor of ours in a file of torch or Caffe."""
    array = np.broadcast_to(np.float32(0), shape)
    if rule.layout.back is not None:
        return rule.layout.back(array).shape
    return (*shape[:-3:-1], *shape[:-2])


@pytest.mark.slow
@pytest.mark.parametrize(("network", "publisher"), PUBLISHED)
def test_published_names_and_shapes(network, publisher, tmp_path, monkeypatch):
    speaker = dialect(publisher)
    with keras.StatelessScope(initialize_variables=False):
        model = NETWORKS[network](weights=None, use_bias=speaker.use_bias)
    weights = weights_of(network_layers(model))
    tensors = {}
    rules = list(speaker.rules(SPECS[network], True))
    # Each of ours has one rule, and each of theirs has one but Caffe's factors.
    assert sorted(rule.target for rule in rules) == sorted(weights)
    for rule in rules:
        shapes = [their_shape(rule, tuple(weights[rule.target].shape)), (1,)]
        for source, shape in zip(rule.sources, shapes, strict=False):
            tensors[source] = StoredTensor(shape=shape, dtype="float32", read=None)
    path = tmp_path / "file"
    path.touch()
    file = TensorFile(path=path, format="pth", tensors=tensors)
    monkeypatch.setattr(
        recognition, "opened", lambda _: Pretrained(path=path, file=file)
    )
    found = recognition.recognize(path)
    assert (found.network, found.publisher) == (network, publisher)
    assert found.arguments["classes"] == 1000
    assert found.arguments["input_shape"][-1] == 3
