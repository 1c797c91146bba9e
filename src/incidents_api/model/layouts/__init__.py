"""Layouts of other datasets: what their columns say of an incident, read from rows and told back from records."""

from collections.abc import Mapping

from incidents_api.model.layouts import acled, ucdp
from incidents_api.model.layouts.facet import Layout

__all__ = ["LAYOUTS", "Layout"]

LAYOUTS: Mapping[str, Layout] = {layout.name: layout for layout in (ucdp.LAYOUT, acled.LAYOUT)}
"""By the name that `layout=` takes."""
