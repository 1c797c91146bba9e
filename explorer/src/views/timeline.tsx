// The timeline: all months to choose a time from, and below what lies in it, as fine as there is room for.
import { useMemo } from "preact/hooks";
import { useAnswer } from "../api/ask";
import type { Incident, Page, Totals } from "../api/types";
import { dayNumber, isoDay } from "../format/dates";
import { number, t } from "../i18n";
import { Empty, Status } from "../parts/status";
import { change, countsUrl, listUrl, values, without } from "../state/filter";
import { Days } from "./time-days";
import { Marks } from "./time-marks";
import { Bars, endOfMonth, type Months, monthsOf, surely } from "./time-months";
import { Axis, Brush, Handle, type Scale, type Span } from "./time-scale";

/** Up to so many incidents are drawn one by one. */
const EACH = 300;
/** Up to so many days are drawn one by one. */
const DAYS = 400;
const [OVERVIEW_HIGH, MONTHS_HIGH, AXIS_HIGH] = [120, 260, 20];

/** The first and last day that a date of the address means. */
const firstDay = (text: string): number => dayNumber(`${text}-01-01`.slice(0, 10));
const lastDay = (text: string): number =>
  text.length === 4 ? dayNumber(`${text}-12-31`) : text.length === 7 ? endOfMonth(text) : dayNumber(text);

export function TimelineView() {
  const everything = useAnswer<Totals>(countsUrl("year,month", [], without("from", "to", "date_mode")));
  const months = useMemo(() => monthsOf(everything.data), [everything.data]);
  return (
    <Status answer={everything} shape="picture">
      {months ? (
        <Times months={months} />
      ) : everything.data?.rows.length ? (
        <p class="hint">{t("time_undated", { n: everything.data.rows.reduce((sum, row) => sum + row.incidents, 0) })}</p>
      ) : (
        <Empty />
      )}
    </Status>
  );
}

function Times({ months }: { months: Months }) {
  const [from, to] = [values("from")[0], values("to")[0]];
  const [start, end] = [from ? firstDay(from) : null, to ? lastDay(to) : null];
  const all = months.all;
  const inside = (day: number): number => Math.max(all[0], Math.min(all[1], day));
  const chosen: Span = [start === null ? all[0] : inside(start), end === null ? all[1] : inside(end)];
  const some = start !== null || end !== null;
  const choose = ([first, last]: Span, options?: { replace: boolean }): void => {
    const whole = first <= all[0] && last >= all[1];
    change({ from: whole ? null : isoDay(first), to: whole ? null : isoDay(last) }, options);
  };
  // Moved by keys it goes through many times; one step back leads out of all of them.
  const move = (span: Span): void => choose(span, { replace: some });
  const chart = (scale: Scale) => (
    <svg width={scale.width} height={OVERVIEW_HIGH} role="img" aria-label={t("time_chart")}>
      <Bars months={months.months} years={months.years} scale={scale} high={OVERVIEW_HIGH - AXIS_HIGH} />
      <Axis scale={scale} y={OVERVIEW_HIGH - AXIS_HIGH} />
    </svg>
  );
  const handles = (scale: Scale) => (
    <>
      <Handle at={chosen[0]} other={chosen[1]} x={scale.x(chosen[0])} name={t("time_start")} within={all} move={(day) => move([Math.min(day, chosen[1]), chosen[1]])} />
      <Handle at={chosen[1]} other={chosen[0]} x={scale.x(chosen[1] + 1)} name={t("time_end")} within={all} move={(day) => move([chosen[0], Math.max(day, chosen[0])])} />
    </>
  );
  return (
    <>
      <p class="hint">
        {t("time_told")}{" "}
        {some && (
          <button type="button" class="link" onClick={() => change({ from: null, to: null, date_mode: null })}>
            {t("time_all")}
          </button>
        )}
      </p>
      <Brush shown={all} chosen={some ? chosen : null} choose={choose} high={OVERVIEW_HIGH - AXIS_HIGH} beside={handles}>
        {chart}
      </Brush>
      <Detail months={months} shown={chosen} asked={[start, end]} choose={choose} />
    </>
  );
}

interface DetailProps {
  months: Months;
  shown: Span;
  asked: readonly [number | null, number | null];
  choose: (span: Span) => void;
}

/** Each incident of the chosen time; or where there are too many, its days and spans; or where that is long, its months. */
function Detail({ months, shown, asked, choose }: DetailProps) {
  // Nobody asks for records of which it is known that they are too many.
  const many = values("date_mode")[0] !== "contains" && surely(months, shown) > EACH;
  const each = useAnswer<Page<Incident>>(
    many ? null : listUrl("/v1/incidents", [["fields", "title,date,type,granularity"], ["sort", "date"], ["limit", String(EACH)]]),
  );
  if (!many && !each.data?.next)
    return (
      <Status answer={each} shape="picture">
        {each.data?.items.length ? <Marks items={each.data.items} chosen={asked} choose={choose} /> : <Empty />}
      </Status>
    );
  return (
    <div class="crowd">
      <p class="hint">{t("time_too_many", { n: EACH })}</p>
      {shown[1] - shown[0] < DAYS ? (
        <Days shown={shown} choose={choose} />
      ) : (
        <>
          <Brush shown={shown} choose={choose}>
            {(scale) => (
              <svg width={scale.width} height={MONTHS_HIGH} role="img" aria-label={t("time_chart")}>
                <Bars months={months.months} years={months.years} scale={scale} high={MONTHS_HIGH - AXIS_HIGH} />
                <Axis scale={scale} y={MONTHS_HIGH - AXIS_HIGH} />
              </svg>
            )}
          </Brush>
          <p class="hint">
            {t("time_months")} {months.rest > 0 && asked.every((end) => end === null) && t("time_undated", { n: number(months.rest) })}
          </p>
        </>
      )}
    </div>
  );
}
