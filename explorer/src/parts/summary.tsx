// How many incidents and people the selection holds: low, best and high, and what was left out of the sums.
import { type Answer, useAnswer } from "../api/ask";
import type { Figure, Totals } from "../api/types";
import { rank } from "../format/figures";
import { brief, label, number, t } from "../i18n";
import { address } from "../state/address";
import { addressWith, totalsUrl } from "../state/filter";
import { Status } from "./status";

const CARDS = 4;
/** A kind of another measure that is told already. */
const WITHIN: Record<string, string> = { rescued: "freed", released: "freed", escaped: "freed", found_dead: "killed", kidnapped: "affected" };

/** The figures that a line tells of: at most so many, and none that is within another. */
export function told(measures: Record<string, Figure>): [string, Figure][] {
  const ordered = Object.entries(measures)
    .filter(([name]) => name !== "affected")
    .sort(([one, a], [other, b]) => rank(one) - rank(other) || b.incidents - a.incidents);
  return ordered.filter(([name]) => !(WITHIN[name] && WITHIN[name] in measures && WITHIN[name] !== "affected")).slice(0, CARDS);
}

/** The totals of the selection, asked for once whoever shows them, and how many incidents it holds. */
export function useSelection(): { answer: Answer<Totals>; count: number } {
  const answer = useAnswer<Totals>(totalsUrl());
  return { answer, count: (answer.data?.rows[0]?.incidents ?? 0) + (answer.data?.excluded.period_totals ?? 0) };
}

export function Summary() {
  const { answer, count } = useSelection();
  const row = answer.data?.rows[0];
  const left = answer.data?.excluded.period_totals ?? 0;
  return (
    <section class="summary" aria-label={t("people")}>
      <Status answer={answer} shape="cards">
        <div class="cards" aria-live="polite">
          <div class="card count">
            <b data-testid="count">{number(count)}</b>
            <span>{count === 1 ? t("incident_one") : t("incidents")}</span>
          </div>
          {told(row?.measures ?? {}).map(([name, figure]) => (
            <Card key={name} name={name} figure={figure} />
          ))}
        </div>
        <Notes totals={answer.data} left={left} />
      </Status>
    </section>
  );
}

function Card({ name, figure }: { name: string; figure: Figure }) {
  const certain = figure.low === figure.high;
  const notes = [
    label("measure", name),
    figure.lower_bound_only ? t("lower_bounds", { n: figure.lower_bound_only }) : "",
    figure.open_ended ? t("open_ended", { n: figure.open_ended }) : "",
    certain ? t("exact_figure") : "",
  ].filter(Boolean);
  return (
    <div class="card" data-measure={name} title={notes.join(" · ")}>
      <b>
        {figure.open_ended > 0 && "≥ "}
        {number(figure.best)}
      </b>
      <span>{brief("measure", name).toLowerCase()}</span>
      <small>
        {!certain && <>{t("low_high", { low: number(figure.low), high: number(figure.high) })} · </>}
        {figure.incidents === 1 ? t("in_incident") : t("in_incidents", { n: figure.incidents })}
      </small>
    </div>
  );
}

function Notes({ totals, left }: { totals: Totals | null; left: number }) {
  const added = address.value.params.get("include_period_totals") === "true";
  const { netted_parts: netted = 0, parts_exceed_whole: exceed = 0, undated = 0, unlocated = 0 } = totals?.excluded ?? {};
  if (!left && !added && !netted && !exceed && !undated && !unlocated) return null;
  return (
    <ul class="notes">
      {left > 0 && (
        <li>
          {t(left === 1 ? "period_left" : "period_left_many", { n: left })} <a href={addressWith({ include_period_totals: "true" })}>{t("period_add")}</a>
        </li>
      )}
      {added && (
        <li>
          {t("period_added")} <a href={addressWith({ include_period_totals: null })}>{t("period_leave")}</a>
        </li>
      )}
      {netted > 0 && <li>{t(netted === 1 ? "netted_one" : "netted", { n: netted })}</li>}
      {undated > 0 && <li>{t("left_undated", { n: undated })}</li>}
      {unlocated > 0 && <li>{t("left_unlocated", { n: unlocated })}</li>}
      {exceed > 0 && <li>{t(exceed === 1 ? "exceed_one" : "exceed", { n: exceed })}</li>}
    </ul>
  );
}
