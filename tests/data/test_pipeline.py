import dataclasses

import keras
import numpy as np
import pytest
from pictures import encoded, grey, photograph

pytestmark = pytest.mark.usefixtures("only_tensorflow")
SLOW = pytest.mark.slow
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    from keras_senet.data.augmentation import (
        CIFAR,
        DIGITS,
        MODERN,
        PAPER,
        RELEASE,
        Augmentation,
    )
    from keras_senet.data.defaults import chosen_augmentation, shorter_side
    from keras_senet.data.digits import digits
    from keras_senet.data.indexed import Indexed
    from keras_senet.data.pipeline import evaluation_batches, training_batches
    from keras_senet.data.source import Source
    from keras_senet.data.steps import steps_per_epoch
    from keras_senet.errors import InputError


def numbered(count):
    """Grey images that say their own index, for counting."""
    return Indexed(
        names=[f"image {i}" for i in range(count)],
        labels=np.arange(count),
        contents=[grey(i) for i in range(count)],
    )


def photographs(count=6):
    return Indexed(
        names=[f"photograph {i}" for i in range(count)],
        labels=np.arange(count) % 3,
        contents=[encoded(photograph(150, 100, i)) for i in range(count)],
    )


def source(images, classes=None, augmentation=None):
    return Source(
        name="numbered",
        class_names=tuple(map(str, range(classes or images.count))),
        fingerprint="",
        train=images,
        validation=images,
        augmentation=augmentation,
    )


def epochs(of, *, size=8, batch_size=4, seed=3, first=0, last=3, **options):
    batches = training_batches(
        of,
        size=size,
        batch_size=batch_size,
        seed=seed,
        first_epoch=first,
        last_epoch=last,
        **options,
    )
    found = [(x.numpy(), y.numpy()) for x, y in batches]
    assert len(found) == int(batches.cardinality())
    return found


def test_each_epoch_sees_each_image_at_most_once_in_another_order():
    found = epochs(source(numbered(23), augmentation=Augmentation()))
    assert len(found) == 15
    orders = [np.concatenate([y for _, y in found[e * 5 : e * 5 + 5]]) for e in (0, 1)]
    for order in orders:
        assert len(set(order)) == len(order) == 20
    assert (orders[0] != orders[1]).any()
    for images, labels in found:
        assert images.dtype == "uint8"
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels)


@pytest.mark.parametrize(
    "augmentation",
    [
        "PAPER",
        *(
            pytest.param(x, marks=SLOW)
            for x in ("RELEASE", "MODERN", "CIFAR", "DIGITS")
        ),
    ],
)
def test_runs_repeat_bit_for_bit_also_from_the_middle(augmentation):
    augmentation = globals()[augmentation]
    of = source(photographs(), 3, dataclasses.replace(augmentation, erasing=0.5))
    whole = epochs(of, size=32, batch_size=2)
    assert len(whole) == 9
    middle = epochs(of, size=32, batch_size=2, first=1, first_step=1, threads=1)
    for ours, theirs in zip(middle, whole[4:], strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    other = epochs(of, size=32, batch_size=2, seed=4, last=1)
    assert (other[0][0] != whole[0][0]).any()


@SLOW
def test_an_image_changes_from_epoch_to_epoch():
    found = epochs(source(photographs(1), 1), size=96, batch_size=1, last=6)
    images = [x.tobytes() for x, _ in found]
    assert len(set(images)) == 6


@SLOW
def test_workers_share_each_batch():
    of = source(numbered(23), augmentation=Augmentation())
    whole = epochs(of)
    parts = [epochs(of, worker=worker, workers=2) for worker in (0, 1)]
    for batch, first, second in zip(whole, *parts, strict=True):
        both = np.concatenate([first[1], second[1]])
        assert sorted(both) == sorted(batch[1])
    with pytest.raises(InputError, match="divide by 3 workers"):
        epochs(of, workers=3)


@SLOW
def test_balanced_epochs_are_as_long_and_equal_in_classes():
    images = numbered(40)
    images = dataclasses.replace(images, labels=np.repeat([0, 1], [4, 36]))
    of = source(images, 2, Augmentation())
    labels = np.concatenate([y for _, y in epochs(of, balanced=True, last=1)])
    np.testing.assert_array_equal(np.bincount(labels), [20, 20])


def test_mixed_batches_have_shares_of_classes():
    smooth = Augmentation(label_smoothing=0.3)
    for images, labels in epochs(source(photographs(), 3, smooth), size=16):
        assert images.dtype == "uint8"
        np.testing.assert_allclose(np.sort(labels), [[0.1, 0.1, 0.8]] * 4, atol=1e-6)
    cut = Augmentation(cutmix=1.0)
    labels = [y for _, y in epochs(source(photographs(), 3, cut), size=16)]
    np.testing.assert_allclose(np.sum(labels, -1), 1, atol=1e-6)
    assert any(((y > 0.05) & (y < 0.95)).any() for y in labels)


@SLOW
def test_without_order_the_same_images_come():
    of = source(numbered(20), augmentation=Augmentation())
    found = epochs(of, last=1, deterministic=False)
    assert sorted(np.concatenate([y for _, y in found])) == list(range(20))


def test_too_few_images_are_refused():
    of = source(numbered(3))
    with pytest.raises(InputError, match="do not fill one batch of 4"):
        steps_per_epoch(of, 4)
    with pytest.raises(InputError, match="batch_size=0"):
        steps_per_epoch(of, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first": 3}, "first_epoch=3, last_epoch=3"),
        ({"first": -1}, "first_epoch=-1"),
        ({"first_step": 5}, "below the 5 batches of an epoch. Received: first_step=5"),
        ({"worker": 1}, "worker=1, workers=1"),
        ({"workers": 0}, "worker=0, workers=0"),
        ({"size": 0}, "size=0"),
    ],
)
def test_bad_arguments_of_training(options, message):
    with pytest.raises(InputError, match=message):
        epochs(source(numbered(20)), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resize": 3}, "size=4, resize=3"),
        ({"interpolation": "nearest"}, "bilinear, bicubic.*nearest"),
        ({"worker": -1, "workers": 2}, "worker=-1"),
    ],
)
def test_bad_arguments_of_evaluation(options, message):
    with pytest.raises(InputError, match=message):
        evaluation_batches(numbered(3), size=4, batch_size=2, **options)


