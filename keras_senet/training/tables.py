"""The tables of the papers as data: those on ImageNet and Places365, and all."""

from dataclasses import replace

from keras_senet.errors import InputError, near_matches
from keras_senet.training.ablations import ABLATIONS
from keras_senet.training.cifar_tables import CIFAR_TABLES
from keras_senet.training.optimization import (
    OptimizerRecipe,
    RegularizationRecipe,
    ScheduleRecipe,
)
from keras_senet.training.recipe import Recipe
from keras_senet.training.recipes import PAPER, SENET154
from keras_senet.training.sections import NetworkRecipe
from keras_senet.training.table import Error, Row, StandIn, Table

# The images of MobileNet and ShuffleNet are tested as all others. The weight decay is
# that of ShuffleNet's own paper, the patience ours: this one is silent on both.
MOBILE = replace(
    PAPER,
    model=NetworkRecipe(name="se_mobilenet"),
    data=replace(PAPER.data, batch_size=256, balanced=False),
    optimizer=OptimizerRecipe(learning_rate=0.1, per_batch=256, nesterov=False),
    schedule=ScheduleRecipe(name="plateau", epochs=400, warmup_epochs=0.0, patience=15),
    regularization=RegularizationRecipe(weight_decay=4e-5),
)
# The weight decay is that of the authors' release; its dialects do not differ.
BN_INCEPTION = replace(
    PAPER,
    model=NetworkRecipe(name="se_bn_inception"),
    regularization=RegularizationRecipe(weight_decay=2e-4),
)


def _row(
    label: str,
    name: str,
    plain: Error,
    error: Error,
    small: StandIn | str,
    base: Recipe | None = None,
) -> Row:
    return Row(
        label=label,
        plain=plain,
        error=error,
        model={"name": name},
        base=base,
        small=small,
    )


def _without_dialect(name: str, image_size: int = 224) -> Recipe:
    """The conference paper's recipe for a network in which dialects do not differ."""
    return replace(
        PAPER,
        model=NetworkRecipe(name=name),
        data=replace(PAPER.data, image_size=image_size),
    )


IMAGENET = Table(
    name="C2",
    title="Networks on ImageNet, without and with SE",
    source="conference paper, table 2; journal paper, table 2",
    base=PAPER,
    rows=(
        _row(
            "ResNet-50",
            "se_resnet50",
            (24.80, 7.48),
            (23.29, 6.62),
            StandIn("se_resnet20"),
        ),
        _row(
            "ResNet-101",
            "se_resnet101",
            (23.17, 6.52),
            (22.38, 6.07),
            StandIn("se_resnet32"),
        ),
        _row(
            "ResNet-152",
            "se_resnet152",
            (22.42, 6.34),
            (21.57, 5.73),
            StandIn("se_resnet56"),
        ),
        _row(
            "ResNeXt-50",
            "se_resnext50",
            (22.11, 5.90),
            (21.10, 5.49),
            StandIn("se_resnext26", 32),
        ),
        _row(
            "ResNeXt-101",
            "se_resnext101",
            (21.18, 5.57),
            (20.70, 5.01),
            "the only smaller ResNeXt stands in for ResNeXt-50",
        ),
        _row(
            "VGG-16",
            "se_vgg16",
            (27.02, 8.81),
            (25.22, 7.70),
            "it has no small sibling, and 34 million weights even at 32 pixels",
            _without_dialect("se_vgg16"),
        ),
        _row(
            "BN-Inception",
            "se_bn_inception",
            (25.38, 7.89),
            (24.23, 7.14),
            StandIn("se_bn_inception", 32),
            BN_INCEPTION,
        ),
        _row(
            "Inception-ResNet-v2",
            "se_inception_resnet_v2",
            (20.37, 5.21),
            (19.80, 4.79),
            "it has no small sibling, and wants images of at least 75 pixels",
            # Tested on crops of 299 out of 352, which is the default of 299.
            _without_dialect("se_inception_resnet_v2", image_size=299),
        ),
    ),
)

CHALLENGE = Table(
    name="C3",
    title="SENet-154 on ImageNet, tested at 224 and 320 pixels",
    source="conference paper, table 3; journal paper, table 8",
    base=SENET154,
    rows=(
        # The paper has no SENet-154 without SE.
        Row(
            label="SENet-154",
            error=(18.68, 4.47),
            small=StandIn("se_resnet56"),
        ),
        # How the images are resized before that crop it does not say: in proportion.
        Row(
            label="SENet-154 at 320",
            error=(17.28, 3.79),
            tested_at=320,
            small=StandIn("se_resnet56", tested_at=24),
        ),
    ),
)

# The paper does not say that scenes were trained on in another way than ImageNet.
PLACES = Table(
    name="C4",
    title="ResNet-152 on Places365, without and with SE",
    source="conference paper, table 4; journal paper, table 6",
    base=replace(
        PAPER,
        model=replace(PAPER.model, name="se_resnet152"),
        data=replace(PAPER.data, name="places365_small"),
    ),
    rows=(
        _row(
            "ResNet-152",
            "se_resnet152",
            (41.15, 11.61),
            (40.37, 11.01),
            StandIn("se_resnet56"),
        ),
    ),
)

MOBILES = Table(
    name="J3",
    title="Mobile networks on ImageNet, without and with SE",
    source="journal paper, table 3",
    base=MOBILE,
    rows=(
        _row(
            "MobileNet",
            "se_mobilenet",
            (28.4, 9.4),
            (25.3, 7.7),
            StandIn("se_mobilenet", 32),
        ),
        _row(
            "ShuffleNet",
            "se_shufflenet",
            (32.6, 12.5),
            (31.0, 11.1),
            StandIn("se_shufflenet", 32),
        ),
    ),
)

TABLES = {
    table.name: table
    for table in (IMAGENET, CHALLENGE, PLACES, MOBILES, *CIFAR_TABLES, *ABLATIONS)
}
# The same table in the journal paper.
ALIASES = {"J2": "C2", "J6": "C4", "J8": "C3"}


def published_table(name: str) -> Table:
    """Looks up a table of the papers.

    Args:
        name: Such as `"C2"` or, in the journal's numbers, `"J2"`.

    Returns:
        The table.

    Raises:
        InputError: If there is none of that name.

    Example:

    ```python
    from keras_senet.training.tables import published_table

    table = published_table("J10")
    print(table.rows[0].label, table.rows[0].error)  # ratio 2 (22.29, 6.0)
    ```
    """
    number = ALIASES.get(name.upper(), name.upper())
    if number not in TABLES:
        raise InputError(
            f"There is no table {name!r} to reproduce. "
            f"{near_matches(name, (*TABLES, *ALIASES))}"
        )
    return TABLES[number]
