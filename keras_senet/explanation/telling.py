"""What was found out about the blocks of a network, in words and cells."""

import math
from collections.abc import Mapping
from typing import Any

BLOCK_TITLES = (
    "block",
    "size",
    "mean",
    "low",
    "high",
    "near 0",
    "near 1",
    "class",
    "closed",
)
# A variance of gates that are constant but for rounding.
STILL = 1e-10
# Channels that a sentence lists; all of them are in explanation.json.
LISTED = 20
SHARES = ("near_zero", "near_one", "share_between")
COST_TITLES = (
    "without",
    "constant",
    "lost",
    "won",
    "p",
    "dropped",
    "saved",
    "time",
)
COST_TEXT = (
    "Constant: top-1 accuracy with the block's mean gates instead of its gates, with "
    "the images lost and won by that, and p of McNemar's exact test. Dropped: with "
    "gates of one. Saved: parameters. Time: of a call with the block constant, over "
    "that as it is, the median and half of the range of eight in ten rounds."
)


def block_rows(explanation: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """What the gates of each block are, as texts.

    Args:
        explanation: As in `explanation.json`.

    Returns:
        Rows of cells under `BLOCK_TITLES`.
    """
    closed = explanation["closed_channels"]
    return [
        (
            each["block"],
            f"{each['channels']:,}",
            *(f"{each[x]:.3f}" for x in ("mean", "lowest", "highest")),
            *(f"{100 * each[x]:.1f}%" for x in SHARES),
            f"{len(closed[each['block']]):,}",
        )
        for each in explanation["blocks"]
    ]


def gates_texts(explanation: Mapping[str, Any]) -> list[str]:
    """What the columns of `block_rows` mean, and what is remarkable, in paragraphs."""
    lines = [
        f"Gates of {explanation['count']:,} images ({explanation['images']}). Size: "
        "channels. Low, high: the extremes. Near 0 and near 1: shares of gates below "
        f"{explanation['near_zero']:g} and above {explanation['near_one']:g}. Class: "
        "the share of a gate's variance that lies between classes, too large where "
        "there are few images of a class. Closed: channels that no image opens."
    ]
    still = [
        each["block"]
        for each in explanation["blocks"]
        if each["between"] + each["within"] < STILL
    ]
    if still:
        lines.append(f"The same gates for all images: {', '.join(still)}.")
    for name, found in explanation["closed_channels"].items():
        if found:
            more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
            shown = ", ".join(map(str, found[:LISTED]))
            lines.append(f"Channels of {name} that can be pruned: {shown}{more}.")
    return lines


def cost_rows(explanation: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """What it costs to do without each block, as texts.

    Args:
        explanation: As in `explanation.json`, with an advice.

    Returns:
        Rows of cells under `COST_TITLES`.
    """
    advice = explanation["advice"]
    return [
        _cost_row(name, advice["constant"][name], advice["dropped"][name])
        for name in advice["constant"]
    ]


def advice_texts(explanation: Mapping[str, Any]) -> list[str]:
    """The advice in sentences.

    Args:
        explanation: As in `explanation.json`, with an advice.

    Returns:
        Paragraphs.
    """
    advice = explanation["advice"]
    together, held_out = advice["together"], advice["held_out"]
    count = advice["count"]
    # Rounded first: 0.7 % of 1,000 are 6.999... in binary.
    allowed = math.floor(round(advice["may_lose"] * count / 100, 6))
    lines = [
        f"As it is, the network has {advice['right']:,} of {count:,} images right "
        f"({explanation['images']}). One image is {100 / count:.2g} points.",
        "Blocks were made constant one after the other, the cheapest first, and stay "
        "so while all of them together lose no more than "
        f"{advice['may_lose']:g} points, which are {allowed:,} images: what costs "
        "nothing alone can cost something beside others.",
    ]
    if together is None:
        return [*lines, "No block can be made constant so."]
    change = together["change"]
    lines.append(
        f"{len(together['blocks'])} of {len(advice['constant'])} blocks can be "
        f"constant: {', '.join(together['blocks'])}. That leaves "
        f"{change['right']:,} of {count:,} right ({change['lost']} lost, "
        f"{change['won']} won, p = {change['p_value']:.2g}), saves "
        f"{together['parameters']:,} parameters "
        f"({percent(together['share'])}), and {_time_text(together['ratio'])}."
    )
    if held_out is not None:
        before = held_out["right"] + held_out["lost"] - held_out["won"]
        lines.append(
            f"On images that did not choose them ({explanation['held_out']}): "
            f"{held_out['right']:,} instead of {before:,} of {held_out['count']:,} "
            f"right ({held_out['lost']} lost, {held_out['won']} won, "
            f"p = {held_out['p_value']:.2g})."
        )
        lost = 100 * (held_out["lost"] - held_out["won"]) / held_out["count"]
        if lost > advice["may_lose"]:
            lines.append(
                f"These lose {lost:.1f} points, more than {advice['may_lose']:g}: the "
                "choice does not hold. Choose by more images."
            )
    if together["scales"]:
        lines.append(
            "A multiplication by constants is left of these, which nothing can take "
            f"in: {', '.join(together['scales'])}."
        )
    return lines


def _cost_row(
    name: str, constant: Mapping[str, Any], dropped: Mapping[str, Any]
) -> tuple[str, ...]:
    change = constant["change"]
    return (
        name,
        percent(change["right"] / change["count"]),
        str(change["lost"]),
        str(change["won"]),
        f"{change['p_value']:.1g}",
        percent(dropped["change"]["right"] / change["count"]),
        f"{constant['parameters']:,}",
        ratio_text(constant["ratio"]),
    )


def _time_text(ratio: Mapping[str, Any]) -> str:
    """What is saved in time, if nine of ten measurements agree that anything is."""
    low, high = ratio["low"], ratio["high"]
    measured = f"{ratio['median']:.2f} of the time ({low:.2f} to {high:.2f})"
    if low <= 1 <= high:
        return f"saves no time that this measurement can tell from noise: {measured}"
    return f"a call takes {measured}"


def percent(share: float | None) -> str:
    """A share in %, with two places."""
    return "-" if share is None else f"{100 * share:.2f}%"


def ratio_text(ratio: Mapping[str, Any] | None) -> str:
    """A ratio of times and half of the range of eight in ten measurements."""
    if ratio is None:
        return "-"
    half = (ratio["high"] - ratio["low"]) / 2
    return f"{ratio['median']:.2f}±{half:.2f}"
