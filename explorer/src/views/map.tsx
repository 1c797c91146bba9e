// The map: precise points as dots, what is known only roughly as hatched areas, what has no place as a number.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Answer, useAnswer } from "../api/ask";
import type { Incident, Page, Row, Totals } from "../api/types";
import { inWords } from "../format/dates";
import { country, label, number, t } from "../i18n";
import { colours, draw, type Shade } from "../map/draw";
import { circles, type Dot, names } from "../map/marks";
import { type Box, bounded, type Camera, fitting, readCamera, scaleOf, toLat, toLon, writeCamera } from "../map/mercator";
import { boxOf, type Shape } from "../map/shapes";
import { movable } from "../map/surface";
import { useNames } from "../parts/names";
import { Status } from "../parts/status";
import { address } from "../state/address";
import { change, countsUrl, filter, listUrl, nowhereAddress, toggle, values, WHEREABOUTS, without } from "../state/filter";
import { type Area, drawn, shadesOf, type Size, sorted, useShapes } from "./map-areas";

const WORLD: Box = [-125, -35, 60, 60];
const LISTED = 12;
const LISTED_AREAS = 8;
const NONE: never[] = [];

export function MapView() {
  const rough = useAnswer<Totals>(countsUrl(WHEREABOUTS));
  const { areas, precise, unlocated, countries: named, everywhere } = useMemo(() => sorted(rough.data?.rows ?? []), [rough.data]);
  const at = address.value.params.get("at");
  const frame = useRef<HTMLDivElement>(null);
  const size = useSize(frame);
  const { base, units, ready } = useShapes(named, readCamera(at), size);
  const shapeOf = useMemo(() => drawn(base, units), [base, units]);
  const shades = useMemo(() => shadesOf(areas, shapeOf), [areas, shapeOf]);
  const loading = rough.loading || !ready;
  // The map stays where it is until it is known where all of the selection is: in these units and countries.
  const fit = useRef<Camera | null>(null);
  if (size && !(loading && fit.current)) fit.current = home(everywhere.flatMap((code) => shapeOf(code) ?? []), size);
  const start = readCamera(at) ?? fit.current;
  const [here, setHere] = useState<Row | null>(null);
  const asked = filter.value.map(String).join("&");
  useEffect(() => setHere(null), [asked]);

  return (
    <div class="map-view">
      <div class="map" ref={frame}>
        {size && start && (
          <Surface start={start} settled={at !== null || !loading} pins={rough.loading || precise > 0} base={base} units={units} shades={shades} size={size} busy={loading} open={setHere} />
        )}
      </div>
      <aside class="map-side" aria-label={t("map_coarse")}>
        <Status answer={rough}>
          {here && <Here row={here} close={() => setHere(null)} />}
          <p class="map-precise">
            <span class="dot-sample" aria-hidden="true" /> {precise ? t("map_precise", { n: precise }) : t("map_none_precise")}
          </p>
          {(areas.length > 0 || unlocated > 0) && <Rough areas={areas} unlocated={unlocated} />}
          <p class="credit">{t("map_credit")}</p>
        </Status>
      </aside>
    </div>
  );
}

/** The camera that shows some shapes, or the world where there are none. */
const home = (shapes: Shape[], size: Size): Camera => fitting(boxOf(shapes) ?? WORLD, size.width, size.height);

function useSize(of: { current: HTMLElement | null }): Size | null {
  const [size, set] = useState<Size | null>(null);
  useEffect(() => {
    if (!of.current) return undefined;
    const watch = new ResizeObserver(([entry]) => entry && set({ width: entry.contentRect.width, height: entry.contentRect.height }));
    watch.observe(of.current);
    return () => watch.disconnect();
  }, [of]);
  return size;
}

/** So much more than the map shows is drawn on each side, as part of its width and height; the style sheet says so, too. */
const MARGIN = 0.25;

/** How what was drawn for one camera stands for another while the map moves; null where it must be drawn anew. */
function shifted(from: Camera, to: Camera, size: Size): string | null {
  const scale = scaleOf(to.zoom);
  const [x, y, grown] = [(from.x - to.x) * scale, (from.y - to.y) * scale, 2 ** (to.zoom - from.zoom)];
  const near = Math.abs(x) < size.width * MARGIN && Math.abs(y) < size.height * MARGIN && grown > 0.8 && grown < 2;
  return near ? `translate(${x}px, ${y}px) scale(${grown})` : null;
}

interface SurfaceProps {
  start: Camera;
  base: Shape[];
  units: Shape[];
  shades: Shade[];
  size: Size;
  /** Whether `start` is where it will stay. */
  settled: boolean;
  /** Whether there can be anything to pin. */
  pins: boolean;
  busy: boolean;
  open: (row: Row) => void;
}

