import numpy as np
import pytest
from PIL import Image

from keras_senet.evaluation.metrics import metrics

pytest.importorskip("matplotlib")
from keras_senet.evaluation import confusion


def counted(classes, count, names=None):
    """Labels and answers, most of them right."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, count)
    answers = np.where(rng.random(count) < 0.8, labels, rng.integers(0, classes, count))
    return metrics(
        lambda x: np.eye(classes)[x], [(answers, labels, np.ones(count))], names
    )


@pytest.mark.parametrize(("classes", "least"), [(3, 500), (40, 1000), (1000, 1500)])
def test_pictures_have_a_pixel_for_each_class(classes, least, tmp_path):
    names = [f"class $ {i} of a long name" for i in range(classes)]
    found = counted(classes, 5 * classes, names)
    file = tmp_path / "confusion.png"
    confusion.plot_confusion(found, "a_$ model " * 20, file)
    with Image.open(file) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert pixels.shape[0] >= least
    # The diagonal is drawn in the dark blue of a share of one.
    dark = (pixels[..., 2] - pixels[..., 0] > 60) & (pixels[..., 0] < 60)
    assert dark.sum() >= 2 * classes
    assert [x.name for x in tmp_path.iterdir()] == ["confusion.png"]


@pytest.mark.parametrize(("classes", "numbers"), [(10, True), (26, False)])
def test_numbers_stand_in_the_cells_of_few_classes(
    classes, numbers, monkeypatch, tmp_path
):
    import matplotlib.figure

    drawn = []
    monkeypatch.setattr(
        matplotlib.figure.Figure,
        "savefig",
        lambda figure, path, dpi: (drawn.append(figure), path.touch()),
    )
    found = counted(classes, 40 * classes)
    confusion.plot_confusion(found, "model", tmp_path / "confusion.png")
    axes = drawn[0].axes[0]
    cells = {
        (round(text.get_position()[1]), round(text.get_position()[0])): text.get_text()
        for text in axes.texts
    }
    filled = zip(*np.nonzero(found.confusion), strict=True)
    expected = {place: str(found.confusion[place]) for place in filled}
    assert cells == (expected if numbers else {})
    assert [x.get_text() for x in axes.get_yticklabels()] == list(found.class_names)
