import itertools

import numpy as np
import pytest
from drawn import figures, legend, misplaced
from PIL import Image

from keras_senet.errors import InputError
from keras_senet.evaluation.gate_choices import (
    block_title,
    chosen_classes,
    paper_blocks,
    spread,
)
from keras_senet.evaluation.gate_figures import (
    draw_gates,
    draw_saturation,
    draw_within,
)
from keras_senet.evaluation.gate_statistics import BlockGates, Excitation
from keras_senet.weights.classes import imagenet_classes

SE_RESNET50 = {
    f"stage{stage}_block{block}_se": channels
    for stage, blocks, channels in (
        (2, 3, 256),
        (3, 4, 512),
        (4, 6, 1024),
        (5, 3, 2048),
    )
    for block in range(1, blocks + 1)
}


def measured(blocks, names, images=None, high=1.0):
    """What a measurement might have found."""
    random = np.random.default_rng(0)
    images = np.full(len(names), 5) if images is None else np.array(images)
    found = {}
    for name, channels in blocks.items():
        mean = random.uniform(0, high, (len(names), channels))
        mean[images == 0] = np.nan
        found[name] = BlockGates(
            images=images,
            mean=mean,
            deviation=0.1 * mean,
            lowest=np.zeros(channels),
            highest=np.full(channels, high),
            near_zero=channels,
            near_one=2 * channels,
        )
    return Excitation(
        class_names=tuple(names),
        images=images,
        blocks=found,
        near_zero=0.05,
        near_one=0.95,
    )


def test_titles_and_blocks_of_the_paper():
    chosen = [block_title(name) for name in paper_blocks(SE_RESNET50)]
    assert chosen == ["SE_2_3", "SE_3_4", "SE_4_6", "SE_5_1", "SE_5_2", "SE_5_3"]
    nested = [f"inner/{name}" for name in SE_RESNET50]
    assert [block_title(name) for name in paper_blocks(nested)] == chosen
    digits = [f"stage{s}_block{b}_se" for s in (2, 3, 4) for b in (1, 2, 3)]
    titles = [block_title(name) for name in paper_blocks(digits)]
    assert titles == ["SE_2_3", "SE_3_3", "SE_4_1", "SE_4_2", "SE_4_3"]
    assert paper_blocks(["one", "two"]) == ("one", "two")
    assert block_title("my_se") == "my_se"


@pytest.mark.parametrize("column", [0, 1])
def test_classes_of_the_paper(column):
    names = [row[column] for row in imagenet_classes()]
    chosen = chosen_classes(measured({"se": 2}, names), None)
    assert [imagenet_classes()[index][1] for index in chosen] == [
        "goldfish",
        "pug",
        "airliner",
        "cliff",
    ]
    # Without images of one of them, others are as good.
    images = np.ones(1000, int)
    images[chosen[2]] = 0
    others = chosen_classes(measured({"se": 2}, names, images), None)
    assert others == (0, 200, 399, 600, 799, 999)


def test_classes_spread_over_those_with_images():
    names = "abcdefgh"
    assert chosen_classes(measured({"se": 2}, names), None) == (0, 1, 3, 4, 6, 7)
    few = measured({"se": 2}, names, [0, 1, 0, 0, 1, 1, 0, 0])
    assert chosen_classes(few, None) == (1, 4, 5)


def test_imagenet_classes_go_by_synset_or_word():
    names = [synset for synset, _ in imagenet_classes()]
    found = measured({"se": 2}, names)
    assert chosen_classes(found, ["goldfish", "n02110958"]) == (1, 254)


def test_spread():
    assert spread(50, 50).tolist() == list(range(50))
    assert spread(4, None).tolist() == [0, 1, 2, 3]
    for count in (51, 64, 99, 256, 2048):
        chosen = spread(count, 50)
        assert len(set(chosen)) == 50 and (chosen[0], chosen[-1]) == (0, count - 1)
        assert np.ptp(np.diff(chosen)) <= 1