@pytest.mark.parametrize(
    ("count", "batch", "workers"),
    [
        (103, 16, 1),
        *(
            pytest.param(*each, workers, marks=SLOW)
            for each in ((103, 16), (1, 4), (16, 16), (17, 16))
            for workers in (1, 2)
        ),
    ],
)
def test_evaluation_counts_every_image_once(count, batch, workers):
    parts = []
    for worker in range(workers):
        batches = evaluation_batches(
            numbered(count), size=4, batch_size=batch, worker=worker, workers=workers
        )
        found = list(batches.as_numpy_iterator())
        assert len(found) == -(-count // batch) == int(batches.cardinality())
        assert {len(labels) for _, labels, _ in found} == {batch // workers}
        parts += found
    images, labels, weights = (
        np.concatenate(part) for part in zip(*parts, strict=True)
    )
    assert weights.sum() == count
    assert sorted(labels[weights > 0]) == list(range(count))
    np.testing.assert_array_equal(images[:, 0, 0, 0], labels)


@SLOW
def test_evaluation_may_be_kept_in_memory():
    batches = evaluation_batches(numbered(5), size=4, batch_size=2, cache=True)
    first, second = (list(batches.as_numpy_iterator()) for _ in range(2))
    for ours, theirs in zip(first, second, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_sides_of_the_paper():
    assert [shorter_side(size) for size in (224, 299, 32, 320)] == [256, 352, 32, 365]


def test_what_is_not_said_of_changes():
    plain = source(numbered(3))
    assert chosen_augmentation(None, plain, 224) == PAPER
    assert chosen_augmentation(None, plain, 32) == CIFAR
    assert chosen_augmentation(RELEASE, plain, 224) == RELEASE
    assert chosen_augmentation(None, digits(), 224) == DIGITS
    assert chosen_augmentation(MODERN, digits(), 224) == MODERN


def test_the_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    splits = digits().splits
    assert [split.count for split in splits.values()] == [1259, 179, 359]
    seen = [
        (tf.io.decode_png(content).numpy()[..., 0].tobytes(), int(label))
        for split in splits.values()
        for content, label in zip(split.contents, split.labels, strict=True)
    ]
    data = load_digits()
    levels = np.rint(data.images * 255 / 16).astype("uint8")
    theirs = [(x.tobytes(), int(y)) for x, y in zip(levels, data.target, strict=True)]
    assert sorted(seen) == sorted(theirs)


@SLOW
def test_layers_of_ones_own_come_last_and_repeat():
    of = source(photographs(), 3, Augmentation())
    layers = [keras.layers.RandomContrast(0.5), keras.layers.RandomRotation(0.2)]
    whole = epochs(of, size=32, batch_size=2, layers=layers)
    middle = epochs(of, size=32, batch_size=2, layers=layers, first=2)
    for ours, theirs in zip(middle, whole[6:], strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
    plain = epochs(of, size=32, batch_size=2)
    assert all((a != b).any() for (a, _), (b, _) in zip(whole, plain, strict=True))
    with pytest.raises(InputError, match="should keep the shape"):
        epochs(of, size=32, layers=[keras.layers.Resizing(8, 8)])
