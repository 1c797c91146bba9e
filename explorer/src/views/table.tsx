// The table: a page of records, sorted as the address says.
import { useAnswer } from "../api/ask";
import type { Incident, Page } from "../api/types";
import { inWords } from "../format/dates";
import { span, wholes } from "../format/figures";
import { brief, label, number, t, withCountry } from "../i18n";
import { Empty, Status } from "../parts/status";
import { useSelection } from "../parts/summary";
import { address } from "../state/address";
import { addressWith, sort, tableUrl } from "../state/filter";

const PAGE = 50;
const FIELDS = "title,date,type,locations,actors,tallies,claims,evidence,granularity";
const COLUMNS = [
  ["col_date", "date"],
  ["col_title", "title"],
  ["col_type", "type"],
  ["col_where", "admin1"],
  ["col_people", null],
  ["col_source", null],
] as const;

export function TableView() {
  const answer = useAnswer<Page<Incident>>(tableUrl([["limit", String(PAGE)], ["fields", FIELDS]]));
  const { answer: totals, count } = useSelection();
  const page = answer.data;
  const later = address.value.params.has("cursor");
  return (
    <Status answer={answer} shape="rows">
      {page?.items.length === 0 ? (
        <Empty />
      ) : (
        <>
          <div class="scroll" tabIndex={0} role="region" aria-label={t("table_label")}>
            <table class="records">
              <thead>
                <tr>
                  {COLUMNS.map(([key, field]) => (
                    <th key={key} scope="col" aria-sort={field ? sorted(field) : undefined}>
                      {field ? (
                        <a href={addressWith({ sort: sort.value === field ? `-${field}` : field })} aria-label={t("sort_by", { what: t(key) })}>
                          {t(key)} <span aria-hidden="true">{sort.value === field ? "↑" : sort.value === `-${field}` ? "↓" : ""}</span>
                        </a>
                      ) : (
                        t(key)
                      )}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {page?.items.map((one) => (
                  <RecordRow key={one.id} one={one} />
                ))}
              </tbody>
            </table>
          </div>
          <nav class="pages" aria-label={t("paging")}>
            <span>{t("shown_of", { n: number(page?.items.length ?? 0), total: totals.data ? number(count) : "…" })}</span>
            {later && <a href={addressWith({})}>{t("page_first")}</a>}
            {page?.next && <a href={nextPage(page.next)}>{t("page_next")} →</a>}
          </nav>
        </>
      )}
    </Status>
  );
}

const sorted = (field: string): "ascending" | "descending" | "none" =>
  sort.value === field ? "ascending" : sort.value === `-${field}` ? "descending" : "none";

/** The address of the next page: this one, with the cursor that the API gave. */
const nextPage = (next: string): string => addressWith({ cursor: new URL(next, location.origin).searchParams.get("cursor") });

function RecordRow({ one }: { one: Incident }) {
  const evidence = [one, one.date, ...one.locations, ...one.actors].flatMap((part) => part?.evidence ?? []);
  const sources = new Set([...one.claims, ...evidence].map((cited) => cited.source_id).filter(Boolean)).size;
  return (
    <tr>
      <td class="when">{inWords(one.date)}</td>
      <th scope="row">
        <a href={`/incidents/${one.id}`}>{one.title ?? label("incident_type", one.type)}</a>
      </th>
      <td>
        {label("incident_type", one.type)}
        {one.granularity !== "single" && <small>{label("granularity", one.granularity)}</small>}
      </td>
      <td>{where(one)}</td>
      <td class="people">
        {wholes(one.tallies).map((tally) => (
          <div key={tally.measure + tally.population} class={tally.contested ? "contested" : undefined}>
            <b>{span(tally)}</b> {brief("measure", tally.measure).toLowerCase()}
          </div>
        ))}
      </td>
      <td class="number">{sources || ""}</td>
    </tr>
  );
}

/** The place in a line; one that is only roughly known says so. */
export function where(one: Pick<Incident, "locations">): string {
  const place = one.locations[0];
  if (!place) return t("where_unknown");
  const name = withCountry(place.name, place.country);
  return ["adm1", "adm2", "country"].includes(place.precision) ? t("somewhere_in", { place: name }) : name;
}
