import keras
import numpy as np
import pytest
from pictures import encoded, grey, photograph

pytestmark = pytest.mark.usefixtures("only_tensorflow")
SLOW = pytest.mark.slow
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    from keras_senet.data.augmentation import Augmentation
    from keras_senet.data.bad_images import BadImages
    from keras_senet.data.indexed import Indexed
    from keras_senet.data.pipeline import evaluation_batches, training_batches
    from keras_senet.data.source import Source
    from keras_senet.errors import InputError


def images(count=20, bad=()):
    """Grey images that say their own index, but for bad ones."""
    return Indexed(
        names=[f"image {i}" for i in range(count)],
        labels=np.arange(count),
        contents=[b"no image" if i in bad else grey(i) for i in range(count)],
    )


def source(of):
    return Source(
        name="numbered",
        class_names=tuple(map(str, range(of.count))),
        fingerprint="",
        train=of,
        validation=of,
        augmentation=Augmentation(),
    )


def trained(of, bad, first_epoch=0, first_step=0, **options):
    batches = training_batches(
        source(of),
        size=4,
        batch_size=4,
        seed=1,
        first_epoch=first_epoch,
        first_step=first_step,
        last_epoch=3,
        bad_images=bad,
        **options,
    )
    return [(x.numpy()[:, 0, 0, 0], y.numpy()) for x, y in batches]


def test_the_first_bad_image_is_named():
    bad = BadImages()
    with pytest.raises(tf.errors.OpError):
        trained(images(bad=[7]), bad)
    assert str(bad.error).startswith("image 7: ")
    assert "data check" in str(bad.error)


@SLOW
@pytest.mark.parametrize("index", [0, 5, 8, 13, 19])
def test_each_bad_image_is_noticed_wherever_it_comes_in_an_epoch(index):
    # 20 images fill five batches: each is in the first epoch.
    bad = BadImages()
    with pytest.raises(tf.errors.OpError):
        trained(images(bad=[index]), bad)
    assert list(bad.found) == [f"image {index}"]


@SLOW
@pytest.mark.parametrize("policy", ["raise", "skip"])
def test_good_images_are_no_bad_ones(policy):
    bad = BadImages(policy)
    for pixels, labels in trained(images(), bad):
        np.testing.assert_array_equal(pixels, labels)
    assert bad.found == {}


def test_skipped_images_are_replaced_by_those_that_follow():
    whole = trained(images(), BadImages())
    bad = BadImages("skip")
    found = trained(images(bad=[3, 4, 5]), bad)
    assert set(bad.found) == {"image 3", "image 4", "image 5"}
    assert len(found) == len(whole) == 15
    flat = np.concatenate([y for _, y in whole])
    ours = np.concatenate([y for _, y in found])
    assert not set(ours) & {3, 4, 5}
    for start in (0, 20, 40):
        # What comes after the end of an epoch is an order of its own.
        follower = None
        for place in reversed(range(start, start + 20)):
            follower = flat[place] if flat[place] not in (3, 4, 5) else follower
            assert follower is None or ours[place] == follower
    for pixels, labels in found:
        np.testing.assert_array_equal(pixels, labels)


@SLOW
@pytest.mark.parametrize(("epoch", "step"), [(0, 3), (1, 0), (2, 4)])
@pytest.mark.parametrize("bad", [(), (3, 4, 5)])
def test_the_middle_is_that_of_the_whole(bad, epoch, step):
    whole = trained(images(bad=bad), BadImages("skip"))
    middle = trained(images(bad=bad), BadImages("skip"), epoch, step)
    for ours, theirs in zip(middle, whole[epoch * 5 + step :], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("bad", "batch"),
    [
        ((0, 5, 6, 12, 19), 8),
        *(
            pytest.param(bad, batch, marks=SLOW)
            for bad in ((), (0,), (19,), (18, 19))
            for batch in (1, 8, 20)
        ),
    ],
)
def test_evaluation_does_not_count_bad_images(bad, batch):
    note = BadImages("skip")
    batches = evaluation_batches(
        images(bad=bad), size=4, batch_size=batch, bad_images=note
    )
    pixels, labels, weights = (
        np.concatenate(part) for part in zip(*batches.as_numpy_iterator(), strict=True)
    )
    good = [i for i in range(20) if i not in bad]
    assert len(labels) == -(-20 // batch) * batch
    np.testing.assert_array_equal(labels[weights > 0], good)
    np.testing.assert_array_equal(pixels[weights > 0][:, 0, 0, 0], good)
    assert set(note.found) == {f"image {i}" for i in bad}


@SLOW
@pytest.mark.parametrize("last", [False, True])
def test_evaluation_names_the_first_bad_image(last):
    index = 19 if last else 2
    note = BadImages()
    batches = evaluation_batches(
        images(bad=[index]), size=4, batch_size=20, bad_images=note
    )
    with pytest.raises(tf.errors.OpError):
        list(batches)
    assert str(note.error).startswith(f"image {index}: ")


@SLOW
def test_too_many_bad_images_stop():
    bad = BadImages("skip", share=0.5)
    with pytest.raises(tf.errors.OpError):
        trained(images(bad=range(4, 18)), bad)
    assert "11 of 20 images are bad, more than a share of 0.5" in str(bad.error)


@pytest.mark.parametrize("policy", ["raise", "skip"])
@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_set_of_bad_images_stops_at_once(policy, split):
    of, bad = images(bad=range(20)), BadImages(policy, share=1.0)
    with pytest.raises(tf.errors.OpError):
        if split == "train":
            trained(of, bad)
        else:
            list(evaluation_batches(of, size=4, batch_size=3, bad_images=bad))
            # Nothing counts, which is for the metrics to refuse.
            raise tf.errors.OpError(None, None, "", 0) if policy == "skip" else 0
    if policy == "raise":
        assert len(bad.found) == 1
    else:
        assert len(bad.found) == 20


@SLOW
def test_each_split_has_a_share_of_its_own():
    bad = BadImages("skip", share=0.0)
    trained(images(bad=range(10)), bad)
    small = images(bad=[15])
    list(evaluation_batches(small, size=4, batch_size=4, bad_images=bad))
    assert len(bad.found) == 11


def test_files_that_are_not_there_are_named(tmp_path):
    files = [tmp_path / f"{i}.jpg" for i in range(4)]
    for file in files[:3]:
        file.write_bytes(encoded(photograph(30, 20)))
    of = Indexed(names=[str(file) for file in files], labels=np.arange(4))
    bad = BadImages()
    with pytest.raises(tf.errors.OpError):
        trained(of, bad)
    assert str(bad.error).startswith(
        f"{files[3]}: It cannot be read (No such file or directory)."
    )
    with pytest.raises(InputError, match="No such file"), bad.named():
        trained(of, BadImages())


def test_policies_and_shares():
    with pytest.raises(InputError, match="should be raise or skip"):
        BadImages("ignore")
    with pytest.raises(InputError, match="share=2"):
        BadImages(share=2)
    with pytest.raises(InputError, match="deterministic order only"):
        trained(images(), BadImages("skip"), deterministic=False)


@SLOW
def test_without_the_order_errors_are_tensorflows_own():
    bad = BadImages()
    with pytest.raises(tf.errors.OpError):
        trained(images(bad=[7]), bad, deterministic=False)
    assert bad.error is None
