"""The tables against their figures as published, and their networks as counted."""

from dataclasses import asdict

import pytest
from recipe_networks import count

from keras_senet.errors import InputError
from keras_senet.training.planning import without_se
from keras_senet.training.recipe_text import load_recipe, recipe_yaml
from keras_senet.training.tables import ALIASES, TABLES, published_table

# Copied from the papers a second time: top-1 and top-5 without SE, and with.
PUBLISHED = {
    "C2": {
        "ResNet-50": (24.80, 7.48, 23.29, 6.62),
        "ResNet-101": (23.17, 6.52, 22.38, 6.07),
        "ResNet-152": (22.42, 6.34, 21.57, 5.73),
        "ResNeXt-50": (22.11, 5.90, 21.10, 5.49),
        "ResNeXt-101": (21.18, 5.57, 20.70, 5.01),
        "VGG-16": (27.02, 8.81, 25.22, 7.70),
        "BN-Inception": (25.38, 7.89, 24.23, 7.14),
        "Inception-ResNet-v2": (20.37, 5.21, 19.80, 4.79),
    },
    "C3": {
        "SENet-154": (None, None, 18.68, 4.47),
        "SENet-154 at 320": (None, None, 17.28, 3.79),
    },
    "C4": {"ResNet-152": (41.15, 11.61, 40.37, 11.01)},
    "J3": {
        "MobileNet": (28.4, 9.4, 25.3, 7.7),
        "ShuffleNet": (32.6, 12.5, 31.0, 11.1),
    },
    "J4": {
        "ResNet-110": (6.37, None, 5.21, None),
        "ResNet-164": (5.46, None, 4.39, None),
        "WRN-16-8": (4.27, None, 3.88, None),
        "Shake-Shake 26 2x96d": (2.56, None, 2.12, None),
    },
    "J5": {
        "ResNet-110": (26.88, None, 23.85, None),
        "ResNet-164": (24.33, None, 21.31, None),
        "WRN-16-8": (20.43, None, 19.14, None),
        "Shake-Shake 26 2x96d": (15.85, None, 15.41, None),
    },
    "C5": {
        "ratio 4": (24.80, 7.48, 23.21, 6.63),
        "ratio 8": (24.80, 7.48, 23.19, 6.64),
        "ratio 16": (24.80, 7.48, 23.29, 6.62),
        "ratio 32": (24.80, 7.48, 23.40, 6.77),
        "none": (24.80, 7.48, None, None),
    },
    "J10": {
        "ratio 2": (23.30, 6.55, 22.29, 6.00),
        "ratio 4": (23.30, 6.55, 22.25, 6.09),
        "ratio 8": (23.30, 6.55, 22.26, 5.99),
        "ratio 16": (23.30, 6.55, 22.28, 6.03),
        "ratio 32": (23.30, 6.55, 22.72, 6.20),
        "none": (23.30, 6.55, None, None),
    },
    "J11": {
        "max": (23.30, 6.55, 22.57, 6.09),
        "average": (23.30, 6.55, 22.28, 6.03),
    },
    "J12": {
        "ReLU": (23.30, 6.55, 23.47, 6.98),
        "tanh": (23.30, 6.55, 23.00, 6.38),
        "sigmoid": (23.30, 6.55, 22.28, 6.03),
    },
    "J13": {
        "stage 2": (23.30, 6.55, 23.03, None),
        "stage 3": (23.30, 6.55, 23.04, None),
        "stage 4": (23.30, 6.55, 22.68, None),
        "all stages": (23.30, 6.55, 22.28, None),
    },
    "J14": {
        "standard": (23.30, 6.55, 22.28, None),
        "PRE": (23.30, 6.55, 22.23, None),
        "POST": (23.30, 6.55, 22.78, None),
        "Identity": (23.30, 6.55, 22.20, None),
    },
    "J15": {
        "SE": (23.30, 6.55, 22.28, None),
        "SE_3x3": (23.30, 6.55, 22.48, None),
    },
    "J16": {
        "without squeezing": (23.30, 6.55, 22.93, None),
        "SE": (23.30, 6.55, 22.28, None),
    },
}
# Trainable parameters with 1000 classes: of the authors' definitions, and by the
# arithmetic of equation 5 for the other ratios.
COUNTS = {
    ("C2", "ResNet-50"): (25_557_032, 28_088_024),
    ("C2", "ResNet-101"): (44_549_160, 49_326_872),
    ("C2", "ResNet-152"): (60_192_808, 66_821_848),
    ("C2", "ResNeXt-50"): (25_028_904, 27_559_896),
    ("C2", "ResNeXt-101"): (44_177_704, 48_955_416),
    ("C2", "BN-Inception"): (11_285_224, 11_931_622),
    ("C3", "SENet-154"): (108_459_944, 115_088_984),
    ("C5", "ratio 16"): (25_557_032, 28_088_024),
    ("J10", "ratio 2"): (25_557_032, 45_676_584),
    ("J10", "ratio 4"): (25_557_032, 35_616_808),
    ("J10", "ratio 8"): (25_557_032, 30_586_920),
    ("J10", "ratio 16"): (25_557_032, 28_071_976),
    ("J10", "ratio 32"): (25_557_032, 26_814_504),
    ("J11", "max"): (25_557_032, 28_071_976),
    ("J12", "tanh"): (25_557_032, 28_071_976),
    ("J14", "PRE"): (25_557_032, 27_548_200),
    ("J15", "SE_3x3"): (25_557_032, 25_714_216),
    ("J16", "without squeezing"): (25_557_032, 28_071_976),
}
ROWS = [(name, row.label) for name, table in TABLES.items() for row in table.rows]


