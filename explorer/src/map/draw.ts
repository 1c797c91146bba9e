// Draws the base map and the hatched areas; colours are those of the style sheet.
import { type Camera, scaleOf } from "./mercator";
import type { Shape } from "./shapes";

export interface Shade {
  shape: Shape;
  incidents: number;
  /** 0 to 1: how dense the hatching is. */
  weight: number;
}

const NAMES = ["--water", "--land", "--border", "--rough"] as const;
type Colours = Record<(typeof NAMES)[number], string>;

/** The colours as they stand now: they follow the theme. */
export function colours(near: HTMLElement): Colours {
  const probe = document.createElement("span");
  near.append(probe);
  const found = Object.fromEntries(
    NAMES.map((name) => {
      probe.style.color = `var(${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  ) as Colours;
  probe.remove();
  return found;
}

/** Draw everything for a camera; `ratio` is the number of device pixels to a pixel. */
export function draw(canvas: HTMLCanvasElement, camera: Camera, base: Shape[], units: Shape[], shades: Shade[], ink: Colours): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const ratio = devicePixelRatio;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const scale = scaleOf(camera.zoom);
  const [left, top] = [camera.x - width / 2 / scale, camera.y - height / 2 / scale];
  const seen = ({ bounds }: Shape): boolean =>
    bounds.x1 >= left && bounds.x0 <= left + width / scale && bounds.y1 >= top && bounds.y0 <= top + height / scale;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = ink["--water"];
  context.fillRect(0, 0, canvas.width, canvas.height);
  const size = scale * ratio;
  context.setTransform(size, 0, 0, size, -left * size, -top * size);
  context.lineJoin = "round";

  const visible = base.filter(seen);
  context.fillStyle = ink["--land"];
  for (const shape of visible) context.fill(shape.path);
  const hatch = hatching(context, ink["--rough"], size / ratio);
  for (const { shape, weight } of shades.filter((one) => seen(one.shape))) {
    context.globalAlpha = 0.08 + 0.3 * weight;
    context.fillStyle = ink["--rough"];
    context.fill(shape.path);
    context.globalAlpha = 0.35 + 0.4 * weight;
    if (hatch) {
      context.fillStyle = hatch;
      context.fill(shape.path);
    }
  }
  context.globalAlpha = 1;
  context.strokeStyle = ink["--border"];
  context.lineWidth = (0.6 * ratio) / size;
  for (const shape of units.filter(seen)) context.stroke(shape.path);
  context.lineWidth = (1.2 * ratio) / size;
  for (const shape of visible) context.stroke(shape.path);
}

/** Diagonal lines that keep their distance on the screen, whatever the scale. */
function hatching(context: CanvasRenderingContext2D, colour: string, scale: number): CanvasPattern | null {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 16;
  const lines = tile.getContext("2d");
  if (!lines) return null;
  lines.strokeStyle = colour;
  lines.lineWidth = 2.4;
  for (const shift of [-16, 0, 16]) {
    lines.moveTo(shift, 16);
    lines.lineTo(shift + 16, 0);
  }
  lines.stroke();
  const pattern = context.createPattern(tile, "repeat");
  pattern?.setTransform(new DOMMatrix().scale(0.5 / scale));
  return pattern;
}
