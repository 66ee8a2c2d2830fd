"""Pictures of a run: grids, pairs, and one page at a glance. Drawing libraries load when first used."""

from gansmith.report.overview import overview
from gansmith.report.pictures import grid, pairs, save_png, to_uint8

__all__ = ["grid", "overview", "pairs", "save_png", "to_uint8"]
