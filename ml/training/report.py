"""The training report, for the terminal and as Markdown, from a registry manifest."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from ml.data.dataset import EVENT_NAMES
from ml.training.baseline import UNREMARKABLE, Baseline
from ml.training.metrics import SUSTAINED_S

_COLUMNS = (
    "well",
    "baselines",
    "normal min",
    "gauges",
    "normal flagged",
    "events seen",
    "delay s",
)


def console_table(manifest: Mapping[str, Any]) -> Table:
    """One row per model, for the terminal."""
    table = Table(title=f"Models of version {manifest['version']}")
    for at, name in enumerate(_COLUMNS):
        table.add_column(name, justify="right" if at else "left", no_wrap=not at)
    for row in _rows(manifest):
        table.add_row(*row)
    return table


def markdown(manifest: Mapping[str, Any]) -> str:
    """The whole report as Markdown."""
    return "\n".join(_lines(manifest)) + "\n"


def worst_parity(manifest: Mapping[str, Any]) -> float:
    """Largest difference of scores between ONNX and scikit-learn over all models, 0 without models."""
    return max((float(entry["metrics"]["parity"]) for _, entry in _entries(manifest)), default=0.0)


def _entries(manifest: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    entries = list(manifest["wells"].items())
    return [*entries, ("fleet", manifest["fleet"])] if manifest["fleet"] else entries


def _lines(manifest: Mapping[str, Any]) -> Iterator[str]:
    yield f"# Training report, version {manifest['version']}"
    yield ""
    yield f"Trained {manifest['created_at']}. {len(manifest['wells'])} wells have a baseline of their own;"
    fleet = "there" if manifest["fleet"] else "missing"
    yield f"{len(manifest['refused'])} have none; the fleet model is {fleet}."
    yield ""
    yield "`normal min` made the baselines; `normal flagged` is the share of the normal operation held out"
    yield "from them that is flagged. The last two columns say how labelled events looked: an event counts as"
    yield f"seen when {SUSTAINED_S} seconds in a row are flagged; the delay is the median of those seen. The"
    yield "fleet's row is the model for readings without a baseline, on the same wells."
    yield ""
    yield f"Scores of the ONNX files and of scikit-learn differ by {worst_parity(manifest):.1e} at most."
    yield ""
    yield from _markdown_table(_COLUMNS, [list(row) for row in _rows(manifest)])
    yield ""
    yield "## Wells and instances without a baseline"
    yield ""
    without = {**manifest["refused"], **manifest["skipped"]}
    yield from _markdown_table(("well or instance", "why"), [[name, why] for name, why in without.items()])
    yield ""
    yield "## Events"
    yield ""
    yield from _markdown_table(("well", "instance", "event", "delay s", "flagged"), list(_events(manifest)))
    yield ""
    yield "## Gauges left out"
    yield ""
    yield from _markdown_table(("well", "gauges", "why"), list(_excluded(manifest)))


def _rows(manifest: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, entry in _entries(manifest):
        training, metrics = entry["training"], entry["metrics"]
        delays = sorted(event["delay_s"] for event in metrics["events"] if event["delay_s"] is not None)
        yield (
            name,
            str(len(entry.get("baselines", ()))),
            f"{training.get('normal_seconds', 0) / 60:.0f}",
            str(len(entry["sensors"])),
            f"{metrics['held_out_flagged']:.1%}",
            f"{len(delays)}/{len(metrics['events'])}",
            f"{delays[len(delays) // 2]}" if delays else "",
        )


def _events(manifest: Mapping[str, Any]) -> Iterator[list[str]]:
    for well, entry in manifest["wells"].items():
        for event in entry["metrics"]["events"]:
            kind = EVENT_NAMES[int(event["instance"].partition("/")[0])]
            delay = "not seen" if event["delay_s"] is None else str(event["delay_s"])
            yield [well, event["instance"], kind, delay, f"{event['flagged']:.0%}"]


def _excluded(manifest: Mapping[str, Any]) -> Iterator[list[str]]:
    """Gauges that have values but are left out of the newest baseline, by well and reason."""
    for well, entry in manifest["wells"].items():
        by_reason: dict[str, list[str]] = {}
        for gauge, why in entry["baselines"][-1]["excluded"].items():
            by_reason.setdefault(why, []).append(gauge)
        for why, gauges in by_reason.items():
            yield [well, ", ".join(gauges), why]


def _markdown_table(head: tuple[str, ...], rows: list[list[str]]) -> Iterator[str]:
    if not rows:
        yield "None."
        return
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def baseline_table(baseline: Baseline) -> Table:
    """A commissioned baseline for people: level and scale of each gauge, and what was left out."""
    table = Table(title=f"Baseline of {baseline.well_id}, {baseline.seconds / 60:.0f} minutes")
    table.add_column("gauge")
    for name in ("level", "scale"):
        table.add_column(name, justify="right")
    for name, center, scale in zip(baseline.sensors, baseline.center, baseline.scale, strict=True):
        pressure = not name.startswith("t_")
        unit, divisor = ("bar", 1e5) if pressure else ("degC", 1.0)
        table.add_row(name, f"{center / divisor:.2f} {unit}", f"{scale / divisor:.3f} {unit}")
    for name, why in baseline.excluded.items():
        if why not in UNREMARKABLE:
            table.add_row(name, "left out:", why)
    return table
