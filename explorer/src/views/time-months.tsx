// Incidents by month: what the totals say of them, and a bar for each.
import type { Totals } from "../api/types";
import { dayNumber, isoDay } from "../format/dates";
import { number } from "../i18n";
import { ABOVE, Most, type Scale, type Span } from "./time-scale";

export interface Bar {
  first: number;
  last: number;
  incidents: number;
}

export interface Months {
  months: Bar[];
  years: Bar[];
  /** How many fit nowhere. */
  rest: number;
  all: Span;
}

/** Pixels that the bar of a month is wide at the most. */
const WIDEST = 64;

export const endOfMonth = (month: string): number => dayNumber(isoDay(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5, 7)), 0) / 86_400_000));

/** The months, and the years of which no month is known. */
export function monthsOf(totals: Totals | null): Months | null {
  const [months, years]: [Bar[], Bar[]] = [[], []];
  let rest = 0;
  for (const { key, incidents } of totals?.rows ?? []) {
    const { year, month } = key;
    if (month) months.push({ first: dayNumber(`${month}-01`), last: endOfMonth(month), incidents });
    else if (year) years.push({ first: dayNumber(`${year}-01-01`), last: dayNumber(`${year}-12-31`), incidents });
    else rest += incidents;
  }
  const bars = [...months, ...years];
  if (!bars.length) return null;
  return { months, years, rest, all: [Math.min(...bars.map((bar) => bar.first)), Math.max(...bars.map((bar) => bar.last))] };
}

/** At least so many lie within a time: those of its whole months and years. */
export const surely = ({ months, years }: Months, [first, last]: Span): number =>
  [...months, ...years].filter((bar) => bar.first >= first && bar.last <= last).reduce((sum, bar) => sum + bar.incidents, 0);

/** A bar for each month, and a pale one over each year for what is known to no month. */
export function Bars({ months, years, scale, high }: { months: Bar[]; years: Bar[]; scale: Scale; high: number }) {
  const inside = (bar: Bar): boolean => bar.last >= scale.first && bar.first <= scale.last;
  const [some, pale] = [months.filter(inside), years.filter(inside)];
  const most = Math.max(1, ...some.map((bar) => bar.incidents), ...pale.map((bar) => bar.incidents / 12));
  const x = (day: number): number => Math.max(0, Math.min(scale.width, scale.x(day)));
  const bar = (one: Bar, share: number, name: string) => {
    const tall = Math.max(1.5, (one.incidents / share / most) * (high - ABOVE));
    const whole = Math.max(1, x(one.last + 1) - x(one.first) - 0.5);
    // A month on half the screen is still one number: no wall of colour, but a bar with its figure.
    const wide = name === "month" ? Math.min(whole, WIDEST) : whole;
    const left = x(one.first) + (whole - wide) / 2;
    return (
      <g key={`${name}${one.first}`} data-from={one.first} data-to={one.last}>
        <rect class={name} x={left} y={high - tall} width={wide} height={tall}>
          <title>{`${isoDay(one.first).slice(0, name === "year" ? 4 : 7)}: ${number(one.incidents)}`}</title>
        </rect>
        {name === "month" && wide > 30 && (
          <text class="told" x={left + wide / 2} y={high - tall - 4} text-anchor="middle">
            {number(one.incidents)}
          </text>
        )}
      </g>
    );
  };
  const numbered = some.some((one) => x(one.last + 1) - x(one.first) > 31);
  return (
    <g>
      {!numbered && <Most most={Math.round(most)} y={ABOVE} width={scale.width} />}
      {pale.map((one) => bar(one, 12, "year"))}
      {some.map((one) => bar(one, 1, "month"))}
    </g>
  );
}
