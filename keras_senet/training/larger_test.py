"""Testing a run's best model on larger images: RUN SIZE FILE, as a program.

Conference paper, table 3: one SENet-154 is tested at 224 and at 320 pixels.
"""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from keras_senet.data.bad_images import BadImages
from keras_senet.evaluation.accuracy import Accuracy, measure
from keras_senet.files import written_whole
from keras_senet.training.copies import plain_copy
from keras_senet.training.data import exact_batches, open_data
from keras_senet.training.run import Run, open_run

# A batch of the training may be spread over many devices; this test is on one.
BATCH = 64


def measure_at(run: Run, size: int) -> tuple[str, Accuracy]:
    """Measures the best model of a run on images of another size.

    Args:
        run: Finished.
        size: Side of the images, in pixels; before the crop their shorter side is
            resized in proportion.

    Returns:
        The split, the test's where there is one, and what was counted.
    """
    recipe, source = run.read_recipe(), open_data(run)
    batch_size = min(recipe.data.batch_size, BATCH)
    recipe = replace(
        recipe,
        data=replace(recipe.data, batch_size=batch_size),
        evaluation=replace(recipe.evaluation, resize=None),
    )
    best = run.read_best()
    model = plain_copy(best, size)
    model.set_weights(best.get_weights())
    name = "validation" if source.test is None else "test"
    bad = BadImages(recipe.data.on_bad_image)
    with bad.named():
        batches = exact_batches(recipe, source.splits[name], size, bad)
        return name, measure(model.predict_on_batch, batches)


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