def recipe_of(name, label):
    table = TABLES[name]
    return table.recipe(next(row for row in table.rows if row.label == label))


def changed(one, other):
    """The dotted names of the fields in which two recipes differ."""
    one, other = asdict(one), asdict(other)
    return {
        f"{section}.{field}"
        for section, values in one.items()
        if isinstance(values, dict)
        for field in values
        if values[field] != other[section][field]
    } | {x for x in one if not isinstance(one[x], dict) and one[x] != other[x]}


def test_all_figures_are_the_published_ones():
    written = {
        name: {
            row.label: (*(row.plain or (None,) * 2), *(row.error or (None,) * 2))
            for row in table.rows
        }
        for name, table in TABLES.items()
    }
    assert written == PUBLISHED


def test_schemes_are_the_published_ones():
    for name, label, rate, batch, epochs, decay in (
        ("C2", "ResNet-152", 0.6, 1024, 100, 1e-4),
        ("C2", "BN-Inception", 0.6, 1024, 100, 2e-4),
        ("C3", "SENet-154", 1.0, 2048, 100, 1e-4),
        ("C4", "ResNet-152", 0.6, 1024, 100, 1e-4),
        ("C5", "ratio 4", 0.6, 1024, 100, 1e-4),
        ("J3", "ShuffleNet", 0.1, 256, 400, 4e-5),
        ("J4", "WRN-16-8", 0.1, 128, 200, 5e-4),
        ("J5", "Shake-Shake 26 2x96d", 0.2, 128, 1800, 1e-4),
        ("J10", "ratio 2", 0.1, 256, 300, 1e-4),
    ):
        recipe = recipe_of(name, label)
        assert recipe.optimizer.rate(recipe.data.batch_size) == pytest.approx(rate)
        assert recipe.data.batch_size == batch
        assert recipe.schedule.epochs == epochs
        assert recipe.regularization.weight_decay == decay
    assert recipe_of("C2", "Inception-ResNet-v2").data.image_size == 299
    assert recipe_of("C4", "ResNet-152").data.name == "places365_small"
    assert recipe_of("J5", "WRN-16-8").data.name == "cifar100"
    for number in range(10, 17):
        base = TABLES[f"J{number}"].base
        assert base.augmentation.label_smoothing == 0.1
        assert not base.model.use_bias
        assert not base.data.balanced


@pytest.mark.parametrize(("name", "label"), ROWS)
def test_scheme_is_the_same_without_se(name, label):
    recipe = recipe_of(name, label)
    other = changed(recipe, without_se(recipe))
    if TABLES[name].one_host:
        # Nothing of SE is left to be said then.
        se = ("reduction", "use_bias", "squeeze", "gate_activation")
        assert other <= {f"model.{x}" for x in (*se, "se_stages", "se_placement")}
    else:
        assert other == {"model.reduction"}


@pytest.mark.parametrize("name", [x for x in TABLES if TABLES[x].one_host])
def test_one_host_has_one_network_without_se(name):
    table = TABLES[name]
    assert len({repr(without_se(table.recipe(row))) for row in table.rows}) == 1


@pytest.mark.parametrize("name", TABLES)
def test_recipes_survive_their_files(name, tmp_path):
    recipe = TABLES[name].recipe(TABLES[name].rows[-1])
    file = tmp_path / "recipe.yaml"
    file.write_text(recipe_yaml(recipe))
    assert load_recipe(str(file)) == recipe


@pytest.mark.usefixtures("only_tensorflow")
@pytest.mark.parametrize(("name", "label"), [("J10", "ratio 32"), ("J15", "SE_3x3")])
def test_counts_of_some(name, label):
    assert count(recipe_of(name, label)) == COUNTS[name, label][1]


@pytest.mark.slow
@pytest.mark.usefixtures("only_tensorflow")
@pytest.mark.parametrize(("name", "label"), ROWS)
def test_every_row_can_be_built(name, label):
    recipe = recipe_of(name, label)
    counts = [count(x) for x in (without_se(recipe), recipe)]
    assert tuple(counts) == COUNTS.get((name, label), tuple(counts))
    assert counts[0] < counts[1]


def test_journal_numbers_of_the_same_tables():
    assert ALIASES == {"J2": "C2", "J6": "C4", "J8": "C3"}
    assert published_table("j8") is TABLES["C3"]


def test_unknown_tables_are_answered_with_near_ones():
    with pytest.raises(InputError, match=r"no table 'J1'.*Did you mean J16"):
        published_table("J1")
    with pytest.raises(InputError, match="Known: C2, C3"):
        published_table("detection")
