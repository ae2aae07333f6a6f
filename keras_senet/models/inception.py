"""The tables of SE-Inception-v3 and SE-Inception-ResNet-v2."""

from keras_senet.models.table import (
    Branches,
    Chain,
    Conv,
    Excite,
    Pool,
    Residual,
    TableSpec,
)

SAME_POOL = Pool("avg", stride=1, padding="same")
HALVING_POOL = Pool("max", padding="valid")


def _halving(filters: int) -> Conv:
    return Conv(filters, 3, stride=2, padding="valid")


def _v3_first(projection: int) -> Chain:
    return (
        Branches(
            (
                (Conv(64),),
                (Conv(48), Conv(64, 5)),
                (Conv(64), Conv(96, 3), Conv(96, 3)),
                (SAME_POOL, Conv(projection)),
            )
        ),
        Excite(),
    )


def _v3_second(width: int) -> Chain:
    across, down = (1, 7), (7, 1)
    return (
        Branches(
            (
                (Conv(192),),
                (Conv(width), Conv(width, across), Conv(192, down)),
                (
                    Conv(width),
                    Conv(width, down),
                    Conv(width, across),
                    Conv(width, down),
                    Conv(192, across),
                ),
                (SAME_POOL, Conv(192)),
            )
        ),
        Excite(),
    )


def _v3_third() -> Chain:
    fork = Branches(((Conv(384, (1, 3)),), (Conv(384, (3, 1)),)))
    return (
        Branches(
            (
                (Conv(320),),
                (Conv(384), fork),
                (Conv(448), Conv(384, 3), fork),
                (SAME_POOL, Conv(192)),
            )
        ),
        Excite(),
    )


V3_STEM: Chain = (_halving(32), Conv(32, 3, padding="valid"), Conv(64, 3))
V3_SECOND: Chain = (HALVING_POOL, Conv(80, padding="valid"), Conv(192, 3, 1, "valid"))

INCEPTION_V3 = TableSpec(
    about=(
        "SE-Inception-v3: the topology of `keras.applications.InceptionV3`, whose "
        "weights `transfer_weights` copies, with SE after the concatenation of each "
        "mixed module, mixed0-2 being stage 3, mixed3-7 stage 4 and mixed8-10 stage "
        "5. The paper's followers built it; there is no definition by the authors "
        "and there are no weights. Its convolutions are valid-padded, so that its "
        "strides are nominal (35, 17 and 8 positions at 299 pixels)."
    ),
    stem=V3_STEM,
    table=(
        (2, (V3_SECOND,)),
        (3, ((HALVING_POOL, *_v3_first(32)), _v3_first(64), _v3_first(64))),
        (
            4,
            (
                (
                    Branches(
                        (
                            (_halving(384),),
                            (Conv(64), Conv(96, 3), _halving(96)),
                            (HALVING_POOL,),
                        )
                    ),
                    Excite(),
                ),
                _v3_second(128),
                _v3_second(160),
                _v3_second(160),
                _v3_second(192),
            ),
        ),
        (
            5,
            (
                (
                    Branches(
                        (
                            (Conv(192), _halving(320)),
                            (
                                Conv(192),
                                Conv(192, (1, 7)),
                                Conv(192, (7, 1)),
                                _halving(192),
                            ),
                            (HALVING_POOL,),
                        )
                    ),
                    Excite(),
                ),
                _v3_third(),
                _v3_third(),
            ),
        ),
    ),
    size=299,
    epsilon=1e-3,
    momentum=0.99,
    gamma=False,
    smallest=75,
)


def _resnet_unit(branches: Branches, width: int, scale: float) -> Residual:
    up = Conv(width, normalized=False, relu=False)
    return Residual((branches, up, Excite()), scale)


BLOCK35 = _resnet_unit(
    Branches(
        (
            (Conv(32),),
            (Conv(32), Conv(32, 3)),
            (Conv(32), Conv(48, 3), Conv(64, 3)),
        )
    ),
    320,
    0.17,
)
BLOCK17 = _resnet_unit(
    Branches(((Conv(192),), (Conv(128), Conv(160, (1, 7)), Conv(192, (7, 1))))),
    1088,
    0.1,
)
BLOCK8 = Branches(((Conv(192),), (Conv(192), Conv(224, (1, 3)), Conv(256, (3, 1)))))

INCEPTION_RESNET_V2 = TableSpec(
    about=(
        "SE-Inception-ResNet-v2 (conference paper, table 2) on the topology of "
        "`keras.applications.InceptionResNetV2`, whose weights `transfer_weights` "
        "copies. The authors published neither a definition nor weights, and the "
        "11.75 GFLOPs of their table do not fit this topology (13.16 at 299 "
        "pixels). Our choice: SE on each residual branch, after the 1x1 "
        "up-projection and before the scaling and the sum, and after the "
        "concatenations of mixed_5b and of both reductions. Stage 3 is mixed_5b and "
        "block35_1-10, stage 4 mixed_6a and block17_1-20, stage 5 mixed_7a and "
        "block8_1-10. Its convolutions are valid-padded, so that its strides are "
        "nominal (35, 17 and 8 positions at 299 pixels)."
    ),
    stem=V3_STEM,
    table=(
        (2, (V3_SECOND,)),
        (
            3,
            (
                (
                    HALVING_POOL,
                    Branches(
                        (
                            (Conv(96),),
                            (Conv(48), Conv(64, 5)),
                            (Conv(64), Conv(96, 3), Conv(96, 3)),
                            (SAME_POOL, Conv(64)),
                        )
                    ),
                    Excite(),
                ),
                *((BLOCK35,),) * 10,
            ),
        ),
        (
            4,
            (
                (
                    Branches(
                        (
                            (_halving(384),),
                            (Conv(256), Conv(256, 3), _halving(384)),
                            (HALVING_POOL,),
                        )
                    ),
                    Excite(),
                ),
                *((BLOCK17,),) * 20,
            ),
        ),
        (
            5,
            (
                (
                    Branches(
                        (
                            (Conv(256), _halving(384)),
                            (Conv(256), _halving(288)),
                            (Conv(256), Conv(288, 3), _halving(320)),
                            (HALVING_POOL,),
                        )
                    ),
                    Excite(),
                ),
                *((_resnet_unit(BLOCK8, 2080, 0.2),),) * 9,
                (
                    Residual(
                        (
                            BLOCK8,
                            Conv(2080, normalized=False, relu=False),
                            Excite(),
                        ),
                        relu=False,
                    ),
                ),
            ),
        ),
    ),
    head=(Conv(1536),),
    endings=(
        ("C2", "stage2"),
        ("C3", "stage3"),
        ("C4", "stage4"),
        ("C5", "head"),
    ),
    size=299,
    epsilon=1e-3,
    momentum=0.99,
    gamma=False,
    smallest=75,
)
