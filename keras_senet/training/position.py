"""Where a run is, which is all that its checkpoints know besides the variables."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(kw_only=True)
class Position:
    """Where a run is.

    The rates of a plateau, early stopping and the best epoch are functions of the
    rows, so there are no counters to lose.

    Attributes:
        steps: How many steps an epoch has.
        epoch: How many epochs are complete.
        step: How many steps of the next one have been taken.
        logs: The training metrics of an epoch whose steps have all been taken, but
            that is not validated yet.
        rows: The history, a dictionary of metrics for each complete epoch.
        bad: What is wrong with each bad image so far, by name.
    """

    steps: int
    epoch: int = 0
    step: int = 0
    logs: dict[str, float] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    bad: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many steps have been taken in all."""
        return self.epoch * self.steps + self.step

    @property
    def losses(self) -> list[float]:
        """The validation losses of the complete epochs."""
        return [row["val_cross_entropy"] for row in self.rows]

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return asdict(self)
