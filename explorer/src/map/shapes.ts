// Shapes of countries and of their first-order units: loaded by need, decoded once into paths on the unit square.
import { ask } from "../api/client";
import world from "../shapes/world.json?url";
import { type Box, toLat, toLon, toX, toY } from "./mercator";

interface Topology {
  transform: { scale: [number, number]; translate: [number, number] };
  objects: { units: { geometries: { id: string; properties: { name: string }; arcs: number[][][] }[] } };
  arcs: [number, number][][];
}

export interface Bounds {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

export interface Shape {
  code: string;
  name: string;
  path: Path2D;
  /** Where any of it is, on the unit square. */
  bounds: Bounds;
  /** Where the most of it is: without islands far away; beyond the unit square where it goes over the antimeridian. */
  main: Bounds;
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
    const pieces: Piece[] = [];
    for (const polygon of polygons) {
      for (const [n, ring] of polygon.entries()) {
        const points = unbroken(ring.flatMap((arc) => (arc >= 0 ? (lines[arc] ?? []) : (lines[~arc] ?? []).toReversed())));
        const bounds = around(points);
        // What goes over an edge of the world comes in at the other one.
        for (const shift of [0, -1, 1].filter((by) => bounds.x0 + by < 1 && bounds.x1 + by > 0)) {
          points.forEach(([x, y], at) => (at ? path.lineTo(x + shift, y) : path.moveTo(x + shift, y)));
          path.closePath();
        }
        if (!n) pieces.push({ ...middleOf(points), bounds });
      }
    }
    const largest = pieces.reduce((most, one) => (one.size > most.size ? one : most));
    const main = joined(pieces.filter((one) => one.size >= largest.size * PART_OF_MAIN).map((one) => one.bounds));
    const all = joined(pieces.map((one) => one.bounds));
    const bounds = all.x0 < 0 || all.x1 > 1 ? { ...all, x0: 0, x1: 1 } : all;
    return { code: id, name: properties.name, path, bounds, main, middle: { x: largest.x % 1, y: largest.y } };
  });
}

type Line = (readonly [number, number])[];

interface Piece {
  size: number;
  x: number;
  y: number;
  bounds: Bounds;
}

/** A piece at least this much of the largest one is a main one. */
const PART_OF_MAIN = 0.1;

/** A ring over the antimeridian goes on beyond the edge, instead of back around the world. */
function unbroken(points: Line): Line {
  let shift = 0;
  return points.map(([x, y], n) => {
    const step = x - (points[n - 1]?.[0] ?? x);
    if (Math.abs(step) > 0.5) shift -= Math.sign(step);
    return [x + shift, y] as const;
  });
}

const joined = (some: Bounds[]): Bounds => ({
  x0: Math.min(...some.map((one) => one.x0)),
  y0: Math.min(...some.map((one) => one.y0)),
  x1: Math.max(...some.map((one) => one.x1)),
  y1: Math.max(...some.map((one) => one.y1)),
});

const around = (points: Line): Bounds => joined(points.map(([x, y]) => ({ x0: x, y0: y, x1: x, y1: y })));

/** The centroid of a ring, and its area. */
function middleOf(points: Line): { size: number; x: number; y: number } {
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

/** The box around what is most of some shapes, in degrees. */
export function boxOf(shapes: Shape[]): Box | null {
  if (!shapes.length) return null;
  const { x0, y0, x1, y1 } = joined(shapes.map((one) => one.main));
  return [toLon(x0), toLat(y1), toLon(x1), toLat(y0)];
}
