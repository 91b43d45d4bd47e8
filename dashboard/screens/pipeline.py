"""Pipeline: what flows, how late it is, what was left aside, and what it costs."""

from dashboard.panels import pipeline_panel

pipeline_panel.show()
