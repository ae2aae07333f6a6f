"""Published networks made small, so that their files are, too."""

from dataclasses import replace

import numpy as np
from seeded import seed_weights

from keras_senet.models import families
from keras_senet.models.application import application
from keras_senet.weights.keras_file import network_layers
from keras_senet.weights.names import dialect
from keras_senet.weights.port import weights_of

NAMES = ("se_resnet18", "se_resnet50", "se_resnext50", "senet154")


def spec(name):
    """A published network with one narrow block in each of two stages."""
    full = families.SPECS[name]
    deep = len(full.stem) == 3
    stem = ((8, 3, 2), (8, 3, 1), (16, 3, 1)) if deep else ((16, 7, 2),)
    return replace(
        full,
        depths=(1, 1),
        widths=(16, 32),
        stem=stem,
        groups=min(full.groups, 4),
        size=64,
    )


def use(monkeypatch, *names):
    """Puts the small networks in the place of the published ones."""
    for name in names or NAMES:
        made = spec(name)
        network = application("Small", name, made)
        monkeypatch.setitem(families.SPECS, name, made)
        monkeypatch.setitem(families.NETWORKS, name, network)


def build(name, **arguments):
    """One of them, with weights by name."""
    model = families.NETWORKS[name](**{"weights": None, **arguments})
    seed_weights(model)
    return model


def state(name, model, publisher, *, top=True):
    """The weights of a model by the names of a publisher of torch files."""
    made = families.SPECS[name]
    weights = weights_of(network_layers(model))
    return {
        rule.sources[0]: np.ascontiguousarray(
            rule.layout.back(np.asarray(weights[rule.target]))
        )
        for rule in dialect(publisher).rules(made, top)
    }
