// Days as pixels: the axis below a chart of time, and the chart as something to choose a time from.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { number } from "../i18n";
import { dayNumber, isoDay, longDay, shortDay, shortMonth } from "../format/dates";

/** First and last day, both included, as numbers of days since 1970. */
export type Span = readonly [first: number, last: number];

export interface Scale {
  first: number;
  last: number;
  width: number;
  /** Where a day begins, in pixels. */
  x: (day: number) => number;
}

const scaleOf = ([first, last]: Span, width: number): Scale => ({
  first,
  last,
  width,
  x: (day) => ((day - first) / Math.max(1, last - first + 1)) * width,
});

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

const SLACK = 3;

interface BrushProps {
  /** The days that are shown. */
  shown: Span;
  choose: (span: Span) => void;
  /** The time that is chosen now, and so marked. */
  chosen?: Span | null;
  /** How high the mark of a chosen time is; as high as the chart where it is left out. */
  high?: number;
  children: (scale: Scale) => ComponentChildren;
  beside?: (scale: Scale) => ComponentChildren;
}

/** A chart over which a time is chosen: by dragging, or by a click on what stands for one (`data-from`, `data-to`). */
export function Brush({ shown, choose, chosen = null, high, children, beside }: BrushProps) {
  const [box, width] = useWidth();
  const [drag, setDrag] = useState<{ from: number; to: number; begun: number; moved: boolean } | null>(null);
  const scale = scaleOf(shown, width);
  const dayAt = (client: number): number => {
    const left = box.current?.getBoundingClientRect().left ?? 0;
    const day = Math.floor(shown[0] + ((client - left) / width) * (shown[1] - shown[0] + 1));
    return Math.max(shown[0], Math.min(shown[1], day));
  };
  const begin = (event: PointerEvent): void => {
    if (event.button) return;
    const day = dayAt(event.clientX);
    // Whoever takes one end moves it; the other one stays.
    const end = (event.target as Element).closest<HTMLElement>("[data-other]");
    setDrag({ from: end ? Number(end.dataset.other) : day, to: day, begun: event.clientX, moved: false });
  };
  const move = (event: PointerEvent): void => {
    if (!drag) return;
    const moved = drag.moved || Math.abs(event.clientX - drag.begun) > SLACK;
    // From here on it is no click any more, whatever lies below.
    if (moved && !drag.moved) (event.currentTarget as Element).setPointerCapture(event.pointerId);
    setDrag({ ...drag, to: dayAt(event.clientX), moved });
  };
  const end = (event: PointerEvent): void => {
    const one = (event.target as Element).closest<SVGElement>("[data-from]");
    if (drag?.moved) choose([Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)]);
    else if (drag && one) choose([Number(one.dataset.from), Number(one.dataset.to)]);
    setDrag(null);
  };
  const marked: Span | null = drag?.moved ? [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)] : chosen;
  return (
    <div
      class="brush"
      ref={box}
      onPointerDown={begin}
      onPointerMove={move}
      onPointerUp={end}
      onPointerCancel={() => setDrag(null)}
      onDragStart={(event) => event.preventDefault()}
    >
      {width > 0 && (
        <>
          {children(scale)}
          {marked && (
            <div class="chosen" style={{ left: `${scale.x(marked[0])}px`, width: `${Math.max(2, scale.x(marked[1] + 1) - scale.x(marked[0]))}px`, height: high ? `${high}px` : "100%" }} />
          )}
          {!drag?.moved && beside?.(scale)}
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
  within: Span;
  move: (day: number) => void;
}

/** An end of the chosen time: moved by keys here, by the pointer in the brush around it. */
export function Handle({ at, other, x, name, within: [first, last], move }: HandleProps) {
  return (
    <div
      class="handle"
      role="slider"
      tabIndex={0}
      aria-label={name}
      aria-valuemin={first}
      aria-valuemax={last}
      aria-valuenow={at}
      aria-valuetext={longDay(isoDay(at))}
      data-other={other}
      style={{ left: `${x}px` }}
      onKeyDown={(event) => {
        const step = KEYS[event.key];
        const day = event.key === "Home" ? first : event.key === "End" ? last : step ? at + step : null;
        if (day === null) return;
        event.preventDefault();
        move(Math.max(first, Math.min(last, day)));
      }}
    />
  );
}

/** Room above the highest bar, for its number. */
export const ABOVE = 20;

/** How high the highest bar is, where bars are too narrow for numbers of their own. */
export function Most({ most, y, width }: { most: number; y: number; width: number }) {
  return (
    <g class="most">
      <line x2={width} y1={y} y2={y} />
      <text x={3} y={y - 4}>
        {number(most)}
      </text>
    </g>
  );
}

interface Tick {
  day: number;
  text: string;
}

const ROOM = 64;
const pick = (steps: number[], count: (step: number) => number, room: number): number => steps.find((step) => count(step) <= room) ?? steps.at(-1) ?? 1;

/** Years, months or days: as fine as there is room for. */
function ticksOf(first: number, last: number, room: number): Tick[] {
  const [begin, end] = [Number(isoDay(first).slice(0, 4)), Number(isoDay(last).slice(0, 4))];
  const ticks: Tick[] = [];
  if (last - first < 100) {
    const every = pick([1, 2, 5, 7, 14, 28, 56], (step) => (last - first + 1) / step, room);
    for (let day = first; day <= last; day += every) ticks.push({ day, text: shortDay(isoDay(day)) });
  } else if (end - begin < 3) {
    const every = pick([1, 2, 3, 6, 12], (step) => ((end - begin + 1) * 12) / step, room);
    for (let month = 0; month < (end - begin + 1) * 12; month += every) {
      const iso = `${begin + Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, "0")}-01`;
      ticks.push({ day: dayNumber(iso), text: shortMonth(iso) });
    }
  } else {
    const every = pick([1, 2, 5, 10, 20, 50, 100, 200, 500], (step) => (end - begin + 1) / step, room);
    for (let year = Math.ceil(begin / every) * every; year <= end; year += every) ticks.push({ day: dayNumber(`${String(year).padStart(4, "0")}-01-01`), text: String(year) });
  }
  return ticks;
}

export function Axis({ scale: { first, last, width, x }, y }: { scale: Scale; y: number }) {
  const ticks = ticksOf(first, last, Math.max(2, Math.floor(width / ROOM))).filter(({ day, text }) => day >= first && x(day) + text.length * 6.5 < width);
  return (
    <g class="axis" transform={`translate(0 ${y})`}>
      <line x1={0} x2={width} y1={0} y2={0} />
      {ticks.map(({ day, text }) => (
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
