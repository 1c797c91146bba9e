// The map: precise points as dots, what is known only roughly as hatched areas, what has no place as a number.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAnswer } from "../api/ask";
import type { Incident, Page, Row, Totals } from "../api/types";
import { inWords } from "../format/dates";
import { country, label, number, t } from "../i18n";
import { colours, draw, type Shade } from "../map/draw";
import { type Box, type Camera, fitting, readCamera, scaleOf, toLat, toLon, toX, toY, writeCamera } from "../map/mercator";
import { boxOf, countries, type Shape, unitsOf } from "../map/shapes";
import { movable } from "../map/surface";
import { Status } from "../parts/status";
import { address } from "../state/address";
import { change, countsUrl, filter, listUrl, toggle, values, without } from "../state/filter";

/** Precisions at which a point is a place; as `max_precision` has them when it is left out. */
const PRECISE = new Set(["exact", "vicinity", "locality", "city"]);
const WORLD: Box = [-125, -35, 60, 60];
const LISTED = 12;

interface Area {
  param: "country" | "admin1";
  code: string;
  incidents: number;
}

/** What the rows by precision, country and unit say: areas, how many are precise, how many have no place. */
function sorted(rows: Row[]): { areas: Area[]; precise: number; unlocated: number; countries: string[] } {
  const areas = new Map<string, Area>();
  const seen = new Set<string>();
  let precise = 0;
  let unlocated = 0;
  for (const { key, incidents } of rows) {
    if (key.country) seen.add(key.country);
    const code = key.admin1 ?? key.country;
    if (PRECISE.has(key.precision ?? "")) precise += incidents;
    else if (!code || !key.country) unlocated += incidents;
    else {
      const known = areas.get(code) ?? { param: key.admin1 ? ("admin1" as const) : ("country" as const), code, incidents: 0 };
      areas.set(code, { ...known, incidents: known.incidents + incidents });
    }
  }
  return { areas: [...areas.values()].sort((one, other) => other.incidents - one.incidents), precise, unlocated, countries: [...seen] };
}

/** Shapes of all countries and of the units of those named. */
function useShapes(named: string[]): { base: Shape[]; units: Shape[] } {
  const [base, setBase] = useState<Shape[]>([]);
  const [units, setUnits] = useState<Shape[]>([]);
  const wanted = named.slice(0, 30).join(",");
  useEffect(() => {
    countries().then(setBase, () => setBase([]));
  }, []);
  useEffect(() => {
    let current = true;
    Promise.all(wanted.split(",").filter(Boolean).map(unitsOf)).then((found) => current && setUnits(found.flat()), () => undefined);
    return () => {
      current = false;
    };
  }, [wanted]);
  return { base, units };
}

export function MapView() {
  const rough = useAnswer<Totals>(countsUrl("precision,country,admin1"));
  const { areas, precise, unlocated, countries: named } = useMemo(() => sorted(rough.data?.rows ?? []), [rough.data]);
  const { base, units } = useShapes(named);
  const overview = useAnswer<Totals>(countsUrl("cell", [["zoom", "4"]]));
  const frame = useRef<HTMLDivElement>(null);
  const size = useSize(frame);
  const told = readCamera(address.value.params.get("at"));
  const fit = useMemo(() => (size ? home(overview.data?.rows ?? [], areas, base, units, size) : null), [overview.data, areas, base, units, size]);
  const [here, setHere] = useState<Row | null>(null);
  const asked = filter.value.map(String).join("&");
  useEffect(() => setHere(null), [asked]);

  return (
    <div class="map-view">
      <div class="map" ref={frame}>
        {size && fit && (
          <Surface
            key={told ? "own" : `fit ${asked} ${fit.zoom.toFixed(1)}`}
            start={told ?? fit}
            fit={fit}
            base={base}
            units={units}
            areas={areas}
            size={size}
            open={setHere}
          />
        )}
        {(rough.loading || overview.loading) && <div class="map-busy">{t("loading")} …</div>}
      </div>
      <aside class="map-side" aria-label={t("map_coarse")}>
        <Status answer={rough}>
          {here && <Here row={here} close={() => setHere(null)} />}
          <p class="map-precise">
            <span class="dot-sample" aria-hidden="true" /> {precise ? t("map_precise", { n: precise }) : t("map_none_precise")}
          </p>
          {(areas.length > 0 || unlocated > 0) && <Rough areas={areas} unlocated={unlocated} units={units} />}
          <p class="credit">{t("map_credit")}</p>
        </Status>
      </aside>
    </div>
  );
}

