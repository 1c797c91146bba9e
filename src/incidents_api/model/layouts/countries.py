"""The numbers and names that datasets write for countries and units, as ISO 3166 codes."""

from collections.abc import Mapping
from functools import lru_cache

from incidents_api.model import gazetteer

_ISO_NUMBERS = """
AD020 AE784 AF004 AG028 AI660 AL008 AM051 AO024 AQ010 AR032 AS016 AT040 AU036 AW533 AX248 AZ031 BA070 BB052 BD050 BE056
BF854 BG100 BH048 BI108 BJ204 BL652 BM060 BN096 BO068 BQ535 BR076 BS044 BT064 BV074 BW072 BY112 BZ084 CA124 CC166 CD180
CF140 CG178 CH756 CI384 CK184 CL152 CM120 CN156 CO170 CR188 CU192 CV132 CW531 CX162 CY196 CZ203 DE276 DJ262 DK208 DM212
DO214 DZ012 EC218 EE233 EG818 EH732 ER232 ES724 ET231 FI246 FJ242 FK238 FM583 FO234 FR250 GA266 GB826 GD308 GE268 GF254
GG831 GH288 GI292 GL304 GM270 GN324 GP312 GQ226 GR300 GS239 GT320 GU316 GW624 GY328 HK344 HM334 HN340 HR191 HT332 HU348
ID360 IE372 IL376 IM833 IN356 IO086 IQ368 IR364 IS352 IT380 JE832 JM388 JO400 JP392 KE404 KG417 KH116 KI296 KM174 KN659
KP408 KR410 KW414 KY136 KZ398 LA418 LB422 LC662 LI438 LK144 LR430 LS426 LT440 LU442 LV428 LY434 MA504 MC492 MD498 ME499
MF663 MG450 MH584 MK807 ML466 MM104 MN496 MO446 MP580 MQ474 MR478 MS500 MT470 MU480 MV462 MW454 MX484 MY458 MZ508 NA516
NC540 NE562 NF574 NG566 NI558 NL528 NO578 NP524 NR520 NU570 NZ554 OM512 PA591 PE604 PF258 PG598 PH608 PK586 PL616 PM666
PN612 PR630 PS275 PT620 PW585 PY600 QA634 RE638 RO642 RS688 RU643 RW646 SA682 SB090 SC690 SD729 SE752 SG702 SH654 SI705
SJ744 SK703 SL694 SM674 SN686 SO706 SR740 SS728 ST678 SV222 SX534 SY760 SZ748 TC796 TD148 TF260 TG768 TH764 TJ762 TK772
TL626 TM795 TN788 TO776 TR792 TT780 TV798 TW158 TZ834 UA804 UG800 UM581 US840 UY858 UZ860 VA336 VC670 VE862 VG092 VI850
VN704 VU548 WF876 WS882 XK000 YE887 YT175 ZA710 ZM894 ZW716
"""
# Of a state that no longer is, the one that its capital lies in today.
_GLEDITSCH_WARD = """
US2 CA20 BS31 CU40 HT41 DO42 JM51 TT52 BB53 MX70 BZ80 GT90 HN91 SV92 NI93 CR94 PA95 CO100 VE101 GY110 SR115 EC130 PE135
BR140 BO145 PY150 CL155 AR160 UY165 GB200 IE205 NL210 BE211 LU212 FR220 CH225 ES230 PT235 DE260 DE265 PL290 AT305 HU310
CZ315 CZ316 SK317 IT325 MT338 AL339 RS340 ME341 MK343 HR344 RS345 BA346 XK347 SI349 GR350 CY352 BG355 MD359 RO360 RU365
EE366 LV367 LT368 UA369 BY370 AM371 GE372 AZ373 FI375 SE380 NO385 DK390 IS395 CV402 GW404 GQ411 GM420 ML432 SN433 BJ434
MR435 NE436 CI437 GN438 BF439 LR450 SL451 GH452 TG461 CM471 NG475 GA481 CF482 TD483 CG484 CD490 UG500 KE501 TZ510 BI516
RW517 SO520 DJ522 ET530 ER531 AO540 MZ541 ZM551 ZW552 MW553 ZA560 NA565 LS570 BW571 SZ572 MG580 KM581 MU590 MA600 DZ615
TN616 LY620 SD625 SS626 IR630 TR640 IQ645 EG651 SY652 LB660 JO663 IL666 SA670 YE678 YE680 KW690 BH692 QA694 AE696 OM698
AF700 TM701 TJ702 KG703 UZ704 KZ705 CN710 MN712 TW713 KP731 KR732 JP740 IN750 BT760 PK770 BD771 MM775 LK780 MV781 NP790
TH800 KH811 LA812 VN816 VN817 MY820 SG830 BN835 PH840 ID850 TL860 AU900 PG910 NZ920 SB940 FJ950
"""


def _table(text: str) -> list[tuple[str, int]]:
    return [(entry[:2], int(entry[2:])) for entry in text.split()]


_LARGE_TOWN = 100_000

ISO_NUMBER: Mapping[str, int] = {code: number for code, number in _table(_ISO_NUMBERS) if number}
"""ISO 3166-1 numeric by alpha-2."""
BY_ISO_NUMBER: Mapping[int, str] = {number: code for code, number in ISO_NUMBER.items()}
BY_GLEDITSCH_WARD: Mapping[int, str] = {number: code for code, number in _table(_GLEDITSCH_WARD)}
"""ISO 3166-1 alpha-2 by the numbers of Gleditsch and Ward, which UCDP writes for countries."""
GLEDITSCH_WARD: Mapping[str, int] = {code: number for number, code in BY_GLEDITSCH_WARD.items()} | {
    "DE": 260,
    "RS": 340,
    "VN": 816,
    "YE": 678,
}


@lru_cache(maxsize=2_000)
def country_named(name: str) -> str | None:
    """The country of that name, the part before brackets where the whole is unknown: "Myanmar (Burma)" is MM."""
    for part in (name, name.partition("(")[0]):
        found = [place for place in gazetteer.find(part) if place.kind == "country"] if part.strip() else []
        if found:
            return found[0].country
    return None


@lru_cache(maxsize=20_000)
def admin1_named(name: str, country: str | None) -> str | None:
    """The ISO 3166-2 code of a first-order unit as datasets write it: "Sinaloa state", "Odessa Oblast".

    Where no unit is called so, the unit of the large town that it is named after; None where there is none.
    """
    if not name or country is None:
        return None
    words = name.split()
    shorter = [" ".join(words[:number]) for number in range(len(words), 0, -1)] + [" ".join(words[1:])]
    found = [gazetteer.find(part, country) for part in shorter if part]
    units = (place for places in found for place in places if place.kind == "admin1")
    towns = (place for places in found for place in places if (place.population or 0) >= _LARGE_TOWN)
    place = next(units, None) or next(towns, None)
    return None if place is None else place.admin1


@lru_cache(maxsize=10_000)
def name_of(code: str) -> str:
    """The name of a country or unit by its code; the code itself where there is none."""
    place = gazetteer.unit(code)
    return code if place is None else place.name
