"""Sources: the documents that say so. The text stays apart from the record, which carries its fingerprint."""

from typing import Annotated

from pydantic import Field

from incidents_api.model.wire import (
    EITHER,
    FORM,
    NO_IDS,
    NOTHING,
    TEXT,
    DateForms,
    ExternalIds,
    InList,
    Language,
    Line,
    Offset,
    Prose,
    QuoteForm,
    Reference,
    Report,
    Url,
    Words,
)


class Boilerplate(Report):
    """A stretch of the text that is no report: navigation, a headline printed twice, quoted definitions."""

    quote: QuoteForm
    note: Line | None = None


class SourceReport(Report):
    """An article, a statement, a data set.

    `text` is what quotes are checked against; it is kept beside the record and never served. `fingerprint` is the
    sha256 of its UTF-8 bytes, `length` its number of Unicode code points; both follow from the text where it is given.
    `assessment: no_incident` says that somebody read it and found nothing to code.
    """

    kind: Annotated[str, InList("source_kind")] = "other"
    title: Line | None = None
    publisher: Line | None = None
    author: Line | None = None
    url: Url | None = None
    published: DateForms | None = None
    language: Language | None = None
    licence: Line | None = None
    reliability: Annotated[str, InList("reliability")] = "cannot_be_judged"
    assessment: Annotated[str, InList("assessment")] = "not_assessed"
    note: Prose | None = None
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    length: Offset | None = None
    text: Annotated[str, Field(min_length=1, max_length=1_000_000)] | None = None
    title_quote: QuoteForm | None = None
    boilerplate: Annotated[
        list[Annotated[Annotated[Boilerplate, FORM] | Annotated[Words, TEXT], EITHER]], Field(max_length=200)
    ] = NOTHING
    external_ids: ExternalIds = NO_IDS


SourceRef = Annotated[Annotated[Reference, TEXT] | Annotated[SourceReport, FORM], EITHER]
"""A source by id, `scheme:value` or address, or as a report of its own."""
