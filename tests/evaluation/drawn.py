"""What is in a picture that was drawn."""

import itertools

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def figures(monkeypatch):
    """A list that each figure joins when it is written."""
    found = []
    write = Figure.savefig

    def savefig(self, *args, **kwargs):
        found.append(self)
        return write(self, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return found


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def misplaced(figure):
    """Panels, with their labels, and legends that overlap or are cut off."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    width, height = canvas.get_width_height()
    parts = [(axes, axes.get_tightbbox(renderer)) for axes in figure.axes]
    parts += [(found, found.get_window_extent(renderer)) for found in figure.legends]
    # Less than a point is the rounding of the layout.
    places = [(part, place.padded(-1)) for part, place in parts]
    cut = [
        part
        for part, place in places
        if place.x0 < 0 or place.y0 < 0 or place.x1 > width or place.y1 > height
    ]
    pairs = itertools.combinations(places, 2)
    return cut + [(a[0], b[0]) for a, b in pairs if a[1].overlaps(b[1])]
