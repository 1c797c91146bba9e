// Puts spans of time into lanes so that none covers another, with their titles where there is room.
import type { Incident } from "../api/types";
import { dayNumber } from "../format/dates";
import { label } from "../i18n";

export interface Lane {
  one: Incident;
  lane: number;
  x: number;
  wide: number;
  openLeft: boolean;
  openRight: boolean;
  text: { what: string; x: number; inside: boolean } | null;
}

const LETTER = 6.4;
const LONGEST = 46;
const GAP = 10;

/** A long title ends after a whole word. */
const shortened = (title: string): string => (title.length > LONGEST ? `${title.slice(0, LONGEST).replace(/\s+\S*$/, "")} …` : title);

/** Lanes for incidents between two days on so many pixels; earlier ones first. */
export function lanes(items: Incident[], first: number, last: number, width: number): Lane[] {
  const x = (day: number): number => ((day - first) / Math.max(1, last - first)) * width;
  const ends: number[] = [];
  return items.map((one) => {
    const [from, to] = [one.date?.earliest, one.date?.latest];
    const openLeft = !from || dayNumber(from) < first;
    const openRight = !to || dayNumber(to) > last;
    const left = openLeft ? 0 : x(dayNumber(from));
    const right = openRight ? width : Math.min(width, x(dayNumber(to) + 1));
    const title = one.title ?? label("incident_type", one.type);
    const what = shortened(title);
    const wide = right - left;
    const needs = what.length * LETTER;
    const after = left + Math.max(wide, 10) + 6;
    // Beside the mark where there is room to the right, else before it, else nowhere: the name is told on focus, too.
    const text =
      after + needs <= width
        ? { what, x: after, inside: false }
        : left - needs - 6 >= 0
          ? { what, x: left - needs - 2, inside: false }
          : openLeft && wide >= needs + 16
            ? { what, x: left + 10, inside: true }
            : null;
    const start = text ? Math.min(left, text.x) : left;
    const end = Math.max(left + Math.max(wide, 10), text ? text.x + needs : 0);
    let lane = ends.findIndex((taken) => taken + GAP <= start);
    if (lane < 0) lane = ends.length;
    ends[lane] = end;
    return { one, lane, x: left, wide, openLeft, openRight, text };
  });
}
