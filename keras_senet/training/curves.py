"""The history of a run as a picture."""

from pathlib import Path

from keras_senet.files import written_whole

PANELS = (("accuracy", "Accuracy"), ("cross_entropy", "Cross entropy (nats)"))


def plot_curves(rows: list[dict[str, float]], title: str, target: Path) -> None:
    """Draws accuracy and cross entropy over the epochs.

    Args:
        rows: The history, a dictionary of metrics for each epoch.
        title: What stands above the picture.
        target: The PNG file to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title)
    epochs = [row["epoch"] for row in rows]
    for axes, (metric, label) in zip(figure.subplots(1, 2), PANELS, strict=True):
        for prefix, name in (("", "training"), ("val_", "validation")):
            values = [row[prefix + metric] for row in rows]
            axes.plot(epochs, values, marker=".", label=name)
        axes.set(xlabel="Epoch", ylabel=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    with written_whole(target) as path:
        figure.savefig(path, dpi=120)
