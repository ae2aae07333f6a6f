import keras
import pytest

import keras_senet
from keras_senet.diagram.structure import Fork, blocks
from keras_senet.diagram.text import lines
from keras_senet.models.families import NETWORKS


def shapes_only(name, **arguments):
    with keras.StatelessScope(initialize_variables=False):
        return NETWORKS[name](weights=None, **arguments)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_blocks_hold_all_parameters_in_order(name):
    model = shapes_only(name)
    found = blocks(model)
    assert sum(x.repeats * x.parameters for x in found) == model.count_params()
    assert found[-1].part == "classifier"
    assert found[-1].output == model.output_shape[1:]
    gates = sum(x.repeats * "\n".join(lines(x.chain)).count("SE ") for x in found)
    layers = [x for x in model.layers if isinstance(x, keras_senet.SqueezeExcite)]
    assert gates == len(layers)


def test_se_resnet50_is_table_1_of_the_paper():
    found = blocks(shapes_only("se_resnet50"))
    # Conference paper, table 1, with the projections of ResNet.
    assert [(x.part, x.repeats) for x in found[1:-1]] == [
        *(("stage 2", n) for n in (1, 2)),
        *(("stage 3", n) for n in (1, 3)),
        *(("stage 4", n) for n in (1, 5)),
        *(("stage 5", n) for n in (1, 2)),
    ]
    assert found[0].chain == ("7x7/2 64", "max 3x3/2")
    assert found[2].chain == (
        Fork((("1x1 64", "3x3 64", "1x1 256", "SE 256-16-256"), ()), "+"),
    )
    assert found[2].name == "stage 2, blocks 2-3"
    assert found[-1].chain == ("global average", "dense 1000")


def test_forks_within_forks():
    module = blocks(shapes_only("se_inception_v3"))[-2]
    assert lines(module.chain) == [
        "┌ 1x1 320",
        "├ 1x1 384 · (1x3 384 | 3x1 384) concat",
        "├ 1x1 448 · 3x3 384 · (1x3 384 | 3x1 384) concat",
        "└ average 3x3 · 1x1 192",
        "concat · SE 2048-128-2048",
    ]


def test_placements_are_drawn_where_they_are():
    for placement, expected in {
        "pre": ["┌ SE 256-16-256 · 1x1 64 · 3x3 64 · 1x1 256", "└ identity", "+"],
        "post": ["┌ 1x1 64 · 3x3 64 · 1x1 256", "└ identity", "+ · SE 256-16-256"],
        "identity": ["┌ 1x1 64 · 3x3 64 · 1x1 256", "└ SE 256-16-256", "+"],
        "3x3": ["┌ 1x1 64 · 3x3 64 · SE 64-4-64 · 1x1 256", "└ identity", "+"],
    }.items():
        model = shapes_only("se_resnet50", se_placement=placement)
        assert lines(blocks(model)[2].chain) == expected
