"""Looking ahead: what reports name is looked up together before they are composed, in a few statements for all."""

from collections.abc import Iterable, Iterator

from incidents_api.model import gazetteer
from incidents_api.model.wire import Report
from incidents_api.writing import lookup
from incidents_api.writing.lookup import Known, Memory, Own


def look_ahead(
    look: Memory, reports: Iterable[Report], names: Iterable[Own], ids: Iterable[str]
) -> tuple[dict[Own, str], dict[str, Known]]:
    """Look up what reports name, their own names and some ids, and keep it; (which record each name is of, what is
    known of each record). Of the records that the reports name their bodies are kept, too."""
    cited = {own for report in reports for own in _cited(report)}
    holders: dict[Own, str] = {}
    known: dict[str, Known] = {}
    for own, record_id, state, record in lookup.standing_for(look.conn, cited):
        holders[own], known[record_id] = record_id, state
        if record is not None:
            look.learn(record, lookup.record_of, record_id)
    others = {*names} - cited
    holders |= lookup.holders(look.conn, others)
    wanted = {*holders.values(), *ids}
    known |= lookup.known_among(look.conn, wanted - known.keys())
    for one in wanted:
        look.learn(known.get(one), lookup.known, one)
    for own in cited | others:
        look.learn(holders.get(own), lookup.by_external_id, own[0], (own[1:],))
    return holders, known


_KIND_OF = {name: name for name in ("source", "actor", "location", "incident")}
"""Members of reports that name a record of a kind."""


def _cited(report: Report, kind: str = "") -> Iterator[Own]:
    """The external ids by which a report names others, so that they are looked up together; codes of units, too."""
    for name in report.model_fields_set:
        value = getattr(report, name)
        form = type(value)
        if form is str:
            of = _KIND_OF.get(name, kind if name == "parent" else "")
            if of and (pair := lookup.split_external(value)) is not None:
                yield of, *pair
            elif of == "location" and (unit := gazetteer.unit(value)) is not None:
                scheme, _, code = unit.key.partition(":")
                yield of, scheme, code
        elif form is list:
            for one in value:
                if Report in type(one).__mro__:
                    yield from _cited(one)
        elif Report in form.__mro__:  # isinstance asks the metaclass, which takes its time
            of = _KIND_OF.get(name, kind if name == "parent" else "")
            if of:
                yield from ((of, scheme, text) for scheme, text in getattr(value, "external_ids", {}).items())
            yield from _cited(value, of)
