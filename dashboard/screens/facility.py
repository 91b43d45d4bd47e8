"""Facility: emission, vapor, the tank and how readings were joined."""

from dashboard.panels import facility_panel

facility_panel.show()
