import keras
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    from keras_senet.data import indexed
    from keras_senet.data.digits import digits
    from keras_senet.data.images import Order
    from keras_senet.data.indexed import Indexed, in_memory
    from keras_senet.errors import InputError


def images(count=10, labels=None):
    return Indexed(
        names=[f"image {i}" for i in range(count)],
        labels=np.arange(count) if labels is None else np.asarray(labels),
        contents=[str(i).encode() for i in range(count)],
    )


def visits(of, order, count):
    data = of.references(order).take(count)
    found = data.map(lambda reference: of.fetch(order, reference))
    return list(found.as_numpy_iterator())


def test_without_a_seed_the_order_is_that_of_the_source():
    found = visits(images(), Order(), 100)
    assert [x.number for x in found] == list(range(10))
    assert [x.encoded for x in found] == [str(i).encode() for i in range(10)]
    assert [x.name for x in found] == [f"image {i}".encode() for i in range(10)]
    assert [x.label for x in found] == list(range(10))


def test_an_epoch_visits_each_image_once_and_the_next_in_another_order():
    orders = [
        [x.label for x in visits(images(), Order(seed=5, epoch=e), 10)] for e in (0, 1)
    ]
    assert [sorted(order) for order in orders] == [list(range(10))] * 2
    assert orders[0] != orders[1]
    again = visits(images(), Order(seed=5, epoch=1), 10)
    assert [x.label for x in again] == orders[1]
    other = visits(images(), Order(seed=6, epoch=1), 10)
    assert [x.label for x in other] != orders[1]


def test_after_an_epoch_it_begins_again_with_other_numbers():
    found = visits(images(), Order(seed=5), 20)
    assert [x.label for x in found[:10]] == [x.label for x in found[10:]]
    assert [x.number for x in found[10:]] == [x.number + 10 for x in found[:10]]


@pytest.mark.parametrize("order", [{}, {"seed": 3}, {"seed": 3, "balanced": True}])
def test_workers_share_the_visits(order):
    whole = [x.number for x in visits(images(), Order(**order), 10)]
    parts = [
        [x.number for x in visits(images(), Order(**order, worker=w, workers=3), n)]
        for w, n in ((0, 4), (1, 3), (2, 3))
    ]
    for worker, part in enumerate(parts):
        assert part == whole[worker::3]
    assert images().share(3) == 3


def test_balanced_classes_are_equally_frequent_and_their_images_too():
    # 1, 9 and 90 images of three classes; class 2 does not occur.
    labels = np.repeat([0, 1, 3], [1, 9, 90])
    of = images(100, labels)
    order = Order(seed=1, epoch=0, balanced=True)
    found = visits(of, order, 270)
    counts = np.bincount([x.label for x in found], minlength=4)
    np.testing.assert_array_equal(counts, [90, 90, 0, 90])
    # Within a class, every image comes once before one comes twice.
    for label, times in ((0, 90), (1, 10), (3, 1)):
        seen = [x.name for x in found if x.label == label]
        members, often = np.unique(seen, return_counts=True)
        assert len(members) == (labels == label).sum()
        np.testing.assert_array_equal(often, times)
    assert len({x.number for x in found}) == 270
    np.testing.assert_array_equal(of.class_counts(4), [1, 9, 0, 90])


def test_balanced_epochs_go_on_with_the_images_of_large_classes():
    of = images(100, np.repeat([0, 1], [10, 90]))
    seen = []
    for epoch in range(2):
        order = Order(seed=1, epoch=epoch, balanced=True)
        seen += [x.name for x in visits(of, order, 100) if x.label == 1]
    assert len(seen) == 100
    # 90 images, 50 visits in each epoch: the second begins where the first ended.
    assert len(set(seen[:90])) == 90


def test_in_memory_holds_the_same_images():
    test = digits().test
    copy = in_memory(test)
    assert list(copy.names) == list(test.names)
    assert copy.contents == test.contents
    np.testing.assert_array_equal(copy.labels, test.labels)


def test_files_are_read_by_name(tmp_path):
    file = tmp_path / "x.jpg"
    file.write_bytes(b"bytes")
    of = Indexed(names=[str(file)], labels=np.zeros(1, "int64"))
    assert visits(of, Order(), 1)[0].encoded == b"bytes"
    assert in_memory(of).contents == [b"bytes"]


def test_what_does_not_fit_into_memory_is_refused(monkeypatch):
    monkeypatch.setattr(indexed, "SHARE_OF_MEMORY", 1e-12)
    with pytest.raises(InputError, match="do not fit into memory"):
        in_memory(digits().test)
