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
    for lap in (found[:10], found[10:]):
        assert sorted(x.label for x in lap) == list(range(10))
    assert sorted(x.number for x in found) == list(range(20))
    assert all(x.label == x.number % 10 for x in found)


@pytest.mark.slow
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


@pytest.mark.parametrize("count", [10_000, 65_537])
def test_orders_of_epochs_do_not_resemble_each_other(count):
    of = images(count, np.arange(count) % 7)
    orders = []
    for epoch in range(4):
        found = of.references(Order(seed=0, epoch=epoch)).batch(count)
        orders.append(next(found.as_numpy_iterator()))
        assert (np.sort(orders[-1]) == np.arange(count)).all()
        # Neighbors, too: five deviations of independent ones.
        neighbors = np.corrcoef(orders[-1][1:], orders[-1][:-1])[0, 1]
        assert abs(neighbors) < 5 / count**0.5
    other = np.corrcoef(orders) - np.eye(4)
    assert np.abs(other).max() < 5 / count**0.5


def test_balanced_classes_are_equally_frequent_and_their_images_too():
    # 1, 9 and 90 images of three classes; class 2 does not occur.
    labels = np.repeat([0, 1, 3], [1, 9, 90])
    of = images(100, labels)
    found = [
        visit
        for epoch in range(30)
        for visit in visits(of, Order(seed=1, epoch=epoch, balanced=True), 102)
    ]
    counts = np.bincount([x.label for x in found], minlength=4)
    np.testing.assert_array_equal(counts, [1020, 1020, 0, 1020])
    # Within a class, every image comes once before one comes twice.
    for label in (0, 1, 3):
        seen = [x.name for x in found if x.label == label]
        members, often = np.unique(seen, return_counts=True)
        assert len(members) == (labels == label).sum()
        assert often.max() - often.min() <= 1
    assert len({x.number for x in found[:102]}) == 102
    np.testing.assert_array_equal(of.class_counts(4), [1, 9, 0, 90])
    # Classes come in another order in each epoch.
    orders = {tuple(x.label for x in found[e * 102 :][:30]) for e in range(30)}
    assert len(orders) == 30


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
    assert copy.contents.numpy().tolist() == test.contents
    np.testing.assert_array_equal(copy.labels, test.labels)


def test_files_are_read_by_name(tmp_path):
    file = tmp_path / "x.jpg"
    file.write_bytes(b"bytes")
    of = Indexed(names=[str(file)], labels=np.zeros(1, "int64"))
    assert visits(of, Order(), 1)[0].encoded == b"bytes"
    of = Indexed(names=[str(file), "none"], labels=np.zeros(2, "int64"))
    assert in_memory(of).contents.numpy().tolist() == [b"bytes", b""]
    of = Indexed(names=[str(file)], labels=np.zeros(1, "int64"))
    assert in_memory(of).contents.numpy().tolist() == [b"bytes"]


def test_what_does_not_fit_into_memory_is_refused(monkeypatch):
    monkeypatch.setattr(indexed, "SHARE_OF_MEMORY", 1e-12)
    with pytest.raises(InputError, match="do not fit into memory"):
        in_memory(digits().test)
