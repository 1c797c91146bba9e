// Many incidents of a short time: how many there are on each day, and below how many within each span of days.
import { useMemo } from "preact/hooks";
import { useAnswer } from "../api/ask";
import type { Totals } from "../api/types";
import { dayNumber, inWords } from "../format/dates";
import { number, t } from "../i18n";
import { Status } from "../parts/status";
import { countsUrl } from "../state/filter";
import { ABOVE, Axis, Brush, Most, type Scale, type Span } from "./time-scale";
import { lasted, Legend } from "./time-marks";

const DAYS_HIGH = 150;
const LANE_HIGH = 15;
/** Spans that are drawn: those with the most incidents. */
const MOST = 150;

interface Held {
  first: number;
  last: number;
  exact: boolean;
  /** Whether an end is not known. */
  open: boolean;
  kind: string;
  incidents: number;
  words: string;
}

/** What the rows by first day, last day and kind of date say of the days that are shown. */
function held(totals: Totals | null, [first, last]: Span): { days: Held[]; spans: Held[]; more: number } {
  const all = (totals?.rows ?? []).flatMap(({ key: { earliest = null, latest = null, date_kind: kind }, incidents }) => {
    if (!earliest && !latest) return [];
    const [from, to] = [earliest ? dayNumber(earliest) : -Infinity, latest ? dayNumber(latest) : Infinity];
    const words = inWords({ edtf: `${earliest}/${latest}`, earliest, latest, kind: kind ?? "", precision: "" });
    return [{ first: Math.max(first, from), last: Math.min(last, to), exact: from === to, open: !earliest || !latest, kind: kind ?? "", incidents, words }];
  });
  const spans = all.filter(({ exact }) => !exact).sort((one, other) => other.incidents - one.incidents);
  const drawn = spans.slice(0, MOST).sort((one, other) => one.first - other.first || other.last - one.last);
  return { days: all.filter(({ exact }) => exact), spans: drawn, more: spans.slice(MOST).reduce((sum, one) => sum + one.incidents, 0) };
}

export function Days({ shown, choose }: { shown: Span; choose: (span: Span) => void }) {
  const answer = useAnswer<Totals>(countsUrl("earliest,latest,date_kind"));
  const { days, spans, more } = useMemo(() => held(answer.data, shown), [answer.data, ...shown]);
  return (
    <Status answer={answer} shape="picture">
      <Legend />
      <Brush shown={shown} choose={choose}>
        {(scale) => {
          const rows = packed(spans, scale);
          const high = DAYS_HIGH + 22 + Math.max(0, ...rows.map((one) => one.lane + 1)) * LANE_HIGH + 6;
          const sum = (some: Held[]): string => number(some.reduce((total, one) => total + one.incidents, 0));
          return (
            <svg width={scale.width} height={high} role="img" aria-label={t("time_days_chart", { days: sum(days), spans: sum(spans) })}>
              <DayBars days={days} scale={scale} />
              <Axis scale={scale} y={DAYS_HIGH} />
              {rows.map((row) => (
                <SpanBar key={`${row.words}${row.kind}`} {...row} />
              ))}
            </svg>
          );
        }}
      </Brush>
      {more > 0 && <p class="hint">{t("time_spans_more", { n: more })}</p>}
    </Status>
  );
}

function DayBars({ days, scale }: { days: Held[]; scale: Scale }) {
  const most = Math.max(1, ...days.map((one) => one.incidents));
  const wide = Math.max(1.5, scale.x(scale.first + 1) - 1);
  const numbered = wide > 14;
  return (
    <>
      {!numbered && <Most most={most} y={ABOVE} width={scale.width} />}
      {days.map(({ first, incidents, words }) => {
        const tall = Math.max(2, (incidents / most) * (DAYS_HIGH - ABOVE));
        return (
          <g key={first} data-from={first} data-to={first}>
            <rect class="month" x={scale.x(first)} y={DAYS_HIGH - tall} width={wide} height={tall}>
              <title>{`${words}: ${number(incidents)}`}</title>
            </rect>
            {numbered && (
              <text class="told" x={scale.x(first) + wide / 2} y={DAYS_HIGH - tall - 4} text-anchor="middle">
                {number(incidents)}
              </text>
            )}
          </g>
        );
      })}
    </>
  );
}

interface Packed extends Held {
  lane: number;
  x: number;
  wide: number;
}

/** Spans in as few lanes as hold them without one covering another. */
function packed(spans: Held[], scale: Scale): Packed[] {
  const ends: number[] = [];
  return spans.map((one) => {
    const x = scale.x(one.first);
    const wide = Math.max(6, scale.x(one.last + 1) - x - 1);
    let lane = ends.findIndex((end) => end <= x);
    if (lane < 0) lane = ends.length;
    ends[lane] = x + wide + 2;
    return { ...one, lane, x, wide };
  });
}

function SpanBar({ first, last, open, kind, incidents, words, lane, x, wide }: Packed) {
  const y = DAYS_HIGH + 26 + lane * LANE_HIGH;
  const told = number(incidents);
  return (
    <g class={lasted(kind) ? "mark lasted" : "mark"} data-from={first} data-to={last}>
      <title>{`${words}: ${told}`}</title>
      <rect class={open ? "span open" : "span"} x={x} y={y} width={wide} height={LANE_HIGH - 3} rx={5} />
      {wide > told.length * 6.5 + 8 && (
        <text class={open ? "inside" : "inside on"} x={x + 6} y={y + 9.5}>
          {told}
        </text>
      )}
    </g>
  );
}
