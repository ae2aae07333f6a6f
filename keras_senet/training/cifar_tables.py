"""The tables on CIFAR-10 and CIFAR-100 (journal paper), as data."""

from dataclasses import replace

from keras_senet.training.optimization import (
    OptimizerRecipe,
    RegularizationRecipe,
    ScheduleRecipe,
)
from keras_senet.training.recipe import Recipe
from keras_senet.training.recipes import CIFAR
from keras_senet.training.sections import NetworkRecipe
from keras_senet.training.table import Row, StandIn, Table

# Zagoruyko and Komodakis, 2016, section 3. Mean and deviation instead of their
# whitening are this paper's.
WRN = replace(
    CIFAR,
    model=NetworkRecipe(name="se_wide_resnet16_8"),
    optimizer=OptimizerRecipe(learning_rate=0.1, per_batch=128),
    schedule=ScheduleRecipe(
        name="step",
        epochs=200,
        warmup_epochs=0.0,
        drop_epochs=(60, 120, 160),
        factor=0.2,
    ),
    regularization=RegularizationRecipe(weight_decay=5e-4),
)
# Gastaldi, 2017, for CIFAR-10. Its CIFAR-100 network is another one, so that this
# paper is silent on how it was trained there: in the same way, we take.
SHAKE_SHAKE = replace(
    CIFAR,
    model=NetworkRecipe(name="se_shake_shake26_2x96d"),
    optimizer=OptimizerRecipe(learning_rate=0.2, per_batch=128),
    schedule=ScheduleRecipe(name="cosine", epochs=1800, warmup_epochs=0.0),
    regularization=RegularizationRecipe(weight_decay=1e-4),
)
TOO_WIDE = "a network this wide takes more than minutes, and has no small sibling"
# The residual networks by He et al., 2016; those of 164 layers like those of 110.
HOSTS: tuple[tuple[str, Recipe, StandIn | str], ...] = (
    ("ResNet-110", CIFAR, StandIn("se_resnet110")),
    (
        "ResNet-164",
        replace(CIFAR, model=NetworkRecipe(name="se_resnet164")),
        "a run takes four minutes of a core, and there is no smaller sibling",
    ),
    ("WRN-16-8", WRN, TOO_WIDE),
    ("Shake-Shake 26 2x96d", SHAKE_SHAKE, TOO_WIDE),
)


def _cifar(number: int, data: str, title: str, *errors: tuple[float, float]) -> Table:
    rows = tuple(
        Row(
            label=label,
            plain=(plain, None),
            error=(error, None),
            model={"name": base.model.name},
            base=replace(base, data=replace(base.data, name=data)),
            small=small,
        )
        for (label, base, small), (plain, error) in zip(HOSTS, errors, strict=True)
    )
    base = replace(CIFAR, data=replace(CIFAR.data, name=data))
    source = f"journal paper, table {number}"
    return Table(name=f"J{number}", title=title, source=source, base=base, rows=rows)


CIFAR_TABLES = (
    _cifar(
        4,
        "cifar10",
        "Networks on CIFAR-10, without and with SE",
        (6.37, 5.21),
        (5.46, 4.39),
        (4.27, 3.88),
        (2.56, 2.12),
    ),
    _cifar(
        5,
        "cifar100",
        "Networks on CIFAR-100, without and with SE",
        (26.88, 23.85),
        (24.33, 21.31),
        (20.43, 19.14),
        (15.85, 15.41),
    ),
)
