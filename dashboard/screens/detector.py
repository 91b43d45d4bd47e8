"""Detector: how good it is, which model scores each well, and how old the baselines are."""

from dashboard.panels import detector_panel

detector_panel.show()
