import numpy as np
import pytest
from pictures import grey

from keras_senet.data.indexed import Indexed
from keras_senet.data.sampling import sample
from keras_senet.errors import InputError

pytestmark = pytest.mark.usefixtures("only_tensorflow")


def levels(contents):
    labels = np.zeros(len(contents), "int64")
    return Indexed(names=list(map(str, labels)), labels=labels, contents=contents)


def test_images_are_drawn_without_replacement():
    images = levels([grey(level) for level in range(40)])
    drawn = sample(images, 12, size=4)
    assert (drawn.shape, drawn.dtype) == ((12, 4, 4, 3), np.uint8)
    found = drawn[:, 0, 0, 0].tolist()
    assert len(set(found)) == 12
    # Not the first ones, which are of few classes.
    assert max(found) > 20
    assert found == sample(images, 12, size=4)[:, 0, 0, 0].tolist()
    assert found != sample(images, 12, size=4, seed=1)[:, 0, 0, 0].tolist()
    assert sorted(sample(images, 99, size=4)[:, 0, 0, 0]) == list(range(40))


def test_what_cannot_be_read_is_left_out():
    images = levels([grey(7), b"broken", grey(9)])
    assert sorted(sample(images, 3, size=4)[:, 0, 0, 0]) == [7, 9]
    with pytest.raises(InputError, match="None of the images"):
        sample(levels([b"broken"]), 1, size=4)
