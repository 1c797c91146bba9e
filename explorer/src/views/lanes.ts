// Puts spans of time into lanes so that none covers another, with their titles where there is room.
import type { Incident } from "../api/types";
import { dayNumber } from "../format/dates";
import { label } from "../i18n";
import type { Scale } from "./time-scale";

export interface Lane {
  one: Incident;
  lane: number;
  x: number;
  wide: number;
  exact: boolean;
  /** Whether an end is not known. */
  open: boolean;
  text: { what: string; x: number; inside: boolean } | null;
}

const LETTER = 6.8;
/** Pixels that a dot for a day is wide. */
const DOT = 10;
/** Pixels by which a span that begins before the first day begins outside of what is seen. */
const OUTSIDE = 8;
const LONGEST = 64;
const SHORTEST = 12;
const GAP = 10;

/** As much of a title as there is room for, up to the end of a word; none where that says nothing. */
function shortened(title: string, room: number): string | null {
  const letters = Math.min(LONGEST, Math.floor(room / LETTER));
  if (title.length <= letters) return title;
  return letters < SHORTEST ? null : `${title.slice(0, letters - 2).replace(/\s+\S*$/, "")} …`;
}

/** Lanes for incidents on a scale; earlier ones first. */
export function lanes(items: Incident[], { width, x }: Scale): Lane[] {
  const ends: number[] = [];
  return items.map((one) => {
    const [from, to] = [one.date?.earliest, one.date?.latest];
    const exact = Boolean(from) && from === to;
    const [begun, ended] = [from ? x(dayNumber(from)) : -Infinity, to ? x(dayNumber(to) + 1) : Infinity];
    const left = exact ? (begun + ended - DOT) / 2 : Math.max(-OUTSIDE, begun);
    const wide = exact ? DOT : Math.max(8, Math.min(width + OUTSIDE, ended) - left);
    const after = left + wide + 6;
    const text = named(one.title ?? label("incident_type", one.type), { before: left - 6, inside: begun < 0 ? wide - OUTSIDE - 20 : 0, after: width - after });
    const start = text?.at === "before" ? left - 2 - text.wide : left;
    const end = text?.at === "after" ? after + text.wide : left + wide;
    let lane = ends.findIndex((taken) => taken + GAP <= start);
    if (lane < 0) lane = ends.length;
    ends[lane] = end;
    const textX = { before: start, inside: Math.max(0, left) + 10, after };
    return { one, lane, x: left, wide, exact, open: !from || !to, text: text && { what: text.what, x: textX[text.at], inside: text.at === "inside" } };
  });
}

type Side = "before" | "inside" | "after";

/** Where a name goes: behind its mark, else before it, else within, where it fits whole; else where most of it does. */
function named(title: string, room: Record<Side, number>): { what: string; at: Side; wide: number } | null {
  const sides: Side[] = ["after", "before", "inside"];
  const whole = shortened(title, LONGEST * LETTER) ?? title;
  const at = sides.find((side) => whole.length * LETTER <= room[side]) ?? sides.reduce((most, side) => (room[side] > room[most] ? side : most));
  const what = shortened(title, room[at]);
  return what === null ? null : { what, at, wide: what.length * LETTER };
}
