"""The history of a run as a picture."""

from pathlib import Path

from keras_senet.files import written_whole

PANELS = (("accuracy", "Accuracy"), ("cross_entropy", "Cross entropy (nats)"))
# Drawn where the history has them.
MORE_PANELS = (
    ("learning_rate", "Learning rate"),
    ("images_per_second", "Training images/s"),
)


def plot_curves(rows: list[dict[str, float]], title: str, target: Path) -> None:
    """Draws accuracy and cross entropy over the epochs.

    Learning rate and speed follow below, if they are known.

    Args:
        rows: The history, a dictionary of metrics for each epoch.
        title: What stands above the picture.
        target: The PNG file to write.
    """
    from matplotlib.figure import Figure

    more = [x for x in MORE_PANELS if any(row.get(x[0]) is not None for row in rows)]
    panels = [*PANELS, *more]
    lines = -(-len(panels) // 2)
    figure = Figure(figsize=(9, 3.6 * lines), layout="constrained")
    figure.suptitle(title)
    places = list(figure.subplots(lines, 2).flat)
    for axes in places[len(panels) :]:
        axes.remove()
    for axes, (metric, label) in zip(places, panels, strict=False):
        for prefix, name in (("", "training"), ("val_", "validation")):
            known = [row for row in rows if row.get(prefix + metric) is not None]
            if known:
                values = [row[prefix + metric] for row in known]
                epochs = [row["epoch"] for row in known]
                axes.plot(epochs, values, marker=".", label=name)
        axes.set(xlabel="Epoch", ylabel=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if (metric, label) in PANELS:
            axes.legend()
        else:
            # From zero, so that what looks like much is much.
            axes.axhline(0, color="gray", linewidth=0.8)
    with written_whole(target) as path:
        figure.savefig(path, dpi=120)
