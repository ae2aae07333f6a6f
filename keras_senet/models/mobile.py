"""The tables of MobileNet, ShuffleNet and VGG-16."""

from keras_senet.models.table import (
    Branches,
    Chain,
    Conv,
    Excite,
    Pool,
    Relu,
    Residual,
    Shuffle,
    TableSpec,
)


def _separable(filters: int, stride: int = 1) -> Chain:
    depthwise = Conv(None, 3, stride, "end" if stride == 2 else "same")
    return (depthwise, Conv(filters), Excite())


MOBILENET = TableSpec(
    about=(
        "SE-MobileNet 1.0 (journal paper, table 3): the topology of "
        "`keras.applications.MobileNet`, whose weights `transfer_weights` copies, "
        "with SE after the ReLU of each of the 13 separable convolutions."
    ),
    stem=(Conv(32, 3, 2, "same"),),
    table=(
        (1, (_separable(64),)),
        (2, (_separable(128, 2), _separable(128))),
        (3, (_separable(256, 2), _separable(256))),
        (4, (_separable(512, 2), *(_separable(512),) * 5)),
        (5, (_separable(1024, 2), _separable(1024))),
    ),
    epsilon=1e-3,
    momentum=0.99,
    relu_limit=6.0,
    dropout=0.001,
)


def _shuffle_branch(
    inputs: int, outputs: int, bottleneck: int, groups: int, stride: int
) -> Chain:
    # The 24 channels of the stem are too few to be grouped.
    first = 1 if inputs == 24 else groups
    return (
        Conv(bottleneck, groups=first),
        Shuffle(groups),
        Conv(None, 3, stride, "symmetric", relu=False),
        Conv(outputs, groups=groups, relu=False),
        Excite(),
    )


def _shuffle_stage(
    inputs: int, outputs: int, depth: int, groups: int = 3
) -> tuple[Chain, ...]:
    bottleneck = outputs // 4
    halving = Branches(
        (
            (Pool("avg", padding="symmetric"),),
            _shuffle_branch(inputs, outputs - inputs, bottleneck, groups, 2),
        )
    )
    unit = Residual(_shuffle_branch(outputs, outputs, bottleneck, groups, 1))
    return ((halving, Relu()), *((unit,),) * (depth - 1))


SHUFFLENET = TableSpec(
    about=(
        "SE-ShuffleNet 1x, g = 3 (journal paper, table 3; Zhang et al., 2018), with "
        "SE at the end of each branch, before the sum or the concatenation. That is "
        "our choice, since no definition was published; it fits the published "
        "increase from 1.8 to 2.4 M parameters. Stages are numbered by their "
        "strides: ShuffleNet's own stages 2-4 are 3-5 here, and C2 is the stem's "
        "pool."
    ),
    stem=(Conv(24, 3, 2, "symmetric"), Pool("max", padding="symmetric")),
    table=(
        (3, _shuffle_stage(24, 240, 4)),
        (4, _shuffle_stage(240, 480, 8)),
        (5, _shuffle_stage(480, 960, 4)),
    ),
    endings=(
        ("C2", "stem"),
        ("C3", "stage3"),
        ("C4", "stage4"),
        ("C5", "stage5"),
    ),
)


def _vgg_stage(filters: int, depth: int, *before: Pool) -> tuple[Chain, ...]:
    steps: Chain = (Conv(filters, 3), Excite())
    return ((*before, *steps), *(steps,) * (depth - 1))


VGG_POOL = Pool("max", 2)

VGG16 = TableSpec(
    about=(
        "SE-VGG-16 with batch normalization (journal paper, table 2): SE after the "
        "ReLU of each of the 13 convolutions, which have no biases. The classifier "
        "has two hidden layers and wants a fixed size of image. Stages are VGG's "
        "own, 1-5, of strides "
        "1-16."
    ),
    stem=(),
    table=(
        (1, _vgg_stage(64, 2)),
        (2, _vgg_stage(128, 2, VGG_POOL)),
        (3, _vgg_stage(256, 3, VGG_POOL)),
        (4, _vgg_stage(512, 3, VGG_POOL)),
        (5, _vgg_stage(512, 3, VGG_POOL)),
    ),
    head=(VGG_POOL,),
    endings=(
        ("C2", "stage3"),
        ("C3", "stage4"),
        ("C4", "stage5"),
        ("C5", "head"),
    ),
    hidden=(4096, 4096),
    dropout=0.5,
)
