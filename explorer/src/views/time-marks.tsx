// Each incident in time: a dot for a day, a bar for a span within which it happened or which it lasted; links to the records.
import type { Incident } from "../api/types";
import { dayNumber, inWords } from "../format/dates";
import { label, t } from "../i18n";
import { type Lane, lanes } from "./lanes";
import { Axis, Brush, type Span } from "./time-scale";

const LANE_HIGH = 18;

/** Whether a kind of date means that something lasted, not that it happened some day within. */
export const lasted = (kind: string | undefined): boolean => kind === "interval" || kind === "ongoing";

/** What dots and bars mean. */
export function Legend() {
  return (
    <p class="hint legend">
      {(["day", "within", "lasted", "open"] as const).map((one) => (
        <span key={one}>
          <i class={one} /> {t(`time_${one}`)}
        </span>
      ))}
    </p>
  );
}

/** `chosen`: the time that is asked for, as far as it has ends. */
export function Marks({ items, chosen: [from, to], choose }: { items: Incident[]; chosen: readonly [number | null, number | null]; choose: (span: Span) => void }) {
  const dated = items.filter((one) => one.date?.earliest ?? one.date?.latest);
  const undated = items.filter((one) => !dated.includes(one));
  const known = dated.flatMap(({ date }) => [date?.earliest, date?.latest].filter((day): day is string => Boolean(day)).map(dayNumber));
  const first = from ?? Math.min(...known);
  const last = to ?? Math.max(...known);
  const pad = Math.max(2, Math.round((last - first) * 0.04));
  const shown: Span = [first - pad, last + pad];
  return (
    <>
      <Legend />
      {dated.length > 0 && (
        <Brush shown={shown} choose={choose}>
          {(scale) => {
            const rows = lanes(dated, scale);
            const high = Math.max(...rows.map((one) => one.lane + 1)) * LANE_HIGH + 8;
            return (
              <svg width={scale.width} height={high + 22} role="group" aria-label={t("time_marks_chart")}>
                <Axis scale={scale} y={high} />
                {rows.map((row) => (
                  <Mark key={row.one.id} {...row} />
                ))}
              </svg>
            );
          }}
        </Brush>
      )}
      {undated.length > 0 && (
        <section class="undated">
          <h2>{t("time_undated_list", { n: undated.length })}</h2>
          <ul class="plain">
            {undated.map((one) => (
              <li key={one.id}>
                <a href={`/incidents/${one.id}`}>{one.title ?? label("incident_type", one.type)}</a>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Mark({ one, lane, x, wide, exact, open, text }: Lane) {
  const y = lane * LANE_HIGH + 10;
  // A span that holds its own name needs to be as high as that.
  const high = text?.inside ? 15 : 10;
  const name = `${one.title ?? label("incident_type", one.type)}: ${inWords(one.date)}`;
  return (
    <a href={`/incidents/${one.id}`} class={lasted(one.date?.kind) ? "mark lasted" : "mark"} aria-label={name}>
      <title>{name}</title>
      {exact ? (
        <circle cx={x + wide / 2} cy={y} r={wide / 2} />
      ) : (
        <rect class={open ? "span open" : "span"} x={x} y={y - high / 2} width={wide} height={high} rx={high / 2} />
      )}
      {text && (
        <text x={text.x} y={y + 4} class={!text.inside ? undefined : open ? "inside" : "inside on"}>
          {text.what}
        </text>
      )}
    </a>
  );
}
