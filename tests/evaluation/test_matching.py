import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_senet.errors import InputError
from keras_senet.evaluation.matching import imagenet_synsets, match_classes
from keras_senet.weights.classes import imagenet_classes


@given(st.permutations("abcdef"), st.data())
def test_by_name_in_any_order(names, data):
    labels = data.draw(st.lists(st.sampled_from(names), unique=True))
    found = match_classes(labels, names, 6)
    assert [names[place] for place in found] == labels


def test_without_names_by_position():
    assert match_classes(["x", "y"], None, 2).tolist() == [0, 1]
    with pytest.raises(InputError, match=r"3 outputs without names, .* 2 classes"):
        match_classes(["x", "y"], None, 3)


def test_imagenet_by_synset_or_word():
    # Pug and goldfish, as Keras' `decode_predictions` has them.
    synsets, words = ["n02110958", "n01443537"], ["pug", "goldfish"]
    for names in (imagenet_synsets(), [word for _, word in imagenet_classes()]):
        for labels in (synsets, words, [synsets[0], words[1]]):
            assert match_classes(labels, names, 1000).tolist() == [254, 1]
    # A model of a few of its classes.
    assert match_classes(words, synsets, 2).tolist() == [0, 1]
    assert match_classes(synsets, words[::-1], 2).tolist() == [1, 0]


def test_words_of_two_classes_are_none():
    with pytest.raises(InputError, match=r"named by its synset.*Received: crane$"):
        match_classes(["crane", "pug"], imagenet_synsets(), 1000)


def test_other_classes_are_named():
    message = "4 of the 5 classes of the data are none of the model's: it tells "
    message += "cat, cow, dog, ... apart. Received: e, f, g, ..."
    with pytest.raises(InputError, match=re.escape(message)):
        match_classes(["cat", *"efgh"], ["cat", "cow", "dog", "emu"], 4)
