"""The table of SE-BN-Inception, after the authors' definition."""

from keras_senet.models.spec import SizeRule
from keras_senet.models.table import (
    Branches,
    Conv,
    Excite,
    Pool,
    TableSpec,
)

# BN-Inception: its stride 2 pools round up, its averages count the padding. Behind
# SE, whose gates may be negative, a maximum must not see padding with zeros; the
# sizes are even there, and "same" is what rounding up is.
CEIL_POOL = Pool("max", padding="end")
EVEN_CEIL_POOL = Pool("max", padding="same")
COUNTING_POOL = Pool("avg", stride=1, padding="symmetric")


def _bn_module(
    widths: tuple[int, ...], pool: Pool = COUNTING_POOL
) -> tuple[Branches, Excite]:
    """Widths: 1x1; 3x3 reduce, 3x3; double reduce, a, b; pool projection."""
    one, reduce, three, double_reduce, a, b, projection = widths
    return (
        Branches(
            (
                (Conv(one),),
                (Conv(reduce), Conv(three, 3)),
                (Conv(double_reduce), Conv(a, 3), Conv(b, 3)),
                (pool, Conv(projection)),
            )
        ),
        Excite(),
    )


def _bn_reduction(widths: tuple[int, ...]) -> tuple[Branches, Excite]:
    """Widths: 3x3 reduce, 3x3; double reduce, a, b."""
    reduce, three, double_reduce, a, b = widths
    return (
        Branches(
            (
                (Conv(reduce), Conv(three, 3, 2, "symmetric")),
                (Conv(double_reduce), Conv(a, 3), Conv(b, 3, 2, "symmetric")),
                (EVEN_CEIL_POOL,),
            )
        ),
        Excite(),
    )


BN_INCEPTION = TableSpec(
    about=(
        "SE-BN-Inception (conference paper, table 2), after the authors' published "
        "definition: SE over the concatenation of each module. Stage 3 is the modules "
        "3a-3b, stage 4 3c-4d and stage 5 4e-5b. Not every size of image fits: each "
        "side should be from 32k - 1 to 32k + 6 pixels (such as 159-166, 191-198, "
        "223-230), otherwise branches of unequal sizes meet, in the original too. "
        "Sizes are checked when the network is built and when it is called; a "
        "compiled function of open sizes, such as `predict` makes, may not know them."
    ),
    stem=(Conv(64, 7, 2, "symmetric"),),
    table=(
        (2, ((CEIL_POOL, Conv(64), Conv(192, 3)),)),
        (
            3,
            (
                (CEIL_POOL, *_bn_module((64, 64, 64, 64, 96, 96, 32))),
                _bn_module((64, 64, 96, 64, 96, 96, 64)),
            ),
        ),
        (
            4,
            (
                _bn_reduction((128, 160, 64, 96, 96)),
                _bn_module((224, 64, 96, 96, 128, 128, 128)),
                _bn_module((192, 96, 128, 96, 128, 128, 128)),
                _bn_module((160, 128, 160, 128, 160, 160, 128)),
                _bn_module((96, 128, 192, 160, 192, 192, 128)),
            ),
        ),
        (
            5,
            (
                _bn_reduction((128, 192, 192, 256, 256)),
                _bn_module((352, 192, 320, 160, 224, 224, 128)),
                _bn_module(
                    (352, 192, 320, 192, 224, 224, 128),
                    Pool("max", stride=1, padding="same"),
                ),
            ),
        ),
    ),
    smallest=31,
    size_rule=SizeRule(period=32, first=-1, last=6),
)
