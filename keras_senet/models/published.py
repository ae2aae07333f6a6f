"""What the papers and releases say that the networks cost."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """Published costs of a network with SE.

    Attributes:
        parameters: Trainable parameters, exact where a definition was published.
        macs: Multiply-accumulate operations of one image, which the papers call
            FLOPs.
    """

    parameters: str = ""
    macs: str = ""


# Parameters: the authors' definitions, the legacy releases (18, 34 and 26), and
# table 3 of the journal paper. Operations: table 2 of the conference paper, and
# table 3 of the journal paper.
PUBLISHED: dict[str, Published] = {
    "se_resnet18": Published("11,778,592"),
    "se_resnet34": Published("21,958,868"),
    "se_resnet50": Published("28,088,024", "3.87 G"),
    "se_resnet101": Published("49,326,872", "7.60 G"),
    "se_resnet152": Published("66,821,848", "11.32 G"),
    "se_resnext26": Published("16,790,280"),
    "se_resnext50": Published("27,559,896", "4.25 G"),
    "se_resnext101": Published("48,955,416", "8.00 G"),
    "senet154": Published("115,088,984"),
    "se_bn_inception": Published("11,931,622", "2.04 G"),
    "se_inception_resnet_v2": Published(macs="11.76 G"),
    "se_mobilenet": Published("4.7 M", "572 M"),
    "se_shufflenet": Published("2.4 M", "142 M"),
}
