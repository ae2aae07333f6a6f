import keras
import numpy as np
import pytest

import keras_senet

KNOWN = {
    1: ("n01443537", "goldfish"),
    254: ("n02110958", "pug"),
    404: ("n02690373", "airliner"),
    972: ("n09246464", "cliff"),
}


def test_best_class_of_each_image():
    for preds in (np.eye(1000)[list(KNOWN)], keras.ops.one_hot(list(KNOWN), 1000)):
        decoded = keras_senet.decode_predictions(preds, top=1)
        assert decoded == [[(*names, 1.0)] for names in KNOWN.values()]


def test_logits_are_sorted_and_ties_take_the_lower_index():
    logits = np.full((1, 1000), -9.0, "float32")
    logits[0, [404, 254, 972, 1]] = -2.5, 7.25, -2.5, 3.0
    (row,) = keras_senet.decode_predictions(logits, top=5)
    assert row[:4] == [
        (*KNOWN[254], 7.25),
        (*KNOWN[1], 3.0),
        (*KNOWN[404], -2.5),
        (*KNOWN[972], -2.5),
    ]
    assert row[4] == ("n01440764", "tench", -9.0)
    assert len(keras_senet.decode_predictions(logits)[0]) == 5


def test_other_classes():
    preds = np.array([[0.25, 0.75], [1.0, 0.0]])
    decoded = keras_senet.decode_predictions(preds, top=1, class_names=("cat", "dog"))
    assert decoded == [[("dog", "dog", 0.75)], [("cat", "cat", 1.0)]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preds": np.zeros((1, 10))}, r"\(batch, 1000\); `class_names` .*\(1, 10\)"),
        ({"preds": np.zeros(1000)}, r"preds of shape \(1000,\)"),
        ({"preds": [[0.0] * 1000]}, r"preds of shape \(\)"),
        ({"preds": np.zeros((1, 3)), "class_names": "ab"}, r"\(batch, 2\)\. Received"),
        ({"preds": np.zeros((1, 1000)), "top": 0}, "from 1 to 1000. Received: top=0"),
        ({"preds": np.zeros((1, 1000)), "top": 1001}, "Received: top=1001"),
        ({"preds": np.zeros((1, 1000)), "top": 2.0}, "Received: top=2.0"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        keras_senet.decode_predictions(**arguments)
