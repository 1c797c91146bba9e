// The timeline: all months to choose a time from, and below each incident as a dot or a span, or months where there are many.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAnswer } from "../api/ask";
import type { Incident, Page, Totals } from "../api/types";
import { dayNumber, inWords, isoDay, shortMonth } from "../format/dates";
import { label, number, t } from "../i18n";
import { Empty, Status } from "../parts/status";
import { change, countsUrl, listUrl, values, without } from "../state/filter";
import { type Lane, lanes } from "./lanes";

const EACH = 300;
const MONTHS_HIGH = 120;
const LANE_HIGH = 18;
/** Pixels that the bar of a month is wide at the most. */
const WIDEST = 64;

interface Bar {
  first: number;
  last: number;
  incidents: number;
}

interface Months {
  months: Bar[];
  years: Bar[];
  rest: number;
  first: number;
  last: number;
}

const endOfMonth = (month: string): number => dayNumber(isoDay(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5, 7)), 0) / 86_400_000));

/** The months, the years of which no month is known, and how many fit nowhere. */
function months(totals: Totals | null): Months | null {
  if (!totals) return null;
  const found: Months = { months: [], years: [], rest: 0, first: Infinity, last: -Infinity };
  for (const { key, incidents } of totals.rows) {
    const { year, month } = key;
    if (month) found.months.push({ first: dayNumber(`${month}-01`), last: endOfMonth(month), incidents });
    else if (year) found.years.push({ first: dayNumber(`${year}-01-01`), last: dayNumber(`${year}-12-31`), incidents });
    else found.rest += incidents;
  }
  for (const bar of [...found.months, ...found.years]) {
    found.first = Math.min(found.first, bar.first);
    found.last = Math.max(found.last, bar.last);
  }
  return found.first === Infinity ? null : found;
}

export function TimelineView() {
  const everything = useAnswer<Totals>(countsUrl("year,month", [], without("from", "to", "date_mode")));
  const all = useMemo(() => months(everything.data), [everything.data]);
  const [from, to] = [values("from")[0] ?? "", values("to")[0] ?? ""];
  return (
    <Status answer={everything}>
      {all ? (
        <>
          <p class="hint">{t("time_told")}</p>
          <Brush all={all} from={from} to={to} />
          <Detail all={all} from={from} to={to} rest={everything.data?.rows ?? []} />
        </>
      ) : everything.data?.rows.length ? (
        <p class="hint">{t("time_undated", { n: number(everything.data.rows.reduce((sum, row) => sum + row.incidents, 0)) })}</p>
      ) : (
        <Empty />
      )}
    </Status>
  );
}

/** The first and last day that a date of the address means. */
const firstDay = (text: string): number => dayNumber(`${text}-01-01`.slice(0, 10));
const lastDay = (text: string): number =>
  text.length === 4 ? dayNumber(`${text}-12-31`) : text.length === 7 ? endOfMonth(text) : dayNumber(text);

function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, set] = useState(0);
  useEffect(() => {
    if (!box.current) return undefined;
    const watch = new ResizeObserver(([entry]) => entry && set(Math.floor(entry.contentRect.width)));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  return [box, width];
}

/** Bars of all months, over which a time is chosen. */
function Brush({ all, from, to }: { all: Months; from: string; to: string }) {
  const [box, width] = useWidth();
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const spanned = Math.max(1, all.last - all.first + 1);
  const x = (day: number): number => ((day - all.first) / spanned) * width;
  const dayAt = (client: number): number => {
    const left = box.current?.getBoundingClientRect().left ?? 0;
    return Math.max(all.first, Math.min(all.last, Math.round(all.first + ((client - left) / width) * spanned)));
  };
  const chosen: [number, number] | null =
    drag ?? (from || to ? [from ? Math.max(all.first, firstDay(from)) : all.first, to ? Math.min(all.last, lastDay(to)) : all.last] : null);
  const choose = ([one, other]: [number, number]): void => {
    const [first, last] = one < other ? [one, other] : [other, one];
    change({ from: isoDay(first), to: isoDay(last) });
  };
  const begin = (event: PointerEvent): void => {
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    const day = dayAt(event.clientX);
    // Whoever takes one end moves it; the other one stays.
    const handle = (event.target as Element).closest<HTMLElement>("[data-other]");
    setDrag([handle ? Number(handle.dataset.other) : day, day]);
  };
  const end = (): void => {
    if (drag && drag[0] !== drag[1]) choose(drag);
    setDrag(null);
  };
  return (
    <div
      class="brush"
      ref={box}
      onPointerDown={begin}
      onPointerMove={(event) => drag && setDrag([drag[0], dayAt(event.clientX)])}
      onPointerUp={end}
      onPointerCancel={() => setDrag(null)}
    >
      {width > 0 && (
        <>
          <svg width={width} height={MONTHS_HIGH} role="img" aria-label={t("time_chart")}>
            <Bars all={all} x={x} high={MONTHS_HIGH - 20} />
            {chosen && (
              <rect class="chosen" x={x(Math.min(...chosen))} y={0} width={Math.max(2, x(Math.max(...chosen) + 1) - x(Math.min(...chosen)))} height={MONTHS_HIGH - 20} />
            )}
            <Axis first={all.first} last={all.last} width={width} y={MONTHS_HIGH - 20} />
          </svg>
          {chosen && !drag && (
            <>
              <Handle at={chosen[0]} other={chosen[1]} x={x(chosen[0])} name={t("time_start")} all={all} move={(day) => choose([Math.min(day, chosen[1]), chosen[1]])} />
              <Handle at={chosen[1]} other={chosen[0]} x={x(chosen[1] + 1)} name={t("time_end")} all={all} move={(day) => choose([chosen[0], Math.max(day, chosen[0])])} />
            </>
          )}
        </>
      )}
    </div>
  );
}

const KEYS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -30, PageUp: 30 };

