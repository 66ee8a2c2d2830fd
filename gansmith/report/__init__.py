"""Pictures of a run: grids, pairs, a run at a glance, and its page. Drawing libraries load when first used."""

from gansmith.drawing.grids import grid, pairs, save_png, to_uint8
from gansmith.report.health import Finding, health
from gansmith.report.overview import overview
from gansmith.report.page import report_page, write_report

__all__ = ["Finding", "grid", "health", "overview", "pairs", "report_page", "save_png", "to_uint8", "write_report"]
