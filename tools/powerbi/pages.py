"""The pages of the report: what each shows, and where."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tools.powerbi.model import Model
from tools.powerbi.visuals import Box, Reference, Visual, text

WIDTH, HEIGHT = 1280, 720
_GAP = 8
_SLICERS = Box(_GAP, _GAP, WIDTH - 2 * _GAP, 64)
_CARDS = Box(_GAP, 80, WIDTH - 2 * _GAP, 96)
_BODY = Box(_GAP, 184, WIDTH - 2 * _GAP, HEIGHT - 184 - _GAP)


@dataclass(frozen=True, slots=True)
class Page:
    """A page: the name of its folder, its title, its visuals."""

    name: str
    title: str
    visuals: tuple[Visual, ...]


class Layout:
    """Makes visuals that refer to a model, each row of them across the page."""

    def __init__(self, model: Model) -> None:
        self._home = {measure.name: table.name for table in model.tables for measure in table.measures}
        self._model = model

    def of(self, *names: str) -> list[Reference]:
        """References to columns, as `Table.Column`, and to measures, by their names.

        Raises:
            KeyError: the model has no such table, column or measure.
        """
        return [self._reference(name) for name in names]

    def _reference(self, name: str) -> Reference:
        if name in self._home:
            return Reference(self._home[name], name, is_measure=True)
        table, _, column = name.partition(".")
        return Reference(table, self._model.table(table).column(column).name, is_measure=False)

    def cards(self, *names: str) -> list[Visual]:
        """A row of single figures."""
        return [
            Visual(f"card_{number}", "card", name, {"Values": self.of(name)}, box)
            for number, (name, box) in enumerate(zip(names, across(_CARDS, len(names)), strict=True), start=1)
        ]

    def slicers(self) -> list[Visual]:
        """The choice of days, facilities and wells; the same on every page."""
        days, facilities, wells = across(_SLICERS, 3)
        return [
            self._slicer("days", "Days (UTC)", "Dates.Date", days, "Between"),
            self._slicer("facilities", "Facility", "Facilities.Facility", facilities, "Dropdown"),
            self._slicer("wells", "Well", "Wells.Well", wells, "Dropdown"),
        ]

    def _slicer(self, name: str, title: str, column: str, box: Box, mode: str) -> Visual:
        fields, objects = {"Values": self.of(column)}, {"data": {"mode": text(mode)}}
        return Visual(f"slicer_{name}", "slicer", title, fields, box, objects=objects, group=name)

    def line(
        self, title: str, axis: str, values: Sequence[str], box: Box, series: str | None = None
    ) -> Visual:
        """Values along an axis."""
        return self._chart("lineChart", title, axis, values, box, series)

    def columns(
        self, title: str, axis: str, values: Sequence[str], box: Box, series: str | None = None
    ) -> Visual:
        """Stacked columns along an axis."""
        return self._chart("columnChart", title, axis, values, box, series)

    def bars(self, title: str, axis: str, value: str, box: Box) -> Visual:
        """Bars, the longest first."""
        fields = {"Category": self.of(axis), "Y": self.of(value)}
        return Visual(_named(title), "barChart", title, fields, box, sort=self.of(value)[0])

    def _chart(
        self, kind: str, title: str, axis: str, values: Sequence[str], box: Box, series: str | None
    ) -> Visual:
        fields = {"Category": self.of(axis), "Y": self.of(*values)}
        if series is not None:
            fields["Series"] = self.of(series)
        return Visual(_named(title), kind, title, fields, box)

    def rows(self, title: str, names: Sequence[str], box: Box, sort: str | None = None) -> Visual:
        """A table."""
        order = None if sort is None else self.of(sort)[0]
        return Visual(_named(title), "tableEx", title, {"Values": self.of(*names)}, box, sort=order)

    def matrix(
        self, title: str, rows: Sequence[str], values: Sequence[str], box: Box, by: str | None = None
    ) -> Visual:
        """Values by rows, and by columns where `by` names one."""
        fields = {"Rows": self.of(*rows), "Values": self.of(*values)}
        if by is not None:
            fields["Columns"] = self.of(by)
        return Visual(_named(title), "pivotTable", title, fields, box)


def across(box: Box, count: int) -> list[Box]:
    """A box cut into boxes side by side."""
    width = (box.width - (count - 1) * _GAP) // count
    return [Box(box.x + place * (width + _GAP), box.y, width, box.height) for place in range(count)]


def down(box: Box, count: int) -> list[Box]:
    """A box cut into boxes one below another."""
    height = (box.height - (count - 1) * _GAP) // count
    return [Box(box.x, box.y + place * (height + _GAP), box.width, height) for place in range(count)]


def _named(title: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in title.lower())[:50]


def _page(layout: Layout, name: str, title: str, cards: Sequence[str], body: Sequence[Visual]) -> Page:
    return Page(name, title, (*layout.slicers(), *layout.cards(*cards), *body))


def _executive(layout: Layout) -> Page:
    above, below = down(_BODY, 2)
    left, right = across(above, 2)
    cards = ("Active wells", "Readings", "Anomalies", "Alarms", "High and critical alarms", "Data quality")
    month = "Dates.Year and month"
    return _page(layout, "executive_overview", "Executive Overview", cards, [
        layout.columns("Alarms by month and priority", month, ["Alarms"], left, "Alarms.Priority"),
        layout.line("Anomaly share by month", month, ["Anomaly share"], right),
        layout.rows(
            "Wells, the most alarms first",
            ["Wells.Well", "Facilities.Facility", "Alarms", "High and critical alarms", "Highest risk",
             "Share of time in alarm", "Anomaly share", "Data quality", "Last day with readings"],
            below, sort="Alarms",
        ),
    ])  # fmt: skip


def _wells(layout: Layout) -> Page:
    above, below = down(_BODY, 2)
    cards = (
        "Highest risk",
        "Mean pressure (bar)",
        "Mean temperature (°C)",
        "Anomalies",
        "Share of time in alarm",
    )
    hour, well = "Well hours.Hour (UTC)", "Wells.Well"
    left, right = across(above, 2)
    last, score = across(below, 2)
    return _page(layout, "wells", "Wells", cards, [
        layout.line("Pressure by hour (bar)", hour, ["Hourly pressure (bar)"], left, well),
        layout.line("Temperature by hour (°C)", hour, ["Hourly temperature (°C)"], right, well),
        layout.line("Highest anomaly score by hour", hour, ["Hourly highest score"], last, well),
        layout.rows(
            "Wells by highest risk",
            [well, "Highest risk", "Anomalies", "ALERT share", "Mean pressure (bar)", "Mean pressure (psi)",
             "Mean temperature (°C)", "Mean temperature (°F)", "Hours with readings"],
            score, sort="Highest risk",
        ),
    ])  # fmt: skip


def _facilities(layout: Layout) -> Page:
    above, below = down(_BODY, 2)
    left, right = across(above, 2)
    cards = (
        "Highest methane (ppm)", "Emission HIGH share", "Highest vapor (ppm)", "Vapor CRITICAL share",
        "Facility ALERT share", "Paired share",
    )  # fmt: skip
    facility = "Facilities.Facility"
    return _page(layout, "facilities", "Facilities", cards, [
        layout.line("Highest methane by day (ppm)", "Dates.Date", ["Highest methane (ppm)"], left, facility),
        layout.line("Highest vapor by day (ppm)", "Dates.Date", ["Highest vapor (ppm)"], right, facility),
        layout.rows(
            "Facilities by highest risk",
            [facility, "Highest facility risk", "Facility ALERT share", "Mean methane (ppm)",
             "Emission HIGH share", "Mean vapor (ppm)", "Vapor CRITICAL share", "Paired share",
             "Active wells", "Alarms"],
            below, sort="Highest facility risk",
        ),
    ])  # fmt: skip


def _alarms(layout: Layout) -> Page:
    above, below = down(_BODY, 2)
    left, right = across(above, 2)
    cards = (
        "Alarms", "High and critical alarms", "Alarms a day", "Median time active (min)",
        "Median time to acknowledge (min)",
    )  # fmt: skip
    return _page(layout, "alarms", "Alarms", cards, [
        layout.columns("Alarms by day and priority", "Dates.Date", ["Alarms"], left, "Alarms.Priority"),
        layout.bars("Alarms by type", "Alarms.Alarm type", "Alarms", right),
        layout.rows(
            "Alarms, the latest first",
            ["Alarms.Time (UTC)", "Wells.Well", "Alarms.Priority", "Alarms.Alarm type",
             "Alarms.What the alarm says", "Alarms.Likely event", "Alarms"],
            below, sort="Alarms.Time (UTC)",
        ),
    ])  # fmt: skip


def _quality(layout: Layout) -> Page:
    above, below = down(_BODY, 2)
    left, right = across(above, 2)
    cards = (
        "Data quality", "Share of readings with a fault", "Unscored share", "Hours with readings",
        "Wells with a fault", "Faults",
    )  # fmt: skip
    matrix, worst = across(below, 2)
    return _page(layout, "data_quality", "Data Quality", cards, [
        layout.line("Data quality by day", "Dates.Date", ["Data quality"], left, "Facilities.Facility"),
        layout.bars("Faults by kind", "Data faults.Fault", "Faults", right),
        layout.matrix(
            "Faults by well and kind", ["Wells.Well", "Data faults.Faulty value"], ["Faults"], matrix,
            "Data faults.Fault",
        ),
        layout.rows(
            "Wells, the most faults first",
            ["Wells.Well", "Data quality", "Share of readings with a fault", "Unscored share",
             "Hours with readings", "Faults"],
            worst, sort="Faults",
        ),
    ])  # fmt: skip


def _detector(layout: Layout) -> Page:
    above, below = down(_BODY, 2)
    left, right = across(above, 2)
    cards = (
        "Labelled events", "Missed events", "Median delay (s)", "False alarms an hour",
        "Oldest baseline (days)", "Wells off their baseline",
    )  # fmt: skip
    return _page(layout, "detector", "Detector", cards, [
        layout.line("Largest level shift by day", "Dates.Date", ["Largest level shift"], left, "Wells.Well"),
        layout.line("Anomaly share by day", "Dates.Date", ["Anomaly share"], right, "Wells.Well"),
        layout.rows(
            "Labelled instances of the last 7 days",
            ["Wells.Well", "Scoreboard.Instance", "Scoreboard.Event class", "Scoreboard.Event from (UTC)",
             "Scoreboard.Detected at (UTC)", "Median delay (s)", "Missed events", "False alarms an hour"],
            below, sort="Scoreboard.Event from (UTC)",
        ),
    ])  # fmt: skip


def _trends(layout: Layout) -> Page:
    above, below = down(_BODY, 2)
    cards = (
        "Anomalies, change on month",
        "Alarms, change on month",
        "Anomalies, year to date",
        "Alarms, year before",
    )
    month = "Dates.Year and month"
    first, second, third = across(above, 3)
    return _page(layout, "trends", "Trends by Month and Year", cards, [
        layout.line("Anomaly share by month and a year before", month,
                    ["Anomaly share", "Anomaly share, year before"], first),
        layout.line("Alarms by month and a year before", month, ["Alarms", "Alarms, year before"], second),
        layout.line(
            "Mean pressure by month (bar)", month, ["Mean pressure (bar)"], third, "Facilities.Facility"
        ),
        layout.matrix(
            "By year and month", ["Dates.Year", "Dates.Month"],
            ["Active wells", "Readings", "Anomalies", "Anomalies, month before", "Anomalies, change on month",
             "Anomalies, year before", "Anomaly share", "Alarms", "Alarms, change on month", "Highest risk",
             "Data quality"],
            below,
        ),
    ])  # fmt: skip


_PAGES: tuple[Callable[[Layout], Page], ...] = (
    _executive, _wells, _facilities, _alarms, _quality, _detector, _trends,
)  # fmt: skip


def pages(model: Model) -> tuple[Page, ...]:
    """Every page, in order."""
    layout = Layout(model)
    return tuple(page(layout) for page in _PAGES)