/** The camera that shows everything: dots and areas, or the areas alone. */
function home(rows: Row[], areas: Area[], base: Shape[], units: Shape[], size: { width: number; height: number }): Camera {
  const boxes: Box[] = rows.flatMap(({ point }) => (point ? [[point.lon - 1, point.lat - 1, point.lon + 1, point.lat + 1] as Box] : []));
  const codes = new Set(areas.map((area) => area.code));
  const around = boxOf([...units, ...base].filter((shape) => codes.has(shape.code)));
  if (around) boxes.push(around);
  if (!boxes.length) return fitting(WORLD, size.width, size.height);
  const [wests, souths, easts, norths] = [0, 1, 2, 3].map((n) => boxes.map((box) => box[n] ?? 0));
  const box: Box = [Math.min(...(wests ?? [])), Math.min(...(souths ?? [])), Math.max(...(easts ?? [])), Math.max(...(norths ?? []))];
  return fitting(box, size.width, size.height);
}

function useSize(of: { current: HTMLElement | null }): { width: number; height: number } | null {
  const [size, set] = useState<{ width: number; height: number } | null>(null);
  useEffect(() => {
    if (!of.current) return undefined;
    const watch = new ResizeObserver(([entry]) => entry && set({ width: entry.contentRect.width, height: entry.contentRect.height }));
    watch.observe(of.current);
    return () => watch.disconnect();
  }, [of]);
  return size;
}

interface SurfaceProps {
  start: Camera;
  fit: Camera;
  base: Shape[];
  units: Shape[];
  areas: Area[];
  size: { width: number; height: number };
  open: (row: Row) => void;
}

/** The part that moves: canvas below, buttons above. */
function Surface({ start, fit, base, units, areas, size, open }: SurfaceProps) {
  const camera = useRef(start);
  const [rested, setRested] = useState(start);
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const marks = useRef<HTMLDivElement>(null);
  const shades = useMemo<Shade[]>(() => {
    const shapes = new Map([...base, ...units].map((shape) => [shape.code, shape]));
    const most = Math.max(1, ...areas.map((area) => area.incidents));
    return areas.flatMap(({ code, incidents }) => {
      const shape = shapes.get(code);
      return shape ? [{ shape, weight: Math.sqrt(incidents / most) }] : [];
    });
  }, [areas, base, units]);

  const paint = useRef<() => void>(() => undefined);
  paint.current = () => {
    if (!canvas.current || !marks.current || !frame.current) return;
    draw(canvas.current, camera.current, base, units, shades, colours(frame.current));
    const scale = scaleOf(camera.current.zoom);
    const grown = 2 ** (camera.current.zoom - rested.zoom);
    const left = size.width / 2 - (camera.current.x - rested.x) * scale;
    const top = size.height / 2 - (camera.current.y - rested.y) * scale;
    marks.current.style.transform = `translate(${left}px, ${top}px) scale(${grown})`;
  };
  const soon = useRef(0);
  const repaint = (): void => {
    cancelAnimationFrame(soon.current);
    soon.current = requestAnimationFrame(() => paint.current());
  };
  const rest = (): void => {
    setRested(camera.current);
    change({ at: writeCamera(camera.current) }, { replace: true });
  };
  const to = (next: Camera): void => {
    camera.current = next;
    repaint();
    rest();
  };
  useEffect(() => {
    if (!frame.current) return undefined;
    const move = (next: Camera): void => {
      camera.current = next;
      repaint();
    };
    return movable(frame.current, () => camera.current, move, rest);
  }, []);
  useEffect(() => {
    paint.current();
  }, [base, units, shades, size, rested]);
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const watch = new MutationObserver(repaint);
    watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    dark.addEventListener("change", repaint);
    return () => {
      watch.disconnect();
      dark.removeEventListener("change", repaint);
    };
  }, []);

  return (
    <>
      <div class="map-frame" ref={frame} tabIndex={0} role="application" aria-label={t("map_label")}>
        <canvas ref={canvas} aria-hidden="true" />
        <div class="marks" ref={marks}>
          <Names shades={shades} areas={areas} camera={rested} />
          <Dots camera={rested} size={size} open={open} />
        </div>
      </div>
      <div class="map-buttons">
        <button type="button" onClick={() => to({ ...camera.current, zoom: camera.current.zoom + 1 })} aria-label={t("map_zoom_in")}>
          +
        </button>
        <button type="button" onClick={() => to({ ...camera.current, zoom: camera.current.zoom - 1 })} aria-label={t("map_zoom_out")}>
          −
        </button>
        <button type="button" onClick={() => to(fit)} aria-label={t("map_fit")} title={t("map_fit")}>
          ⤢
        </button>
      </div>
    </>
  );
}

