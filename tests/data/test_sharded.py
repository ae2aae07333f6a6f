import keras
import numpy as np
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("only_tensorflow")]
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    from keras_senet.data.images import Order
    from keras_senet.data.sharded import Shard, Sharded


def sharded(folder, sizes, labels=None, buffer=4, skip=0):
    """Records that hold their own number, in files of these sizes."""
    labels = labels or [0] * sum(sizes)
    shards, number = [], 0
    for size in sizes:
        path = str(folder / f"{len(shards)}.tfrecord")
        with tf.io.TFRecordWriter(path) as writer:
            for _ in range(skip):
                writer.write(b"not of this split")
            for _ in range(size):
                writer.write(f"{number} {labels[number]}".encode())
                number += 1
        shards.append(Shard(path, skip, size))

    def label(record):
        return tf.strings.to_number(tf.strings.split(record, " ")[1], tf.int64)

    return Sharded(
        shards,
        parse=lambda index, record: (
            tf.strings.as_string(index),
            record,
            label(record),
        ),
        label=label,
        lost=lambda path: b"lost 0",
        buffer=buffer,
    )


def numbers(images, count, **order):
    visits = images.references(Order(**order)).take(count).as_numpy_iterator()
    return [int(number) for number, _ in visits]


def epochs(images, first, last, count, **order):
    """The numbers of so many visits of some epochs, by epoch."""
    visits = tf.data.Dataset.range(first, last).flat_map(
        lambda epoch: images.references(Order(seed=0, epoch=epoch, **order)).take(count)
    )
    seen = [int(number) for number, _ in visits.as_numpy_iterator()]
    return np.array(seen).reshape(last - first, count)


def test_without_a_seed_the_order_is_that_of_the_files(tmp_path):
    images = sharded(tmp_path, [3, 0, 4], skip=2)
    assert images.count == 7
    assert list(images.references(Order()).as_numpy_iterator()) == [
        (number, f"{number} 0".encode()) for number in range(7)
    ]
    parts = [numbers(images, 99, worker=w, workers=2) for w in range(2)]
    assert parts == [[0, 2, 4, 6], [1, 3, 5]]


def test_records_are_fetched(tmp_path):
    images = sharded(tmp_path, [2, 3], labels=[5, 6, 7, 8, 9])
    order = Order(seed=1)
    visits = images.references(order).enumerate()
    visits = visits.map(lambda _, visit: images.fetch(order, visit)).take(10)
    for number, name, encoded, label in visits.as_numpy_iterator():
        index = number % 5
        assert (name, encoded) == (b"%d" % index, b"%d %d" % (index, index + 5))
        assert label == index + 5


# With a global seed of 0 Dataset.shuffle refuses an epoch that is a tensor.
@pytest.mark.parametrize("global_seed", [0, 3])
def test_the_order_is_a_function_of_seed_and_epoch(tmp_path, global_seed):
    images = sharded(tmp_path, [20] * 20, buffer=50)
    keras.utils.set_random_seed(global_seed)
    orders = epochs(images, 0, 2, 400)
    assert orders[1].tolist() == numbers(images, 400, seed=0, epoch=1)
    assert orders[1].tolist() != numbers(images, 400, seed=1, epoch=1)
    assert orders[0].tolist() != orders[1].tolist()
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(400))
        # Neighbors come from many shards, and not in their order.
        assert len(set(order[:40] // 20)) >= 10
        assert abs(np.corrcoef(order, np.arange(400))[0, 1]) < 0.5
    keras.utils.set_random_seed(global_seed + 1)
    np.testing.assert_array_equal(epochs(images, 0, 2, 400), orders)


def test_an_epoch_begins_again_with_other_numbers(tmp_path):
    images = sharded(tmp_path, [3, 4])
    visits = numbers(images, 21, seed=2)
    for lap in range(3):
        part = visits[7 * lap : 7 * lap + 7]
        assert sorted(part) == list(range(7 * lap, 7 * lap + 7))


@pytest.mark.parametrize(
    ("sizes", "workers", "shares"),
    [
        ([5, 5, 5, 5], 2, [10, 10]),
        ([100, 101, 100, 101], 2, None),
        ([5, 5, 5], 2, [8, 7]),
        # Whole shards would leave one worker with a fourth of the images.
        ([30, 10], 2, [20, 20]),
        ([3, 2], 4, [2, 1, 1, 1]),
    ],
)
def test_workers_cover_all_images_and_share_none(tmp_path, sizes, workers, shares):
    images = sharded(tmp_path, sizes)
    own = [
        epochs(images, 0, 3, 2 * sum(sizes), worker=worker, workers=workers)
        for worker in range(workers)
    ]
    for visits in zip(*own, strict=True):
        # The first lap ends where the numbers of the second begin.
        laps = [lap[lap < sum(sizes)] for lap in visits]
        assert sorted(np.concatenate(laps)) == list(range(sum(sizes)))
        lengths = [len(lap) for lap in laps]
        assert lengths == shares if shares else min(lengths) >= 200
    assert images.share(workers) == (min(shares) if shares else 200)


def test_workers_read_files_of_their_own(tmp_path):
    visits = epochs(sharded(tmp_path, [5] * 4), 0, 8, 10, worker=1, workers=2)
    files = {tuple(np.unique(epoch // 5)) for epoch in visits}
    assert {len(pair) for pair in files} == {2}
    assert len(files) > 1


@pytest.mark.slow
def test_balanced_classes_are_visited_equally_often(tmp_path):
    labels = np.random.default_rng(0).permutation([0] * 90 + [1] * 9 + [3] * 21)
    images = sharded(tmp_path, [60, 60], labels=labels.tolist())
    np.testing.assert_array_equal(images.class_counts(5), [90, 9, 0, 21, 0])
    visits = epochs(images, 0, 20, 400, balanced=True)
    for epoch in visits:
        assert len(set(epoch)) == 400
    seen = np.bincount(visits.ravel() % 120, minlength=120)
    assert seen.min() > 0
    share = np.bincount(labels, weights=seen) / seen.sum()
    # 8,000 visits: three standard deviations of a free choice are 0.016.
    np.testing.assert_allclose(share[[0, 1, 3]], 1 / 3, atol=0.016)
    np.testing.assert_array_equal(
        epochs(images, 1, 2, 400, balanced=True)[0], visits[1]
    )


def test_balanced_visits_are_shared_by_workers(tmp_path):
    images = sharded(tmp_path, [60, 60], labels=[0] * 100 + [1] * 20)
    own = [
        set(numbers(images, 200, seed=0, balanced=True, worker=w, workers=2))
        for w in range(2)
    ]
    assert not {n % 120 for n in own[0]} & {n % 120 for n in own[1]}


def test_lost_records_keep_their_numbers(tmp_path):
    images = sharded(tmp_path, [6, 4, 5])
    torn, missing = tmp_path / "0.tfrecord", tmp_path / "1.tfrecord"
    torn.write_bytes(torn.read_bytes()[:-30])
    missing.unlink()
    visits = list(images.references(Order()).ignore_errors().as_numpy_iterator())
    assert [number for number, _ in visits] == list(range(15))
    lost = [number for number, record in visits if record == b"lost 0"]
    assert lost == [4, 5, 6, 7, 8, 9]


def test_more_workers_than_images_are_refused(tmp_path):
    images = sharded(tmp_path, [1, 1])
    with pytest.raises(ValueError, match="at most the number of images, 2"):
        images.references(Order(seed=0, worker=2, workers=3))