interface HandleProps {
  at: number;
  other: number;
  x: number;
  name: string;
  all: Months;
  move: (day: number) => void;
}

/** An end of the chosen time: moved by keys here, by the pointer in the brush around it. */
function Handle({ at, other, x, name, all, move }: HandleProps) {
  return (
    <div
      class="handle"
      role="slider"
      tabIndex={0}
      aria-label={name}
      aria-valuemin={all.first}
      aria-valuemax={all.last}
      aria-valuenow={at}
      aria-valuetext={isoDay(at)}
      data-other={other}
      style={{ left: `${x}px` }}
      onKeyDown={(event) => {
        const step = KEYS[event.key];
        const day = event.key === "Home" ? all.first : event.key === "End" ? all.last : step ? at + step : null;
        if (day === null) return;
        event.preventDefault();
        move(Math.max(all.first, Math.min(all.last, day)));
      }}
    />
  );
}

/** A bar for each month, and a pale one over each year for what is known to no month. */
function Bars({ all, x, high }: { all: Months; x: (day: number) => number; high: number }) {
  const most = Math.max(1, ...all.months.map((bar) => bar.incidents), ...all.years.map((bar) => bar.incidents / 12));
  const bar = (one: Bar, share: number, name: string) => {
    const tall = Math.max(1.5, (one.incidents / share / most) * (high - 20));
    const whole = Math.max(1, x(one.last + 1) - x(one.first) - 0.5);
    // A month on half the screen is still one number: no wall of colour, but a bar with its figure.
    const wide = name === "month" ? Math.min(whole, WIDEST) : whole;
    const left = x(one.first) + (whole - wide) / 2;
    return (
      <g key={`${name}${one.first}`}>
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
  return (
    <g>
      {all.years.map((one) => bar(one, 12, "year"))}
      {all.months.map((one) => bar(one, 1, "month"))}
    </g>
  );
}

const STEPS = [1, 2, 5, 10, 20, 50];

/** Years, or months where there is room for them. */
function Axis({ first, last, width, y }: { first: number; last: number; width: number; y: number }) {
  const ticks: { day: number; text: string }[] = [];
  const [begin, end] = [Number(isoDay(first).slice(0, 4)), Number(isoDay(last).slice(0, 4))];
  const room = Math.max(2, Math.floor(width / 60));
  if (end - begin < 3) {
    const every = STEPS.concat(3, 6).sort((one, other) => one - other).find((step) => ((end - begin + 1) * 12) / step <= room) ?? 12;
    for (let month = 0; month < (end - begin + 1) * 12; month += every) {
      const iso = `${begin + Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, "0")}-01`;
      ticks.push({ day: dayNumber(iso), text: shortMonth(iso) });
    }
  } else {
    const every = STEPS.find((step) => (end - begin + 1) / step <= room) ?? 100;
    for (let year = Math.ceil(begin / every) * every; year <= end; year += every) ticks.push({ day: dayNumber(`${year}-01-01`), text: String(year) });
  }
  const x = (day: number): number => ((day - first) / Math.max(1, last - first + 1)) * width;
  const fits = ticks.filter(({ day, text }) => day >= first && x(day) + text.length * 6.5 < width);
  return (
    <g class="axis" transform={`translate(0 ${y})`}>
      <line x1={0} x2={width} y1={0} y2={0} />
      {fits.map(({ day, text }) => (
        <g key={day} transform={`translate(${x(day)} 0)`}>
          <line y2={5} />
          <text x={3} y={15}>
            {text}
          </text>
        </g>
      ))}
    </g>
  );
}

/** Each incident of the chosen time, or its months where there are too many. */
function Detail({ all, from, to, rest }: { all: Months; from: string; to: string; rest: Totals["rows"] }) {
  const each = useAnswer<Page<Incident>>(listUrl("/v1/incidents", [["fields", "title,date,type,granularity"], ["sort", "date"], ["limit", String(EACH)]]));
  const undated = rest.filter(({ key }) => !key.year && !key.month).reduce((sum, one) => sum + one.incidents, 0);
  return (
    <Status answer={each}>
      {each.data?.items.length === 0 ? (
        <Empty />
      ) : each.data && !each.data.next ? (
        <Marks items={each.data.items} from={from} to={to} />
      ) : (
        <>
          <p class="hint">{t("time_too_many", { n: EACH })}</p>
          <Zoomed all={all} from={from} to={to} />
          <p class="hint">
            {t("time_months")} {undated > 0 && !from && !to && t("time_undated", { n: number(undated) })}
          </p>
        </>
      )}
    </Status>
  );
}

/** The bars of the chosen time, larger. */
function Zoomed({ all, from, to }: { all: Months; from: string; to: string }) {
  const [box, width] = useWidth();
  const [first, last] = [from ? Math.max(all.first, firstDay(from)) : all.first, to ? Math.min(all.last, lastDay(to)) : all.last];
  const inside = (bar: Bar): boolean => bar.last >= first && bar.first <= last;
  const some: Months = { ...all, months: all.months.filter(inside), years: all.years.filter(inside), first, last };
  const x = (day: number): number => Math.max(0, Math.min(width, ((day - first) / Math.max(1, last - first + 1)) * width));
  return (
    <div ref={box} class="zoomed">
      {width > 0 && (
        <svg width={width} height={260} role="img" aria-label={t("time_chart")}>
          <Bars all={some} x={x} high={240} />
          <Axis first={first} last={last} width={width} y={240} />
        </svg>
      )}
    </div>
  );
}

/** A dot for a day, a bar for a span; links to the records. */
function Marks({ items, from, to }: { items: Incident[]; from: string; to: string }) {
  const [box, width] = useWidth();
  const dated = items.filter((one) => one.date?.earliest ?? one.date?.latest);
  const known = dated.flatMap(({ date }) => [date?.earliest, date?.latest].filter((day): day is string => Boolean(day)).map(dayNumber));
  const first = from ? firstDay(from) : Math.min(...known);
  const last = to ? Math.max(lastDay(to), first + 1) : Math.max(...known);
  const pad = Math.max(2, Math.round((last - first) * 0.04));
  const [left, right] = [first - pad, last + pad];
  const rows = width ? lanes(dated, left, right, width) : [];
  const undated = items.filter((one) => !dated.includes(one));
  const high = Math.max(1, ...rows.map((one) => one.lane + 1)) * LANE_HIGH + 8;
  return (
    <>
      <p class="hint legend">
        {(["day", "within", "lasted", "open"] as const).map((one) => (
          <span key={one}>
            <i class={one} /> {t(`time_${one}`)}
          </span>
        ))}
      </p>
      <div ref={box} class="marks-chart">
        {width > 0 && dated.length > 0 && (
          <svg width={width} height={high + 22} role="group" aria-label={t("time_marks_chart")}>
            <Axis first={left} last={right} width={width} y={high} />
            {rows.map((row) => (
              <Mark key={row.one.id} {...row} />
            ))}
          </svg>
        )}
      </div>
      {undated.length > 0 && (
        <section>
          <h2>{t("time_undated_list", { n: undated.length })}</h2>
          <ul class="plain">
            {undated.map((one) => (
              <li key={one.id}>
                <a href={`/incidents/${one.id}`}>{one.title ?? label("incident_type", one.type)}</a>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Mark({ one, lane, x, wide, openLeft, openRight, text }: Lane) {
  const y = lane * LANE_HIGH + 10;
  // A span that holds its own name needs to be as high as that.
  const high = text?.inside ? 15 : 10;
  const lasted = one.date?.kind === "interval" || one.date?.kind === "ongoing";
  const name = `${one.title ?? label("incident_type", one.type)}: ${inWords(one.date)}`;
  return (
    <a href={`/incidents/${one.id}`} class={lasted ? "mark lasted" : "mark"} aria-label={name}>
      <title>{name}</title>
      {wide < 6 && !openLeft && !openRight ? (
        <circle cx={x + 4} cy={y} r={5} />
      ) : (
        <rect class={openLeft || openRight ? "span open" : "span"} x={x} y={y - high / 2} width={Math.max(wide, 8)} height={high} rx={high / 2} />
      )}
      {text && (
        <text x={text.x} y={y + 4} class={text.inside ? "inside" : undefined}>
          {text.what}
        </text>
      )}
    </a>
  );
}
