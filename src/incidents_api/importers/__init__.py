"""Foreign files as reports: one file per format, pure functions of a file; nothing here reads the store or the network.

An importer reads a binary file front to back (`seeks`: it needs one that can seek, such as a workbook) and yields a
Row for each record, in the order of the file and with bounded memory. It never raises for a row: what cannot be taken
is a Row with faults. It raises Invalid for a file that is not of its format at all, before the first row.
"""

from incidents_api.importers.row import Importer, Row

__all__ = ["IMPORTERS", "Importer", "Row"]

IMPORTERS: dict[str, Importer] = {}
"""By the name that the command line and the route take."""
