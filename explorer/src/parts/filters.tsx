// What is chosen now: a chip for each value, and the dates.
import { country, has, label, t } from "../i18n";
import { change, filter, filtered, NOWHERE, toggle, values } from "../state/filter";
import { useNames } from "./names";

/** The code list of a parameter's values. */
const LISTS: Record<string, string> = {
  type: "incident_type",
  secondary_type: "incident_type",
  stage: "stage",
  granularity: "granularity",
  role: "actor_role",
  attribution: "attribution",
  measure: "measure",
  status: "review_status",
  max_precision: "location_precision",
};
const DATES = ["from", "to", "date_mode"];

export function Filters() {
  const names = [...new Set(filter.value.map(([name]) => name))].filter((name) => !DATES.includes(name));
  return (
    <section class="chips" aria-label={t("filters")}>
      <Dates />
      {names.map((name) => (
        <Chips key={name} name={name} />
      ))}
      {filtered.value && (
        <button type="button" class="link" onClick={() => change(Object.fromEntries(filter.value.map(([name]) => [name, null])))}>
          {t("clear")}
        </button>
      )}
    </section>
  );
}

function Chips({ name }: { name: string }) {
  const chosen = values(name);
  const known = useNames(name, chosen);
  const shown = (value: string): string => {
    const list = LISTS[name];
    if (name === "filter" && value.endsWith(NOWHERE)) return value.replace(NOWHERE, t("map_unlocated"));
    return list ? label(list, value) : name === "country" ? country(value) : (known.get(value) ?? value);
  };
  const title = has(`facet_${name}`) ? t(`facet_${name}` as "facet_type") : has(`filter_${name}`) ? t(`filter_${name}` as "filter_q") : name;
  return (
    <>
      {chosen.map((value) => (
        <span key={value} class="chip">
          <small>{title}</small> {shown(value)}
          <button type="button" aria-label={t("remove", { what: `${title}: ${shown(value)}` })} onClick={() => toggle(name, value)}>
            ×
          </button>
        </span>
      ))}
    </>
  );
}

/** An input of type date takes whole days; a year or a month in the address means its first or last one. */
function whole(text: string, end: "from" | "to"): string {
  if (text.length === 4) return end === "from" ? `${text}-01-01` : `${text}-12-31`;
  if (text.length === 7) return end === "from" ? `${text}-01` : new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).toISOString().slice(0, 10);
  return text;
}

function Dates() {
  const ends = ["from", "to"] as const;
  const dated = ends.some((end) => values(end).length);
  return (
    <fieldset class="dates">
      <legend class="unseen">{t("date_mode")}</legend>
      {ends.map((end) => (
        <label key={end}>
          <span>{t(end)}</span>
          <input type="date" value={whole(values(end)[0] ?? "", end)} onChange={(event) => change({ [end]: event.currentTarget.value || null })} />
        </label>
      ))}
      {dated && (
        <label>
          <span class="unseen">{t("date_mode")}</span>
          <select
            value={values("date_mode")[0] ?? "overlaps"}
            onChange={(event) => change({ date_mode: event.currentTarget.value === "overlaps" ? null : event.currentTarget.value })}
          >
            {(["overlaps", "within", "contains"] as const).map((mode) => (
              <option key={mode} value={mode}>
                {t(`date_mode_${mode}`)}
              </option>
            ))}
          </select>
        </label>
      )}
    </fieldset>
  );
}