/** Where something stands among the marks: pixels from the middle of the map at rest. */
const placed = (x: number, y: number, camera: Camera): { left: string; top: string } => ({
  left: `${((x - camera.x) * scaleOf(camera.zoom)).toFixed(1)}px`,
  top: `${((y - camera.y) * scaleOf(camera.zoom)).toFixed(1)}px`,
});

/** The names of hatched areas that are large enough on the screen to hold them. */
function Names({ shades, areas, camera }: { shades: Shade[]; areas: Area[]; camera: Camera }) {
  const counts = new Map(areas.map((area) => [area.code, area.incidents]));
  const room = shades.filter(({ shape }) => (shape.bounds.x1 - shape.bounds.x0) * scaleOf(camera.zoom) > 70);
  return (
    <>
      {room.map(({ shape }) => (
        <span key={shape.code} class="area-name" style={placed(shape.middle.x, shape.middle.y, camera)} aria-hidden="true">
          {shape.code.length === 2 ? country(shape.code) : shape.name} <b>{number(counts.get(shape.code) ?? 0)}</b>
        </span>
      ))}
    </>
  );
}

/** One button for each cell that holds precise points, at their middle. */
function Dots({ camera, size, open }: { camera: Camera; size: { width: number; height: number }; open: (row: Row) => void }) {
  const zoom = Math.max(2, Math.min(20, Math.round(camera.zoom) + 2));
  const box = around(camera, size);
  const more: [string, string][] = [["zoom", String(zoom)]];
  if (box && !values("bbox").length) more.push(["bbox", box]);
  const { data } = useAnswer<Totals>(countsUrl("cell", more));
  const rows = (data?.rows ?? []).filter((row) => row.point);
  return (
    <>
      {rows.map((row) => (
        <button
          key={row.key.cell}
          type="button"
          class={row.incidents === 1 ? "dot one" : "dot"}
          style={{ ...placed(toX(row.point?.lon ?? 0), toY(row.point?.lat ?? 0), camera), "--size": `${Math.round(14 + 7 * Math.log2(row.incidents))}px` }}
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
function around(camera: Camera, size: { width: number; height: number }): string | null {
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
function Rough({ areas, unlocated, units }: { areas: Area[]; unlocated: number; units: Shape[] }) {
  const names = new Map(units.map((shape) => [shape.code, shape.name]));
  const [all, setAll] = useState(false);
  return (
    <section class="rough">
      <h2>
        <span class="hatch-sample" aria-hidden="true" /> {t("map_coarse")}
      </h2>
      <p class="hint">{t("map_coarse_told")}</p>
      <ul class="plain counts">
        {areas.slice(0, all ? areas.length : 8).map(({ param, code, incidents }) => (
          <li key={code}>
            <button type="button" aria-pressed={values(param).includes(code)} onClick={() => toggle(param, code)}>
              <span>{param === "country" ? t("somewhere_in", { place: country(code) }) : (names.get(code) ?? code)}</span>
              <b>{number(incidents)}</b>
            </button>
          </li>
        ))}
        {unlocated > 0 && (
          <li class="unlocated">
            <span>{t("map_unlocated")}</span> <b>{number(unlocated)}</b>
          </li>
        )}
      </ul>
      {areas.length > 8 && (
        <button type="button" class="link" onClick={() => setAll(!all)}>
          {all ? t("facet_less") : t("facet_more", { n: areas.length })}
        </button>
      )}
    </section>
  );
}
