"""Well: one well's gauges, score, risk, alarms and events on one time axis."""

from dashboard.panels import well_panel

well_panel.show()
