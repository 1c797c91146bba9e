// Facets: how many incidents there are of each kind, within everything else that is chosen; a click chooses.
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { useAnswer } from "../api/ask";
import type { Totals } from "../api/types";
import { country, label, number, t } from "../i18n";
import { Status } from "../parts/status";
import { useNames } from "../parts/names";
import { change, countsUrl, toggle, values, view, WHEREABOUTS, without } from "../state/filter";

/** A facet: the group of the totals, and the code list that its values are of. */
const FACETS = [
  { by: "type", codes: "incident_type" },
  { by: "admin1", codes: null },
  { by: "year", codes: null },
  { by: "measure", codes: "measure" },
  { by: "actor", codes: null },
  { by: "attribution", codes: "attribution" },
  { by: "country", codes: null },
  { by: "role", codes: "actor_role" },
  { by: "granularity", codes: "granularity" },
  { by: "secondary_type", codes: "incident_type" },
  { by: "stage", codes: "stage" },
  { by: "status", codes: "review_status" },
  { by: "tag", codes: null },
] as const;
type Facet = (typeof FACETS)[number];

/** Of these there can be several, or none: what has none is not unknown. */
const SEVERAL = new Set<string>(["actor", "role", "attribution", "secondary_type", "tag"]);

const SHOWN = 7;
const FIND_FROM = 10;

/** All facets; `narrow`: in a column, the first ones open. */
export function FacetsView({ narrow = false }: { narrow?: boolean }) {
  return (
    <div class={narrow ? "facets narrow" : "facets"}>
      {FACETS.map((facet, n) => (
        <FacetPanel key={facet.by} facet={facet} open={!narrow || n < 3} />
      ))}
    </div>
  );
}

function FacetPanel({ facet, open }: { facet: Facet; open: boolean }) {
  const [shown, setShown] = useState(open || values(facet.by).length > 0);
  const [panel, near] = useNear();
  const title = t(`facet_${facet.by}`);
  return (
    <details ref={panel} open={shown} onToggle={(event) => setShown((event.target as HTMLDetailsElement).open)}>
      <summary>
        <h2>{title}</h2>
      </summary>
      {shown && (near ? <Counts facet={facet} title={title} /> : <div class="later" />)}
    </details>
  );
}

/** Whether something is, or ever was, in sight or close to it: nobody asks for what nobody sees. */
function useNear(): [{ current: HTMLDetailsElement | null }, boolean] {
  const box = useRef<HTMLDetailsElement>(null);
  const [near, set] = useState(false);
  useEffect(() => {
    if (near || !box.current) return undefined;
    const watch = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && set(true), { rootMargin: "300px" });
    watch.observe(box.current);
    return () => watch.disconnect();
  }, [near]);
  return [box, near];
}

interface Count {
  value: string | null;
  incidents: number;
}

/** What the totals say of a facet. Measures are no group: one incident speaks of several, each row tells of all. */
function counted(facet: Facet, totals: Totals | null): Count[] {
  if (!totals) return [];
  if (facet.by === "measure")
    return Object.entries(totals.rows[0]?.measures ?? {})
      .map(([value, figure]) => ({ value, incidents: figure.incidents }))
      .sort((one, other) => other.incidents - one.incidents);
  const sums = new Map<string | null, number>();
  for (const { key, incidents } of totals.rows) sums.set(key[facet.by] ?? null, (sums.get(key[facet.by] ?? null) ?? 0) + incidents);
  const rows = [...sums].map(([value, incidents]) => ({ value, incidents }));
  if (facet.by === "year") return rows.sort((one, other) => (other.value ?? "").localeCompare(one.value ?? ""));
  // What is not known stands last.
  return rows.sort((one, other) => Number(one.value === null) - Number(other.value === null) || other.incidents - one.incidents);
}

/** What is asked for, to count the values of a facet. Beside the map it says where everything is, so nobody asks for that again. */
function groupsOf({ by }: Facet): string {
  if (by === "measure") return "";
  return view.value === "map" && (by === "admin1" || by === "country") ? WHEREABOUTS : by;
}

const isChosen = (facet: Facet, value: string): boolean =>
  facet.by === "year" ? values("from")[0] === value && values("to")[0] === value : values(facet.by).includes(value);

function choose(facet: Facet, value: string): void {
  if (facet.by !== "year") toggle(facet.by, value);
  else if (isChosen(facet, value)) change({ from: null, to: null });
  else change({ from: value, to: value });
}

function Counts({ facet, title }: { facet: Facet; title: string }) {
  const others = facet.by === "year" ? without("from", "to", "date_mode") : without(facet.by);
  const answer = useAnswer<Totals>(countsUrl(groupsOf(facet), [], others));
  const rows = useMemo(() => counted(facet, answer.data), [facet, answer.data]);
  const [find, setFind] = useState("");
  const [all, setAll] = useState(false);
  const id = useId();
  const wanted = find.trim().toLocaleLowerCase();
  // What is chosen is always in sight, wherever it stands in the order.
  const first = rows.filter(({ value }, n) => n < SHOWN || (value !== null && isChosen(facet, value)));
  // Only who looks for a name, or at all of them, needs all names.
  const names = useNames(facet.by, (wanted || all ? rows : first).flatMap(({ value }) => (value ? [value] : [])));
  const named = (value: string): string =>
    facet.codes ? label(facet.codes, value) : facet.by === "country" ? country(value) : (names.get(value) ?? value);
  const found = rows.filter(({ value }) => !wanted || (value !== null && named(value).toLocaleLowerCase().includes(wanted)));
  const most = Math.max(1, ...rows.map((row) => row.incidents));
  const shown = all || wanted ? found.slice(0, 200) : first;
  return (
    <Status answer={answer}>
      {rows.length > FIND_FROM && (
        <input
          id={id}
          type="search"
          placeholder={t("facet_find", { what: title })}
          aria-label={t("facet_find", { what: title })}
          value={find}
          onInput={(event) => setFind(event.currentTarget.value)}
        />
      )}
      <ul class="plain counts" aria-label={title}>
        {shown.map(({ value, incidents }) => (
          <li key={value ?? ""} style={{ "--part": `${Math.round((incidents / most) * 100)}%` }}>
            {value === null ? (
              <span class="unknown">
                <span>{t(SEVERAL.has(facet.by) ? "facet_none" : "facet_unknown")}</span> <b>{number(incidents)}</b>
              </span>
            ) : (
              <button type="button" aria-pressed={isChosen(facet, value)} onClick={() => choose(facet, value)}>
                <span>{named(value)}</span> <b>{number(incidents)}</b>
              </button>
            )}
          </li>
        ))}
      </ul>
      {found.length > SHOWN && !wanted && (
        <button type="button" class="link" onClick={() => setAll(!all)}>
          {all ? t("facet_less") : t("facet_more", { n: found.length })}
        </button>
      )}
      {answer.data?.overlapping && <p class="hint">{t("facet_overlap")}</p>}
    </Status>
  );
}
