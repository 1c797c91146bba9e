// What the map draws of areas: which of them hold something that is known no better, and the shapes that stand for them.
import { useEffect, useState } from "preact/hooks";
import { attempts } from "../api/ask";
import type { Row } from "../api/types";
import type { Shade } from "../map/draw";
import { type Camera, scaleOf } from "../map/mercator";
import { countries, type Shape, unitsOf } from "../map/shapes";
import { PRECISE } from "../state/filter";

/** Where there are more countries, units are drawn only of those that a closer look shows, and not of more than that. */
const FEW = 8;
const CLOSE = 4;
const NONE: never[] = [];

export interface Size {
  width: number;
  height: number;
}

export interface Area {
  param: "country" | "admin1";
  code: string;
  incidents: number;
}

interface Whereabouts {
  areas: Area[];
  precise: number;
  unlocated: number;
  countries: string[];
  /** The unit or country of everything that has one, precise or not. */
  everywhere: string[];
}

/** What the rows by precision, country and unit say: areas, how many are precise, how many have no place. */
export function sorted(rows: Row[]): Whereabouts {
  const areas = new Map<string, Area>();
  const seen = new Set<string>();
  const everywhere = new Set<string>();
  let precise = 0;
  let unlocated = 0;
  for (const { key, incidents } of rows) {
    if (key.country) seen.add(key.country);
    const code = key.admin1 ?? key.country;
    if (code) everywhere.add(code);
    if (PRECISE.includes(key.precision ?? "")) precise += incidents;
    else if (!code || !key.country) unlocated += incidents;
    else {
      const known = areas.get(code) ?? { param: key.admin1 ? ("admin1" as const) : ("country" as const), code, incidents: 0 };
      areas.set(code, { ...known, incidents: known.incidents + incidents });
    }
  }
  const most = [...areas.values()].sort((one, other) => other.incidents - one.incidents);
  return { areas: most, precise, unlocated, countries: [...seen], everywhere: [...everywhere] };
}

/** The shape that stands for a code: its own, else, where nobody has drawn the unit, that of its country. */
export function drawn(base: Shape[], units: Shape[]): (code: string) => Shape | undefined {
  const shapes = new Map([...base, ...units].map((shape) => [shape.code, shape]));
  return (code) => shapes.get(code) ?? shapes.get(code.slice(0, 2));
}

/** The shapes that are hatched, the denser the more they hold. */
export function shadesOf(areas: Area[], shapeOf: (code: string) => Shape | undefined): Shade[] {
  const counts = new Map<Shape, number>();
  for (const { code, incidents } of areas) {
    const shape = shapeOf(code);
    if (shape) counts.set(shape, (counts.get(shape) ?? 0) + incidents);
  }
  const most = Math.max(...counts.values());
  // Units over their countries.
  return [...counts]
    .map(([shape, incidents]) => ({ shape, incidents, weight: Math.sqrt(incidents / most) }))
    .sort((one, other) => one.shape.code.length - other.shape.code.length);
}

/** Those of the countries of which units are worth drawing: a world of them is only loaded as far as it is looked at. */
function detailed(named: string[], base: Shape[], at: Camera | null, size: Size | null): string[] {
  if (named.length <= FEW || !size) return named.slice(0, FEW);
  if (!at || at.zoom < CLOSE) return [];
  const [across, down] = [size.width / 2 / scaleOf(at.zoom), size.height / 2 / scaleOf(at.zoom)];
  const seen = base.filter(({ bounds: { x0, x1, y0, y1 } }) => x1 > at.x - across && x0 < at.x + across && y1 > at.y - down && y0 < at.y + down);
  return named.filter((code) => seen.some((shape) => shape.code === code)).slice(0, FEW);
}

/** Shapes of all countries and of the units of some of those named; whether they are all there. */
export function useShapes(named: string[], at: Camera | null, size: Size | null): { base: Shape[]; units: Shape[]; ready: boolean } {
  const [base, setBase] = useState<Shape[] | null>(null);
  const [units, setUnits] = useState<{ of: string; shapes: Shape[] }>({ of: "", shapes: [] });
  const wanted = detailed(named, base ?? NONE, at, size).join(",");
  const attempt = attempts.value;
  useEffect(() => {
    countries().then(setBase, () => setBase([]));
  }, [attempt]);
  useEffect(() => {
    let current = true;
    const found = (shapes: Shape[]): void => void (current && setUnits({ of: wanted, shapes }));
    Promise.all(wanted.split(",").filter(Boolean).map(unitsOf)).then((each) => found(each.flat()), () => found([]));
    return () => {
      current = false;
    };
  }, [wanted, attempt]);
  return { base: base ?? NONE, units: units.shapes, ready: base !== null && units.of === wanted };
}
