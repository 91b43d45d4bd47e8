"""Operations: what the fleet does now, and which alarm needs attention first."""

from dashboard.panels import alarm_panel, lake_panel, overview

overview.show()
alarm_panel.show()
lake_panel.show()