/** The part that moves: canvas below, buttons above. */
function Surface({ start, settled, pins, base, units, shades, size, busy, open }: SurfaceProps) {
  const camera = useRef(start);
  const [rested, setRested] = useState(start);
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const marks = useRef<HTMLDivElement>(null);
  const begin = writeCamera(start);
  const found = useDots(pins && settled && begin === writeCamera(rested) ? rested : null, size);
  const dots = useMemo(() => circles((pins && found.data?.rows) || NONE, rested), [pins, found.data, rested]);
  const drawn = useRef(start);
  const paint = useRef<(moving: boolean) => void>(() => undefined);
  paint.current = (moving) => {
    if (!canvas.current || !marks.current || !frame.current) return;
    const moved = moving ? shifted(drawn.current, camera.current, size) : null;
    canvas.current.style.transform = moved ?? "none";
    if (!moved) {
      draw(canvas.current, camera.current, base, units, shades, colours(frame.current));
      drawn.current = camera.current;
    }
    const scale = scaleOf(camera.current.zoom);
    const grown = 2 ** (camera.current.zoom - rested.zoom);
    const left = size.width / 2 - (camera.current.x - rested.x) * scale;
    const top = size.height / 2 - (camera.current.y - rested.y) * scale;
    marks.current.style.transform = `translate(${left}px, ${top}px) scale(${grown})`;
  };
  const soon = useRef(0);
  const repaint = (moving: boolean): void => {
    cancelAnimationFrame(soon.current);
    soon.current = requestAnimationFrame(() => paint.current(moving));
  };
  const rest = (): void => {
    setRested(camera.current);
    change({ at: writeCamera(camera.current) }, { replace: true });
  };
  const to = (next: Camera): void => {
    camera.current = bounded(next);
    repaint(true);
    rest();
  };
  // Before the browser paints: land, dots and names change their place together, or not at all.
  useLayoutEffect(() => {
    // Another place than where the map is: of the address, or where all of a new selection is.
    if (begin === writeCamera(camera.current)) return;
    camera.current = start;
    setRested(start);
  }, [begin]);
  useEffect(() => {
    if (!frame.current) return undefined;
    const move = (next: Camera): void => {
      camera.current = next;
      repaint(true);
    };
    return movable(frame.current, () => camera.current, move, rest);
  }, []);
  useLayoutEffect(() => {
    paint.current(false);
  }, [base, units, shades, size, rested]);
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const anew = (): void => repaint(false);
    const watch = new MutationObserver(anew);
    watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    dark.addEventListener("change", anew);
    return () => {
      watch.disconnect();
      dark.removeEventListener("change", anew);
    };
  }, []);

  return (
    <>
      <div class="map-frame" ref={frame} tabIndex={0} role="application" aria-label={t("map_label")}>
        <canvas ref={canvas} aria-hidden="true" />
        <div class="marks" ref={marks}>
          <Names shades={shades} dots={dots} camera={rested} />
          <Dots dots={dots} open={open} />
        </div>
      </div>
      <div class="map-buttons">
        <button type="button" onClick={() => to({ ...camera.current, zoom: camera.current.zoom + 1 })} aria-label={t("map_zoom_in")}>
          +
        </button>
        <button type="button" onClick={() => to({ ...camera.current, zoom: camera.current.zoom - 1 })} aria-label={t("map_zoom_out")}>
          −
        </button>
        <button type="button" onClick={() => change({ at: null }, { replace: true })} aria-label={t("map_fit")} title={t("map_fit")}>
          ⤢
        </button>
      </div>
      {found.error || found.pause ? (
        <div class="map-told">
          <Status answer={found}>{null}</Status>
        </div>
      ) : (
        (busy || found.loading) && (
          <div class="map-busy" role="status">
            {t("loading")} …
          </div>
        )
      )}
    </>
  );
}

const style = ({ x, y }: { x: number; y: number }): { left: string; top: string } => ({ left: `${x.toFixed(1)}px`, top: `${y.toFixed(1)}px` });

function Names({ shades, dots, camera }: { shades: Shade[]; dots: Dot[]; camera: Camera }) {
  const shown = useMemo(() => names(shades, dots, camera), [shades, dots, camera]);
  return (
    <>
      {shown.map((one) => (
        <span key={one.code} class="area-name" style={style(one)} aria-hidden="true">
          {one.text} <b>{number(one.incidents)}</b>
        </span>
      ))}
    </>
  );
}

