"""The pieces that reports of every kind are made of: strict models, codes, texts, ids, quotes and evidence."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from incidents_api.model import dates, gazetteer, vocabulary

NOTHING: Any = Field(default_factory=list, json_schema_extra={"default": []})
NO_IDS: Any = Field(default_factory=dict, json_schema_extra={"default": {}})
"""What members hold that a client leaves out. Made anew for each report: pydantic would copy a list by walking it."""


class Report(BaseModel):
    """What a client sends: strict types, no unknown members, no number that is not finite."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


@dataclass(frozen=True, slots=True)
class InList:
    """A code of one list of the vocabulary; the error names the nearest code and all that are allowed."""

    name: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(schema)
        described["enum"] = list(vocabulary.codes(self.name))
        return described

    def check(self, word: str) -> str:
        """The word itself when it is in the list; PydanticCustomError `unknown_code` otherwise."""
        if word in vocabulary.LISTS[self.name].codes:
            return word
        allowed = vocabulary.codes(self.name)
        near = vocabulary.suggest(word, allowed)
        hint = f"; did you mean {near}?" if near else ""
        raise PydanticCustomError(
            "unknown_code", "{detail}", {"detail": f"not a code of {self.name}{hint}", "allowed": list(allowed)}
        )


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise PydanticCustomError("nul", "the character U+0000 is not taken")
    return text


def _one_line(text: str) -> str:
    # Nothing that is printable breaks a line, and most lines are printable.
    if not text.isprintable() and _BREAKS.search(text):
        raise PydanticCustomError("one_line", "line breaks and control characters are not taken here")
    return text


_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _external_value(text: str) -> str:
    if text != text.strip() or text.startswith("//"):
        raise PydanticCustomError("external_id", "an external id has no spaces around it and does not begin with //")
    return text


def _date(text: str) -> str:
    try:
        dates.parse(text)
    except dates.DateError as error:
        raise PydanticCustomError("date", "{detail}", {"detail": str(error)}) from None
    return text


_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def instant(text: str) -> str:
    """A time with its zone (RFC 3339) in UTC, as the log spells it: such texts sort as times; ValueError."""
    if not _MOMENT.fullmatch(text):
        raise ValueError("give a time with its zone (2026-11-22T10:00:00Z)")
    try:
        moment = datetime.fromisoformat(text.upper().replace(" ", "T")).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from None
    return stamp(moment)


def stamp(moment: datetime) -> str:
    """A moment as the log spells it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def _instant(text: str) -> str:
    try:
        return instant(text)
    except ValueError:
        raise PydanticCustomError("instant", "not a time with its zone, such as 2026-11-22T10:00:00Z") from None


def _country(code: str) -> str:
    place = gazetteer.unit(code) if re.fullmatch(r"[A-Z]{2}", code) else None
    if place is None:
        raise PydanticCustomError("country", "not an ISO 3166-1 alpha-2 code, such as MX")
    return code


def _admin1(code: str) -> str:
    place = gazetteer.unit(code) if re.fullmatch(r"[A-Z]{2}-[A-Z0-9]{1,3}", code) else None
    if place is None:
        raise PydanticCustomError("admin1", "not an ISO 3166-2 code, such as MX-SIN")
    return code


def _url(text: str) -> str:
    if not re.match(r"https?://[^\s/?#]+", text) or re.search(r"[\s<>\"\\^`{|}\x00-\x1f\x7f]", text):
        raise PydanticCustomError("url", "not an absolute http or https address")
    try:
        host = urlsplit(text).hostname
    except ValueError:
        host = None
    if not host:
        raise PydanticCustomError("url", "not an absolute http or https address")
    if not text.isascii():
        raise PydanticCustomError("url", "an address has ASCII characters only; percent-encode the others")
    return text


UUID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_Nul = AfterValidator(_no_nul)

_Single = AfterValidator(_one_line)

Line = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S"), _Single]
Prose = Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"\S"), _Nul]
Words = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"\S"), _Nul]
"""Quoted words of a source, as they stand there."""
Id = Annotated[str, Field(pattern=UUID_PATTERN)]
ClaimId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
Scheme = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Edtf = Annotated[
    str, Field(max_length=120, json_schema_extra={"examples": ["2024-03-26", "2024-11~"]}), AfterValidator(_date)
]
Country = Annotated[str, Field(max_length=2), AfterValidator(_country)]
Instant = Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"}), AfterValidator(_instant)]
Admin1 = Annotated[str, Field(max_length=6), AfterValidator(_admin1)]
Url = Annotated[str, Field(max_length=2_000), _Nul, AfterValidator(_url)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
Label = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000_000)]
Offset = Annotated[int, Field(ge=0, le=10_000_000)]
Reference = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"\S"), _Single]
"""Another record named in one string: an id, `scheme:value`, a name, a code or an address."""
ExternalIds = Annotated[
    dict[Scheme, Annotated[str, Field(min_length=1, max_length=200), _Single, AfterValidator(_external_value)]],
    Field(max_length=20),
]


def _form(value: Any) -> str:
    return FORMS[0] if isinstance(value, str) else FORMS[1]


FORMS = ("\x00text", "\x00form")
"""Marks of the two forms in the places of errors; no member of a body can be called so."""
TEXT, FORM, EITHER = Tag(FORMS[0]), Tag(FORMS[1]), Discriminator(_form)
"""Many members take a plain string or an object; these tell the two apart, so that an error speaks of one form."""


class Quote(Report):
    """Words of a source; `start` and `end` count Unicode code points of its text, end exclusive."""

    text: Words
    start: Offset | None = None
    end: Offset | None = None


QuoteForm = Annotated[Annotated[Quote, FORM] | Annotated[Words, TEXT], EITHER]
"""A quote, or only its words: offsets are filled in where the text of the source is known."""


class Evidence(Report):
    """Where something was taken from: a source and its words. Without a source the report's own `source` is meant."""

    source_id: Id | None = None
    source: Reference | None = None
    quote: QuoteForm | None = None


EvidenceForms = Annotated[
    list[Annotated[Annotated[Evidence, FORM] | Annotated[Words, TEXT], EITHER]], Field(max_length=50)
]
"""Evidence entries, or only the quoted words."""


class DateForm(Report):
    """When, as EDTF (ISO 8601-2); earliest, latest, kind and precision are derived and may be sent back unchanged."""

    edtf: Edtf | None = None
    basis: Annotated[str, InList("date_basis")] | None = None
    evidence: EvidenceForms = NOTHING
    earliest: Annotated[str, Field(max_length=10)] | None = None
    latest: Annotated[str, Field(max_length=10)] | None = None
    kind: Annotated[str, InList("date_kind")] | None = None
    precision: Annotated[str, InList("date_precision")] | None = None


DateForms = Annotated[Annotated[DateForm, FORM] | Annotated[Edtf, TEXT], EITHER]


def dated(edtf: str | None) -> dict[str, str | None]:
    """The derived members of a date on the wire; an unknown date is kind and precision `unknown`."""
    if edtf is None:
        return {"edtf": None, "earliest": None, "latest": None, "kind": "unknown", "precision": "unknown"}
    span = dates.parse(edtf)
    return {
        "edtf": edtf,
        "earliest": span.earliest,
        "latest": span.latest,
        "kind": span.kind,
        "precision": span.precision,
    }


Record = Mapping[str, Any]
"""A record of any kind as it stands in the log: plain JSON values."""