def test_gates_as_in_the_paper(monkeypatch, tmp_path):
    drawn = figures(monkeypatch)
    excitation = measured(SE_RESNET50, [synset for synset, _ in imagenet_classes()])
    draw_gates(excitation, tmp_path / "gates.png")
    with Image.open(tmp_path / "gates.png") as picture:
        assert picture.format == "PNG" and min(picture.size) > 600
    (figure,) = drawn
    panels = figure.axes
    titles = [axes.get_title() for axes in panels]
    assert titles == ["SE_2_3", "SE_3_4", "SE_4_6", "SE_5_1", "SE_5_2", "SE_5_3"]
    assert legend(figure) == ["goldfish", "pug", "airliner", "cliff", "all"]
    block = excitation.blocks["stage5_block3_se"]
    goldfish, *_, every = panels[-1].lines
    assert len(goldfish.get_xdata()) == 50
    np.testing.assert_array_equal(
        goldfish.get_ydata(), block.mean[1][goldfish.get_xdata()]
    )
    np.testing.assert_allclose(
        every.get_ydata(), block.mean.mean(axis=0)[every.get_xdata()]
    )
    assert every.get_color() == "black"
    assert len({line.get_color() for line in panels[0].lines}) == 5
    assert not misplaced(figure)


@pytest.mark.parametrize("draw", [draw_gates, draw_within])
def test_classes_of_odd_names(draw, monkeypatch, tmp_path):
    # Matplotlib would leave out the one, and the other is a broken formula.
    names = ["_hidden", "$_$"]
    drawn = figures(monkeypatch)
    draw(measured({"stage2_block1_se": 4}, names), tmp_path / "odd.png")
    assert (tmp_path / "odd.png").is_file()
    assert [text.strip() for text in legend(drawn[0])][:2] == names


@pytest.mark.parametrize(
    "count", [1, 2, 4, 5, pytest.param(54, marks=pytest.mark.slow)]
)
def test_panels_of_any_number_stay_apart(count, monkeypatch, tmp_path):
    drawn = figures(monkeypatch)
    blocks = {f"stage2_block{index}_se": 16 for index in range(1, count + 1)}
    names = [f"a class with quite a long name {index}" for index in range(10)]
    excitation = measured(blocks, names, high=1.8)
    draw_gates(excitation, tmp_path / "gates.png", classes=names, channels=None)
    (figure,) = drawn
    assert len(figure.axes) == count and len(legend(figure)) == 11
    assert all(axes.get_ylim()[1] > 1.8 for axes in figure.axes)
    assert not misplaced(figure)


def test_bands_of_one_deviation(monkeypatch, tmp_path):
    drawn = figures(monkeypatch)
    excitation = measured({"stage2_block1_se": 8}, "abc")
    draw_within(excitation, tmp_path / "within.png", classes=["a", "c"])
    (axes,) = drawn[0].axes
    assert legend(drawn[0]) == ["a", "c"]
    block = excitation.blocks["stage2_block1_se"]
    for index, line, band in zip((0, 2), axes.lines, axes.collections, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), block.mean[index])
        edges = band.get_paths()[0].vertices[:, 1]
        assert edges.max() == (block.mean + block.deviation)[index].max()
        assert edges.min() == (block.mean - block.deviation)[index].min()
    draw_within(excitation, tmp_path / "default.png")
    assert legend(drawn[1]) == ["a", "b"]


@pytest.mark.parametrize("count", [3, 54])
def test_saturation(count, monkeypatch, tmp_path):
    drawn = figures(monkeypatch)
    blocks = {f"stage2_block{index}_se": 4 for index in range(1, count + 1)}
    excitation = measured(blocks, "ab")
    draw_saturation(excitation, tmp_path / "saturation.png")
    (figure,) = drawn
    (axes,) = figure.axes
    zero, one, between = (line.get_ydata() for line in axes.lines)
    np.testing.assert_allclose(zero, 10)
    np.testing.assert_allclose(one, 20)
    np.testing.assert_allclose(
        between, [100 * x.share_between for x in excitation.blocks.values()]
    )
    labels = axes.get_xticklabels()
    assert [x.get_text() for x in labels] == [
        f"SE_2_{index}" for index in range(1, count + 1)
    ]
    ends = [x.get_window_extent() for x in labels]
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(ends))
    assert not misplaced(figure)


def test_refuses_in_words(tmp_path):
    excitation = measured({"stage2_block1_se": 4}, ["cat", "dog"], [3, 0])
    path = tmp_path / "gates.png"
    for options, message in (
        ({"classes": ["cats"]}, "no class 'cats'. Did you mean cat"),
        ({"classes": ["dog"]}, "no images of the class 'dog'"),
        ({"classes": []}, "From 1 to 10 classes"),
        ({"classes": ["cat"] * 11}, "From 1 to 10 classes"),
        ({"blocks": ["stage2_block2_se"]}, "Did you mean stage2_block1_se"),
        ({"blocks": []}, "at least one block"),
    ):
        for draw in (draw_gates, draw_within):
            with pytest.raises(InputError, match=message):
                draw(excitation, path, **options)
    assert not list(tmp_path.iterdir())