/** The cells that hold precise points, as fine as the map is now; not asked for before it is known where it is. */
function useDots(camera: Camera | null, size: Size): Answer<Totals> {
  const more: [string, string][] = [["zoom", String(Math.max(2, Math.min(20, Math.round(camera?.zoom ?? 0) + 2)))]];
  const box = camera && around(camera, size);
  if (box && !values("bbox").length) more.push(["bbox", box]);
  // What is known only roughly is no dot, even where the list takes it.
  return useAnswer<Totals>(camera && countsUrl("cell", more, without("max_precision")));
}

/** A button for each dot. */
function Dots({ dots, open }: { dots: Dot[]; open: (row: Row) => void }) {
  return (
    <>
      {dots.map(({ row, size, ...at }) => (
        <button
          key={row.key.cell}
          type="button"
          class={row.incidents === 1 ? "dot one" : "dot"}
          style={{ ...style(at), "--size": `${size}px` }}
          aria-label={row.incidents === 1 ? t("map_dot_one") : t("map_dot", { n: row.incidents })}
          onClick={() => open(row)}
        >
          {row.incidents > 1 && short(row.incidents)}
        </button>
      ))}
    </>
  );
}

const short = (count: number): string => (count < 1000 ? String(count) : `${number(Math.round(count / 100) / 10)}k`);

/** The box to ask for: what the map shows and as much again around it, in steps, so that small moves ask nothing new. */
function around(camera: Camera, size: Size): string | null {
  if (camera.zoom < 4) return null;
  const scale = scaleOf(camera.zoom);
  const step = 2 ** -Math.floor(camera.zoom);
  const [left, right] = [camera.x - size.width / scale, camera.x + size.width / scale].map((x) => Math.round(x / step) * step);
  const [top, bottom] = [camera.y - size.height / scale, camera.y + size.height / scale].map((y) => Math.round(y / step) * step);
  const clamp = (value: number, edge: number): string => Math.max(-edge, Math.min(edge, value)).toFixed(4);
  return [clamp(toLon(left ?? 0), 180), clamp(toLat(bottom ?? 1), 90), clamp(toLon(right ?? 1), 180), clamp(toLat(top ?? 0), 90)].join(",");
}

/** What lies in a cell. */
function Here({ row, close }: { row: Row; close: () => void }) {
  const cell = row.key.cell ?? "";
  const box: [string, string][] = [["bbox", cell], ["limit", String(LISTED)], ["fields", "title,date,type"]];
  const answer = useAnswer<Page<Incident>>(listUrl("/v1/incidents", box, without("bbox")));
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [cell]);
  return (
    <section class="here">
      <h2 ref={heading} tabIndex={-1}>
        {t("map_here")}: {number(row.incidents)}
      </h2>
      <button type="button" class="close" onClick={close} aria-label={t("close")}>
        ×
      </button>
      <Status answer={answer}>
        <ul class="plain">
          {answer.data?.items.map((one) => (
            <li key={one.id}>
              <a href={`/incidents/${one.id}`}>{one.title ?? label("incident_type", one.type)}</a>
              <small>{inWords(one.date)}</small>
            </li>
          ))}
        </ul>
        {row.incidents > LISTED && <p>{t("more_there", { n: row.incidents - LISTED })}</p>}
        <button type="button" onClick={() => change({ bbox: cell })}>
          {t("map_filter_here")}
        </button>
      </Status>
    </section>
  );
}

/** What has no pin, as a list of areas to filter by. */
function Rough({ areas, unlocated }: { areas: Area[]; unlocated: number }) {
  const [all, setAll] = useState(false);
  const shown = areas.slice(0, all ? areas.length : LISTED_AREAS);
  const names = useNames("admin1", shown.filter(({ param }) => param === "admin1").map(({ code }) => code));
  return (
    <section class="rough">
      <h2>
        <span class="hatch-sample" aria-hidden="true" /> {t("map_coarse")}
      </h2>
      <p class="hint">{t("map_coarse_told")}</p>
      <ul class="plain counts">
        {shown.map(({ param, code, incidents }) => (
          <li key={code}>
            <button type="button" aria-pressed={values(param).includes(code)} onClick={() => toggle(param, code)}>
              <span>{param === "country" ? t("somewhere_in", { place: country(code) }) : (names.get(code) ?? code)}</span>
              <b>{number(incidents)}</b>
            </button>
          </li>
        ))}
        {unlocated > 0 && (
          <li class="unlocated">
            <a href={nowhereAddress()}>{t("map_unlocated")}</a> <b>{number(unlocated)}</b>
          </li>
        )}
      </ul>
      {areas.length > LISTED_AREAS && (
        <button type="button" class="link" onClick={() => setAll(!all)}>
          {all ? t("facet_less") : t("facet_more", { n: areas.length })}
        </button>
      )}
    </section>
  );
}
