// How an incident stands to others: a small graph, of links that say what they mean.
import { useAnswer } from "../api/ask";
import type { Incident, Page } from "../api/types";
import { label, t } from "../i18n";
import { useNames } from "../parts/names";

interface Edge {
  id: string;
  title: string;
  type: string;
  /** Whether the other one says so of this one. */
  inward: boolean;
}

const WIDE = 960;
const ROW = 58;
const BOX = 265;
const HERE = 200;
const MIDDLE = (WIDE - HERE) / 2;
const LETTERS = 38;

const cut = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

export function Relations({ one }: { one: Incident }) {
  const others = useAnswer<Page<Incident>>(`/v1/incidents?related_to=${one.id}&fields=title,relations&limit=50`);
  const names = useNames("related_to", one.relations.map((relation) => relation.incident_id));
  const outward: Edge[] = one.relations.map(({ type, incident_id: id }) => ({ id, type, title: names.get(id) ?? "…", inward: false }));
  const inward: Edge[] = (others.data?.items ?? []).flatMap((other) =>
    other.relations.filter((relation) => relation.incident_id === one.id).map(({ type }) => ({ id: other.id, type, title: other.title ?? "…", inward: true })),
  );
  if (!outward.length && !inward.length) return null;
  const rows = Math.max(outward.length, inward.length);
  const high = rows * ROW + 10;
  return (
    <section class="relations">
      <h2>{t("relations")}</h2>
      <div class="graph">
        <svg viewBox={`0 0 ${WIDE} ${high}`} width={WIDE} height={high} aria-hidden="true">
          <defs>
            <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M0 0L8 4L0 8z" />
            </marker>
          </defs>
          {inward.map((edge, n) => (
            <path key={edge.id + edge.type} class="edge" d={curve(BOX, at(n, inward.length, high), MIDDLE, high / 2)} marker-end="url(#tip)" />
          ))}
          {outward.map((edge, n) => (
            <path key={edge.id + edge.type} class="edge" d={curve(MIDDLE + HERE, high / 2, WIDE - BOX, at(n, outward.length, high))} marker-end="url(#tip)" />
          ))}
          <rect class="node here" x={MIDDLE} y={high / 2 - 22} width={HERE} height={44} rx={8} />
          <text class="here" x={WIDE / 2} y={high / 2 + 4} text-anchor="middle">
            {t("this_incident")}
          </text>
          {inward.map((edge, n) => (
            <Node key={edge.id + edge.type} edge={edge} x={0} y={at(n, inward.length, high)} />
          ))}
          {outward.map((edge, n) => (
            <Node key={edge.id + edge.type} edge={edge} x={WIDE - BOX} y={at(n, outward.length, high)} />
          ))}
        </svg>
      </div>
      <ul class="plain rows">
        {[...outward, ...inward].map((edge) => (
          <li key={edge.id + edge.type}>
            {edge.inward ? (
              <>
                <a href={`/incidents/${edge.id}`}>{edge.title}</a> → <i>{label("relation", edge.type).toLowerCase()}</i> → {t("this_incident")}
              </>
            ) : (
              <>
                {t("this_incident")} → <i>{label("relation", edge.type).toLowerCase()}</i> → <a href={`/incidents/${edge.id}`}>{edge.title}</a>
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

const at = (n: number, count: number, high: number): number => ((n + 0.5) / count) * high;

const curve = (x1: number, y1: number, x2: number, y2: number): string => `M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}`;

function Node({ edge, x, y }: { edge: Edge; x: number; y: number }) {
  return (
    <g>
      <rect class="node" x={x} y={y - 22} width={BOX} height={44} rx={8} />
      <text x={x + 10} y={y - 4} class="relation">
        {label("relation", edge.type)}
      </text>
      <text x={x + 10} y={y + 12}>
        {cut(edge.title, LETTERS)}
      </text>
    </g>
  );
}
