"""The tables that change the SE block of one network, as data."""

from dataclasses import replace

from keras_senet.data import augmentation
from keras_senet.training.optimization import OptimizerRecipe, ScheduleRecipe
from keras_senet.training.recipe import Recipe
from keras_senet.training.recipes import PAPER
from keras_senet.training.sections import NetworkRecipe
from keras_senet.training.table import Error, Row, StandIn, Table

# Journal paper, section 6: label smoothing 0.1, rate 0.1, divided by 10 when the loss
# stops falling, about 300 epochs, SE without biases. The paper does not say after how
# many epochs without a lower loss, nor the batch, the weight decay and the dialect:
# 15 is ours, and the others are those of the released weights.
JOURNAL = Recipe(
    model=NetworkRecipe(name="se_resnet50", variant="caffe", use_bias=False),
    data=replace(PAPER.data, batch_size=256, balanced=False),
    augmentation=replace(augmentation.PAPER, label_smoothing=0.1),
    optimizer=OptimizerRecipe(learning_rate=0.1, per_batch=256, nesterov=False),
    schedule=ScheduleRecipe(name="plateau", epochs=300, warmup_epochs=0.0, patience=15),
    regularization=PAPER.regularization,
)
# Table 10: ResNet-50 trained so.
PLAIN: Error = (23.30, 6.55)
WITHOUT = Row(label="none", plain=PLAIN)


def _row(label: str, top1: float, top5: float | None = None, **model: object) -> Row:
    return Row(label=label, plain=PLAIN, error=(top1, top5), model=model)


def _ratio(ratio: int, plain: Error, top1: float, top5: float) -> Row:
    return Row(
        label=f"ratio {ratio}",
        plain=plain,
        error=(top1, top5),
        model={"reduction": ratio},
    )


def _journal(number: int, title: str, *rows: Row, small: str = "se_resnet20") -> Table:
    return Table(
        name=f"J{number}",
        title=title,
        source=f"journal paper, table {number}",
        base=JOURNAL,
        rows=rows,
        one_host=True,
        small=StandIn(small),
    )


RATIO = Table(
    name="C5",
    title="SE-ResNet-50 by reduction ratio",
    source="conference paper, table 5",
    base=PAPER,
    rows=(
        _ratio(4, (24.80, 7.48), 23.21, 6.63),
        _ratio(8, (24.80, 7.48), 23.19, 6.64),
        _ratio(16, (24.80, 7.48), 23.29, 6.62),
        _ratio(32, (24.80, 7.48), 23.40, 6.77),
        Row(label="none", plain=(24.80, 7.48)),
    ),
    one_host=True,
)

ABLATIONS = (
    RATIO,
    _journal(
        10,
        "SE-ResNet-50 by reduction ratio, trained longer",
        _ratio(2, PLAIN, 22.29, 6.00),
        _ratio(4, PLAIN, 22.25, 6.09),
        _ratio(8, PLAIN, 22.26, 5.99),
        _ratio(16, PLAIN, 22.28, 6.03),
        _ratio(32, PLAIN, 22.72, 6.20),
        WITHOUT,
    ),
    _journal(
        11,
        "Squeezing by maximum or average",
        _row("max", 22.57, 6.09, squeeze="max"),
        _row("average", 22.28, 6.03, squeeze="avg"),
    ),
    _journal(
        12,
        "Gating by ReLU, tanh or sigmoid",
        _row("ReLU", 23.47, 6.98, gate_activation="relu"),
        _row("tanh", 23.00, 6.38, gate_activation="tanh"),
        _row("sigmoid", 22.28, 6.03, gate_activation="sigmoid"),
    ),
    _journal(
        13,
        "SE in one stage, or in all",
        _row("stage 2", 23.03, se_stages=(2,)),
        _row("stage 3", 23.04, se_stages=(3,)),
        _row("stage 4", 22.68, se_stages=(4,)),
        _row("all stages", 22.28),
    ),
    _journal(
        14,
        "Where SE stands in a residual unit",
        _row("standard", 22.28, se_placement="standard"),
        _row("PRE", 22.23, se_placement="pre"),
        _row("POST", 22.78, se_placement="post"),
        _row("Identity", 22.20, se_placement="identity"),
    ),
    _journal(
        15,
        "SE after the 3x3 convolution, inside the bottleneck",
        _row("SE", 22.28),
        _row("SE_3x3", 22.48, se_placement="3x3"),
        # The smallest network of bottlenecks.
        small="se_resnet164",
    ),
    _journal(
        16,
        "SE without squeezing: 1x1 convolutions over the full map",
        _row("without squeezing", 22.93, squeeze=None),
        _row("SE", 22.28),
    ),
)
