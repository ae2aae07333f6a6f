"""From the numbers of a report, which are JSON, to what stands on its page."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras_senet.explanation.telling import (
    BLOCK_TITLES,
    COST_TEXT,
    COST_TITLES,
    advice_texts,
    block_rows,
    cost_rows,
    gates_texts,
    percent,
)
from keras_senet.reporting.page import Card, Grid, Mistake, Page, Section
from keras_senet.reporting.pictures import shown
from keras_senet.reporting.run_sections import exports, setup, training


def page_of(
    report: Mapping[str, Any], pictures: Mapping[str, str], mistakes: Sequence[str]
) -> Page:
    """Lays out a report.

    Args:
        report: The numbers, as in `report.json`.
        pictures: `data:` addresses of pictures, by the names of `CAPTIONS`.
        mistakes: `data:` addresses of the images of `report["mistakes"]`.

    Returns:
        The page.
    """
    sections = [
        training(report.get("run"), pictures),
        _accuracy(report["evaluation"], pictures),
        _mistakes(report, mistakes),
        _gates(report.get("explanation"), pictures),
        _advice(report.get("explanation")),
        exports(report.get("exports")),
        setup(report),
    ]
    data = report["evaluation"]["data"]
    return Page(
        title=report["title"],
        subtitle=f"Measured on the {data['count']:,} images of {data['name']}, "
        f"{data['split']}",
        cards=_cards(report),
        sections=[x for x in sections if x is not None],
        footer=f"Made by keras_senet {report['versions']['keras_senet']}. "
        "All numbers are in report.json.",
    )


def _cards(report: Mapping[str, Any]) -> list[Card]:
    metrics = report["evaluation"]["metrics"]
    count = metrics["count"]
    sure = metrics["calibration"]
    return [
        Card(
            name="Top-1 accuracy",
            value=percent(metrics["top1_accuracy"]),
            note=f"{metrics['top1']:,} of {count:,}",
        ),
        Card(
            name="Top-5 accuracy",
            value=percent(metrics["top5_accuracy"]),
            note=f"{metrics['top5']:,} of {count:,}",
        ),
        Card(
            name="Cross entropy",
            value=f"{metrics['cross_entropy']:.4f}",
            note="nats, the mean over images",
        ),
        Card(
            name="Calibration error",
            value=percent(sure["expected_calibration_error"]),
            note=f"mean confidence {percent(sure['mean_confidence'])}",
        ),
        Card(
            name="Parameters",
            value=_count(report["model"]["parameters"]),
            note=f"input {' x '.join(map(str, report['model']['input']))}",
        ),
    ]


def _accuracy(evaluation: Mapping[str, Any], pictures: Mapping[str, str]) -> Section:
    metrics, bad = evaluation["metrics"], evaluation["bad_images"]
    texts = [f"{evaluation['how']}."]
    if bad:
        texts.append(f"Left out, since they cannot be read: {', '.join(bad)}.")
    classes = Grid(
        titles=("class", "images", "right", "accuracy", "taken for it"),
        rows=[
            (
                each["name"],
                f"{each['count']:,}",
                f"{each['right']:,}",
                percent(each["accuracy"]),
                f"{each['predicted']:,}",
            )
            for each in metrics["classes"]
        ],
        caption="Each class",
        folded=len(metrics["classes"]) > 20,
    )
    bins = Grid(
        titles=("confidence", "images", "mean confidence", "accuracy"),
        rows=[
            (
                f"{each['from']:.3f} to {each['to']:.3f}",
                f"{each['count']:,}",
                percent(each["confidence"]),
                percent(each["accuracy"]),
            )
            for each in metrics["calibration"]["bins"]
            if each["count"]
        ],
        caption="Confidence and accuracy",
        folded=True,
    )
    return Section(
        anchor="accuracy",
        title="Accuracy",
        texts=texts,
        figures=shown(pictures, "confusion", "calibration"),
        tables=[classes, bins],
    )


def _mistakes(report: Mapping[str, Any], sources: Sequence[str]) -> Any:
    metrics, mistakes = report["evaluation"]["metrics"], report["mistakes"]
    wrong = metrics["count"] - metrics["top1"]
    if wrong and not mistakes:
        # Nobody wanted to see any.
        return None
    return Section(
        anchor="mistakes",
        title="Worst mistakes",
        texts=[
            f"{len(mistakes)} of the {wrong:,} images that were taken for another "
            "class, those with the highest probability, as the network saw them."
            if wrong
            else "There are none: all images are right."
        ],
        mistakes=[
            Mistake(
                source=source,
                name=each["name"],
                label=each["label"],
                predicted=each["predicted"],
                numbers=f"{each['probability']:.4f} against "
                f"{each['label_probability']:.4f}",
            )
            for each, source in zip(mistakes, sources, strict=True)
        ],
    )


def _gates(explanation: Mapping[str, Any] | None, pictures: Mapping[str, str]) -> Any:
    if explanation is None:
        return None
    table = Grid(
        titles=BLOCK_TITLES, rows=block_rows(explanation), caption="Each block"
    )
    return Section(
        anchor="gates",
        title="What the gates do",
        texts=gates_texts(explanation),
        figures=shown(pictures, "gates", "within", "saturation"),
        tables=[table],
    )


def _advice(explanation: Mapping[str, Any] | None) -> Any:
    if explanation is None or explanation["advice"] is None:
        return None
    table = Grid(
        titles=COST_TITLES,
        rows=cost_rows(explanation),
        caption="Each block by itself",
    )
    return Section(
        anchor="advice",
        title="Which blocks can go",
        texts=[*advice_texts(explanation), COST_TEXT],
        tables=[table],
    )


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
