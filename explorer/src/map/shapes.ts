// Shapes of countries and of their first-order units: loaded by need, decoded once into paths on the unit square.
import { ask } from "../api/client";
import world from "../shapes/world.json?url";
import { type Box, toLat, toLon, toX, toY } from "./mercator";

interface Topology {
  transform: { scale: [number, number]; translate: [number, number] };
  objects: { units: { geometries: { id: string; properties: { name: string }; arcs: number[][][] }[] } };
  arcs: [number, number][][];
}

export interface Shape {
  code: string;
  name: string;
  path: Path2D;
  /** On the unit square. */
  bounds: { x0: number; y0: number; x1: number; y1: number };
  /** The middle of its largest piece: where its name may stand. */
  middle: { x: number; y: number };
}

const files = import.meta.glob<string>("../shapes/admin1/*.json", { query: "?url", import: "default", eager: true });
const decoded = new Map<string, Promise<Shape[]>>();

/** Every country. */
export const countries = (): Promise<Shape[]> => load(world);

/** The first-order units of a country; none where there are no shapes of them. */
export function unitsOf(country: string): Promise<Shape[]> {
  const file = files[`../shapes/admin1/${country}.json`];
  return file ? load(file) : Promise.resolve([]);
}

function load(file: string): Promise<Shape[]> {
  const known = decoded.get(file);
  if (known) return known;
  const made = ask<Topology>(file).then(decode);
  decoded.set(file, made);
  made.catch(() => decoded.delete(file));
  return made;
}

function decode({ transform, objects, arcs }: Topology): Shape[] {
  const lines = arcs.map((arc) => {
    let x = 0;
    let y = 0;
    return arc.map(([dx, dy]) => {
      x += dx;
      y += dy;
      return [toX(x * transform.scale[0] + transform.translate[0]), toY(y * transform.scale[1] + transform.translate[1])] as const;
    });
  });
  return objects.units.geometries.map(({ id, properties, arcs: polygons }) => {
    const path = new Path2D();
    const bounds = { x0: 1, y0: 1, x1: 0, y1: 0 };
    let largest = { size: -1, x: 0, y: 0 };
    for (const polygon of polygons) {
      for (const [n, ring] of polygon.entries()) {
        const points = ring.flatMap((arc) => (arc >= 0 ? (lines[arc] ?? []) : (lines[~arc] ?? []).toReversed()));
        points.forEach(([x, y], at) => (at ? path.lineTo(x, y) : path.moveTo(x, y)));
        path.closePath();
        if (n) continue;
        const piece = middleOf(points);
        if (piece.size > largest.size) largest = piece;
        for (const [x, y] of points) {
          bounds.x0 = Math.min(bounds.x0, x);
          bounds.x1 = Math.max(bounds.x1, x);
          bounds.y0 = Math.min(bounds.y0, y);
          bounds.y1 = Math.max(bounds.y1, y);
        }
      }
    }
    return { code: id, name: properties.name, path, bounds, middle: { x: largest.x, y: largest.y } };
  });
}

/** The centroid of a ring, and its area. */
function middleOf(points: (readonly [number, number])[]): { size: number; x: number; y: number } {
  let twice = 0;
  let sumX = 0;
  let sumY = 0;
  points.forEach(([x, y], n) => {
    const [nextX, nextY] = points[(n + 1) % points.length] ?? [x, y];
    const cross = x * nextY - nextX * y;
    twice += cross;
    sumX += (x + nextX) * cross;
    sumY += (y + nextY) * cross;
  });
  return twice ? { size: Math.abs(twice), x: sumX / (3 * twice), y: sumY / (3 * twice) } : { size: 0, x: 0, y: 0 };
}

/** The box around shapes, in degrees. */
export function boxOf(shapes: Shape[]): Box | null {
  if (!shapes.length) return null;
  const bounds = shapes.map((one) => one.bounds);
  return [
    toLon(Math.min(...bounds.map((one) => one.x0))),
    toLat(Math.max(...bounds.map((one) => one.y1))),
    toLon(Math.max(...bounds.map((one) => one.x1))),
    toLat(Math.min(...bounds.map((one) => one.y0))),
  ];
}
