"""Foreign files as reports: one file per format, pure functions of a file; nothing here reads the store or the network.

An importer reads a binary file front to back and yields a Row for each record, in the order of the file and with
bounded memory; a workbook, which must be read out of order, it copies to a temporary file by itself. It never raises
for a row: what cannot be taken is a Row with faults. It raises Invalid for a file that is not of its format at all,
before the first row.

What many rows refer to (the dataset as a source, its groups as actors, the documents it cites) comes as rows of their
own, of kind source, actor or location, before the first row that refers to it by `scheme:value`. Such a row says only
what to create where its external id names nothing yet: a record that stands already is never changed by it. The same
row may come again.
"""

from incidents_api.importers.acled import Acled
from incidents_api.importers.awsd import Awsd
from incidents_api.importers.gtd import Gtd
from incidents_api.importers.iom import Iom
from incidents_api.importers.reports import Reports
from incidents_api.importers.row import Importer, Row
from incidents_api.importers.ucdp import Ucdp

__all__ = ["IMPORTERS", "Importer", "Row"]

_IMPORTERS: tuple[Importer, ...] = (
    Ucdp(),
    Acled(),
    Gtd(),
    Awsd(),
    Iom(),
    Reports(),
)

IMPORTERS: dict[str, Importer] = {importer.name: importer for importer in _IMPORTERS}
"""By the name that the command line and the route take."""
