"""What was found out about an exported file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from keras_senet.evaluation.accuracy import Accuracy


@dataclass(frozen=True, kw_only=True)
class Latency:
    """How long one call takes, in the process that proved the file.

    Attributes:
        batch: Images in a call.
        median: Milliseconds.
        p95: Milliseconds that 95 % of the calls stay below.
    """

    batch: int
    median: float
    p95: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found out about an exported file before its name existed.

    Attributes:
        format: `"saved_model"`, `"tflite"` or `"onnx"`.
        precision: `"float32"`, `"float16"`, `"dynamic"` or `"int8"`.
        path: The file, or the folder of the SavedModel's version.
        bytes: Its size.
        parameter_bytes: What the Keras model's weights take in float32.
        runtime: What it ran in, and the version.
        images: Number of images that were compared.
        images_from: Where they come from.
        largest_difference: Of any answer, between the file and the Keras model.
        relative_difference: The largest difference of the logits, over their
            standard deviation (of answers of other kinds: of these themselves).
        tolerance: What `relative_difference` had to stay within, or `None`.
        top1_agreement: Share of the images with the same most probable class;
            `None` if the answers are not classes.
        least_agreement: What `top1_agreement` had to reach, or `None`.
        accuracy_before: Of the Keras model on the test images, if there are any.
        accuracy_after: Of the file on the same images.
        latency: At batch 1 and 8.
        keras_operations: Operations of the Keras graph, before and after folding.
        operations: How many operations of each kind the file has.
    """

    format: str
    precision: str
    path: Path
    bytes: int
    parameter_bytes: int
    runtime: str
    images: int
    images_from: str
    largest_difference: float
    relative_difference: float
    tolerance: float | None
    top1_agreement: float | None
    least_agreement: float | None
    accuracy_before: Accuracy | None = None
    accuracy_after: Accuracy | None = None
    latency: tuple[Latency, ...] = ()
    keras_operations: tuple[int, int]
    operations: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return json.loads(json.dumps(asdict(self), default=str))
