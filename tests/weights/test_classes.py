"""The classes against Keras' names, and the authors' order against a label map."""

from pathlib import Path

import pytest

from keras_senet.weights.classes import ilsvrc2017_order, imagenet_classes

GOLDENS = Path(__file__).parents[1] / "goldens"


def test_classes_are_sorted_and_complete():
    synsets = [synset for synset, _ in imagenet_classes()]
    assert len(synsets) == 1000
    assert synsets == sorted(set(synsets))


# Out of Keras' imagenet_class_index.json, the odd ones first.
@pytest.mark.parametrize(
    ("index", "synset", "name"),
    [
        (986, "n12057211", "yellow_lady's_slipper"),
        (607, "n03590841", "jack-o'-lantern"),
        (722, "n03942813", "ping-pong_ball"),
        (262, "n02112706", "Brabancon_griffon"),
        (233, "n02106382", "Bouvier_des_Flandres"),
        (134, "n02012849", "crane"),
        (517, "n03126707", "crane"),
        (638, "n03710637", "maillot"),
        (639, "n03710721", "maillot"),
        (836, "n04355933", "sunglass"),
        (837, "n04356056", "sunglasses"),
        (605, "n03584254", "iPod"),
        (278, "n02119789", "kit_fox"),
        (0, "n01440764", "tench"),
        (999, "n15075141", "toilet_tissue"),
    ],
)
def test_names_are_those_of_keras(index, synset, name):
    assert imagenet_classes()[index] == (synset, name)


def test_authors_order_is_that_of_the_published_label_map():
    lines = (GOLDENS / "label_map_caffe_to_sorted.csv").read_text().split()
    pairs = dict(map(int, line.split(",")) for line in lines)
    assert len(pairs) == 1000
    assert dict(enumerate(ilsvrc2017_order())) == pairs
    assert imagenet_classes()[ilsvrc2017_order()[0]] == ("n02119789", "kit_fox")
