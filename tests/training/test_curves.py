import pytest
from matplotlib.image import imread

from keras_senet.training.curves import plot_curves


def rows(**more):
    both = {"accuracy": 0.5, "cross_entropy": 1.0}
    validation = {f"val_{name}": value for name, value in both.items()}
    return [{"epoch": epoch, **both, **validation, **more} for epoch in (1, 2, 3)]


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ({}, 1),
        ({"learning_rate": 0.0}, 2),
        ({"learning_rate": 0.1, "images_per_second": 90.0, "seconds": 1.0}, 2),
        ({"images_per_second": None}, 1),
        ({"val_accuracy": None}, 1),
    ],
)
def test_panels_follow_from_what_is_known(tmp_path, more, lines):
    plot_curves(rows(**more), "title", tmp_path / "curves.png")
    height, width, _ = imread(tmp_path / "curves.png").shape
    assert (height, width) == (lines * 432, 1080)


def test_an_epoch_alone_is_drawn(tmp_path):
    plot_curves(rows(learning_rate=0.1)[:1], "title", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").exists()
