"""History: anomalies, data quality and quarantine by day, and SQL of your own."""

from dashboard.panels import history_panel

history_panel.show()
