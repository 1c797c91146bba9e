// How a map is moved: by pointer, two fingers, wheel and keys. It knows nothing of what is drawn.
import { bounded, type Camera, scaleOf } from "./mercator";

const WHEEL = 0.0022;
const STEP = 80;

/** Listens on an element; `move` is called with the new camera, `rest` when the movement has ended. Returns the end of it. */
export function movable(element: HTMLElement, camera: () => Camera, move: (to: Camera) => void, rest: () => void): () => void {
  const fingers = new Map<number, { x: number; y: number }>();
  let resting = 0;
  let dragged = false;
  const stop = new AbortController();
  const listen = <K extends keyof HTMLElementEventMap>(name: K, take: (event: HTMLElementEventMap[K]) => void, passive = true): void =>
    element.addEventListener(name, take, { passive, signal: stop.signal });

  const later = (): void => {
    clearTimeout(resting);
    resting = window.setTimeout(rest, 200);
  };
  const by = (dx: number, dy: number): void => {
    const now = camera();
    const scale = scaleOf(now.zoom);
    move(bounded({ ...now, x: now.x - dx / scale, y: now.y - dy / scale }));
    later();
  };
  /** Change the scale and keep what lies under a point of the screen there. */
  const zoom = (delta: number, at: { x: number; y: number }): void => {
    const now = camera();
    const box = element.getBoundingClientRect();
    const [dx, dy] = [at.x - box.left - box.width / 2, at.y - box.top - box.height / 2];
    const before = scaleOf(now.zoom);
    const to = bounded({ ...now, zoom: now.zoom + delta });
    const after = scaleOf(to.zoom);
    move(bounded({ ...to, x: now.x + dx / before - dx / after, y: now.y + dy / before - dy / after }));
    later();
  };
  const middle = (): { x: number; y: number } => {
    const all = [...fingers.values()];
    return { x: all.reduce((sum, one) => sum + one.x, 0) / all.length, y: all.reduce((sum, one) => sum + one.y, 0) / all.length };
  };
  const spread = (): number => {
    const [one, other] = [...fingers.values()];
    return one && other ? Math.hypot(one.x - other.x, one.y - other.y) : 0;
  };

  listen("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    dragged = false;
  });
  listen("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const [was, apart] = [middle(), spread()];
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const [is, now] = [middle(), spread()];
    if (!dragged && fingers.size === 1 && Math.hypot(is.x - was.x, is.y - was.y) < 2) return;
    if (!dragged) element.setPointerCapture(event.pointerId);
    dragged = true;
    by(is.x - was.x, is.y - was.y);
    if (apart && now) zoom(Math.log2(now / apart), is);
  });
  const lift = (event: PointerEvent): void => {
    fingers.delete(event.pointerId);
  };
  listen("pointerup", lift);
  listen("pointercancel", lift);
  // A drag that ends on a button must not press it.
  element.addEventListener("click", (event) => dragged && event.stopPropagation(), { capture: true, signal: stop.signal });
  listen(
    "wheel",
    (event) => {
      event.preventDefault();
      zoom(-event.deltaY * WHEEL * (event.deltaMode ? 16 : 1), { x: event.clientX, y: event.clientY });
    },
    false,
  );
  listen(
    "keydown",
    (event) => {
      if (event.target !== element || event.ctrlKey || event.metaKey || event.altKey) return;
      const arrows: Record<string, [number, number]> = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };
      const arrow = arrows[event.key];
      const box = element.getBoundingClientRect();
      const centre = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
      if (arrow) by(...arrow);
      else if (event.key === "+" || event.key === "=") zoom(0.5, centre);
      else if (event.key === "-") zoom(-0.5, centre);
      else return;
      event.preventDefault();
    },
    false,
  );
  return () => {
    stop.abort();
    clearTimeout(resting);
  };
}
