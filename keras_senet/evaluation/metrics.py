"""All that is counted of a classifier's answers, in one pass."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from keras_senet.evaluation.accuracy import Accuracy, Counts
from keras_senet.evaluation.answers import Answers, answers
from keras_senet.evaluation.calibration import Bins, Calibration


@dataclass(frozen=True, kw_only=True, eq=False)
class Metrics:
    """What was counted.

    Classes that no image has and none was taken for are left out, so that a few
    classes of a thousand have a table that can be read.

    Attributes:
        accuracy: Images, top-1 and top-5, and the cross entropy.
        outputs: The index of each class among the model's outputs.
        class_names: The name of each class; the index if it has none.
        confusion: int64 array `(classes, classes)`: how many images of the class of
            the row were taken for that of the column.
        calibration: How sure the answers were, and how right.
    """

    accuracy: Accuracy
    outputs: tuple[int, ...]
    class_names: tuple[str, ...]
    confusion: np.ndarray
    calibration: Calibration

    @property
    def class_counts(self) -> np.ndarray:
        """How many images each class has; none if others were taken for it only."""
        return self.confusion.sum(axis=1)

    @property
    def class_right(self) -> np.ndarray:
        """How many images of each class were taken for it."""
        return self.confusion.diagonal()

    def classes(self) -> list[dict[str, Any]]:
        """A row for each class; the accuracy of one without images is `None`."""
        columns = zip(
            self.outputs,
            self.class_names,
            self.class_counts.tolist(),
            self.class_right.tolist(),
            self.confusion.sum(axis=0).tolist(),
            strict=True,
        )
        return [
            {
                "output": output,
                "name": name,
                "count": count,
                "right": right,
                "predicted": predicted,
                "accuracy": right / count if count else None,
            }
            for output, name, count, right, predicted in columns
        ]

    def to_dict(self) -> dict[str, Any]:
        """All of it as values of JSON."""
        counted, count = self.accuracy, self.accuracy.count
        return {
            **asdict(counted),
            "top1_accuracy": counted.top1 / count,
            "top5_accuracy": counted.top5 / count,
            "calibration": self.calibration.to_dict(),
            "classes": self.classes(),
            "confusion": self.confusion.tolist(),
        }


class Tally:
    """Counts answers batch by batch; holds no images and no probabilities.

    Args:
        class_names: The names of the model's outputs, if they are known.
    """

    def __init__(self, class_names: Sequence[str] | None = None) -> None:
        self._names = class_names
        self._counts = Counts()
        self._bins = Bins()
        self._pairs: Counter[tuple[int, int]] = Counter()

    def add(self, given: Answers) -> None:
        """Counts the answers to one more batch."""
        # The first of equal ones, as in `Counts`.
        best = given.probabilities.argmax(axis=1)
        self._counts.add(given)
        self._pairs.update(zip(given.labels.tolist(), best.tolist(), strict=True))
        self._bins.add(given.probabilities.max(axis=1), best == given.labels)

    def metrics(self) -> Metrics:
        """What was counted.

        Raises:
            ValueError: If there was no image.
        """
        outputs = sorted({index for pair in self._pairs for index in pair})
        place = {index: i for i, index in enumerate(outputs)}
        confusion = np.zeros((len(outputs), len(outputs)), "int64")
        for (label, best), count in self._pairs.items():
            confusion[place[label], place[best]] = count
        names = self._names
        return Metrics(
            accuracy=self._counts.accuracy(),
            outputs=tuple(outputs),
            class_names=tuple(str(i) if names is None else names[i] for i in outputs),
            confusion=confusion,
            calibration=self._bins.calibration(),
        )


def metrics(
    predict: Callable[[Any], Any],
    batches: Iterable[tuple[Any, Any, Any]],
    class_names: Sequence[str] | None = None,
) -> Metrics:
    """Counts over batches that may be padded, in one pass.

    Args:
        predict: From images to class probabilities of shape `(batch, classes)`.
        batches: As for `measure`.
        class_names: The names of the outputs, if they are known.

    Returns:
        The counts.

    Raises:
        ValueError: If there is no image, or a prediction is not a number.

    Example:

    ```python
    batches = evaluation_batches(source.test, size=32, batch_size=64)
    found = metrics(model.predict_on_batch, batches, source.class_names)
    print(found.accuracy, found.calibration.expected_error)
    ```
    """
    tally = Tally(class_names)
    for each in answers(predict, batches):
        tally.add(each)
    return tally.metrics()
