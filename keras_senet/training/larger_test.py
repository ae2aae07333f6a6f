"""Testing a run's best model on larger images: RUN SIZE FILE, as a program.

Conference paper, table 3: one SENet-154 is tested at 224 and at 320 pixels.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from keras_senet.evaluation.accuracy import Accuracy
from keras_senet.files import written_whole
from keras_senet.training.evaluation import evaluate
from keras_senet.training.members import Viewing
from keras_senet.training.opening import images_of, open_model
from keras_senet.training.run import Run, open_run


def measure_at(run: Run, size: int) -> tuple[str, Accuracy]:
    """Measures the best model of a run on images of another size.

    Args:
        run: Finished.
        size: Side of the images, in pixels; before the crop their shorter side is
            resized in proportion.

    Returns:
        The split, the test's where there is one, and what was counted.
    """
    opened = open_model(str(run.path))
    chosen = images_of(opened)
    found = evaluate([opened], chosen, Viewing(crop=size))
    return chosen.split, found.metrics.accuracy


def main(run: Run, size: int, file: Path) -> None:
    """Writes the counts, and those of the run's own test, to tell whose they are.

    Args:
        run: Finished.
        size: Side of the images, in pixels.
        file: Written as JSON.
    """
    split, counted = measure_at(run, size)
    text = {
        "of": run.read_record()["metrics"],
        "image_size": size,
        "metrics": {split: asdict(counted)},
    }
    with written_whole(file) as path:
        path.write_text(json.dumps(text, indent=2) + "\n")


if __name__ == "__main__":
    main(open_run(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
