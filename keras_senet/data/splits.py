"""Which splits of a data set are for training, for validation and for the test."""

from collections.abc import Iterable
from dataclasses import dataclass

from keras_senet.errors import InputError

# What people call the split for validation.
VALIDATION = ("validation", "val", "valid")


@dataclass(frozen=True)
class Portion:
    """A part of a split.

    Attributes:
        split: Its name.
        start: Where the part begins, in percent.
        end: Where it ends, in percent.
    """

    split: str
    start: int = 0
    end: int = 100


def portions(names: Iterable[str]) -> tuple[Portion, Portion, Portion | None]:
    """Training, validation and test out of the splits that there are.

    Names mean what they say. Splits for training and validation are taken as they
    are, and so is one for the test; if there is none, there is no test. Without a
    split for validation, the last tenth of the training is taken away for it. If
    there is one for training alone, it gives 70 %, 10 % and 20 %.

    Args:
        names: Names of the splits with labels. `"val"` and `"valid"` are
            `"validation"`; others than these, `"train"` and `"test"` are left out.

    Returns:
        Training, validation and test; `None` for a test that there is not.

    Raises:
        InputError: If there is no split for training.

    Example:

    ```python
    from keras_senet.data.splits import Portion, portions

    train, validation, test = portions(["train", "test"])
    assert validation == Portion("train", 90, 100)
    ```
    """
    names = sorted(names)
    if "train" not in names:
        raise InputError(
            f"There should be a train split; there is {', '.join(names) or 'none'}."
        )
    test = Portion("test") if "test" in names else None
    for name in VALIDATION:
        if name in names:
            return Portion("train"), Portion(name), test
    if test:
        return Portion("train", 0, 90), Portion("train", 90, 100), test
    return (
        Portion("train", 0, 70),
        Portion("train", 70, 80),
        Portion("train", 80, 100),
    )
