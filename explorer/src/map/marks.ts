// Where dots and names stand on the map: pixels from its middle, so that none covers another.
import type { Row } from "../api/types";
import { country, number } from "../i18n";
import type { Shade } from "./draw";
import { type Camera, scaleOf, toX, toY } from "./mercator";

const placed = (x: number, y: number, camera: Camera): { x: number; y: number } => ({
  x: (x - camera.x) * scaleOf(camera.zoom),
  y: (y - camera.y) * scaleOf(camera.zoom),
});

export interface Dot {
  row: Row;
  x: number;
  y: number;
  /** Its diameter in pixels: smaller than a cell, so that dots stay apart. */
  size: number;
}

const [SMALLEST, LARGEST] = [14, 44];

/** A dot for each cell, at the middle of its points; small ones are last, and so above large ones. */
export function circles(rows: Row[], camera: Camera): Dot[] {
  const known = rows.filter((row) => row.point).sort((one, other) => other.incidents - one.incidents);
  const most = Math.max(32, known[0]?.incidents ?? 0);
  const dots = known.map((row) => ({
    row,
    ...placed(toX(row.point?.lon ?? 0), toY(row.point?.lat ?? 0), camera),
    size: Math.round(SMALLEST + ((LARGEST - SMALLEST) * Math.log(row.incidents)) / Math.log(most)),
  }));
  apart(dots);
  return dots;
}

const ROUNDS = 6;
const FARTHEST = 14;

/** Moves dots that stand for several, and so for no one point, a little from those that they would cover. */
function apart(dots: Dot[]): void {
  const home = dots.map(({ x, y }) => ({ x, y }));
  for (let round = 0; round < ROUNDS; round++)
    for (const [n, one] of dots.entries())
      for (const other of dots.slice(n + 1)) {
        const [dx, dy] = [other.x - one.x, other.y - one.y];
        const wanted = (one.size + other.size) / 2;
        if (Math.abs(dx) >= wanted || Math.abs(dy) >= wanted) continue;
        const distance = Math.hypot(dx, dy) || 1;
        const push = Math.max(0, wanted - distance) / 2 / distance;
        for (const [dot, sign] of [[one, -1], [other, 1]] as const) {
          if (dot.row.incidents === 1) continue;
          dot.x += sign * dx * push;
          dot.y += sign * dy * push;
        }
      }
  for (const [n, dot] of dots.entries()) {
    const [dx, dy] = [dot.x - (home[n]?.x ?? 0), dot.y - (home[n]?.y ?? 0)];
    const back = Math.min(1, FARTHEST / (Math.hypot(dx, dy) || 1));
    dot.x = (home[n]?.x ?? 0) + dx * back;
    dot.y = (home[n]?.y ?? 0) + dy * back;
  }
}

const LETTER = 6.3;
const LINE = 15;

export interface Name {
  code: string;
  text: string;
  incidents: number;
  x: number;
  y: number;
}

/** The names of hatched areas that are large enough on the screen, each where it covers no dot and no other name. */
export function names(shades: Shade[], dots: Dot[], camera: Camera): Name[] {
  const taken = dots.map(({ x, y, size }) => ({ x, y, wide: size, high: size }));
  return shades.flatMap(({ shape, incidents }) => {
    const room = (shape.main.x1 - shape.main.x0) * scaleOf(camera.zoom);
    if (room < 70) return [];
    const text = shape.code.length === 2 ? country(shape.code) : shape.name;
    const wide = (text.length + number(incidents).length + 2) * LETTER;
    const at = placed(shape.middle.x, shape.middle.y, camera);
    const free = [-1, 0, 1, -2, 2].map((line) => ({ x: at.x, y: at.y + line * LINE, wide, high: LINE })).find((one) => !taken.some((other) => meet(one, other)));
    if (!free) return [];
    taken.push(free);
    return [{ code: shape.code, text, incidents, x: free.x, y: free.y }];
  });
}

interface Rectangle {
  x: number;
  y: number;
  wide: number;
  high: number;
}

const meet = (one: Rectangle, other: Rectangle): boolean =>
  Math.abs(one.x - other.x) * 2 < one.wide + other.wide && Math.abs(one.y - other.y) * 2 < one.high + other.high;
