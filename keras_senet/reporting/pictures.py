"""The pictures that a report may have, and what stands below them."""

from collections.abc import Mapping

from keras_senet.reporting.page import Picture

# By name, in the order of the page.
CAPTIONS = {
    "curves": "Metrics of each epoch",
    "calibration": "How sure the answers were, and how right",
    "confusion": "Confusion matrix: rows are the right classes",
    "gates": "Mean gates by class, and of all images (conference paper, figure 8)",
    "within": "Mean gates and one standard deviation within a class",
    "saturation": "Gates near zero and near one, and what of them the class decides",
}


def shown(pictures: Mapping[str, str], *names: str) -> list[Picture]:
    """The pictures of some names, as far as there are any."""
    return [
        Picture(source=pictures[name], caption=CAPTIONS[name])
        for name in names
        if name in pictures
    ]
