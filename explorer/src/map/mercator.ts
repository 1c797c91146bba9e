// Web Mercator on a square of side 1, and the part of it that a map shows.

export interface Camera {
  /** Middle of the map on the unit square. */
  x: number;
  y: number;
  /** The whole world is 256 * 2^zoom pixels wide. */
  zoom: number;
}

export type Box = [west: number, south: number, east: number, north: number];

export const MIN_ZOOM = 0.5;
export const MAX_ZOOM = 14;
const TILE = 256;
const EDGE = 84;

export const toX = (lon: number): number => (lon + 180) / 360;

export const toY = (lat: number): number => {
  const angle = (Math.max(-EDGE, Math.min(EDGE, lat)) * Math.PI) / 180;
  return (1 - Math.log(Math.tan(Math.PI / 4 + angle / 2)) / Math.PI) / 2;
};

export const toLon = (x: number): number => x * 360 - 180;

export const toLat = (y: number): number => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

/** Pixels of the side of the unit square. */
export const scaleOf = (zoom: number): number => TILE * 2 ** zoom;

/** The camera within its bounds. */
export const bounded = ({ x, y, zoom }: Camera): Camera => ({
  x: Math.max(0, Math.min(1, x)),
  y: Math.max(0, Math.min(1, y)),
  zoom: Math.max(MIN_ZOOM, Math.min(MAX_ZOOM, zoom)),
});

/** The camera that shows a box of degrees in a map of some pixels. */
export function fitting([west, south, east, north]: Box, width: number, height: number): Camera {
  const across = Math.max(toX(east) - toX(west), 1e-6);
  const down = Math.max(toY(south) - toY(north), 1e-6);
  const zoom = Math.log2(Math.min((width * 0.84) / across, (height * 0.84) / down) / TILE);
  return bounded({ x: (toX(west) + toX(east)) / 2, y: (toY(south) + toY(north)) / 2, zoom: Math.min(zoom, 8) });
}

/** "lat,lon,zoom" of an address, and back. */
export function readCamera(text: string | null): Camera | null {
  const [lat, lon, zoom] = (text ?? "").split(",").map(Number);
  if (lat === undefined || lon === undefined || zoom === undefined || ![lat, lon, zoom].every(Number.isFinite)) return null;
  return bounded({ x: toX(lon), y: toY(lat), zoom });
}

export const writeCamera = ({ x, y, zoom }: Camera): string => `${toLat(y).toFixed(3)},${toLon(x).toFixed(3)},${zoom.toFixed(2)}`;
