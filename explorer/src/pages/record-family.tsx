// A whole and its parts: that they are the same people, and that the store counts them once.
import { useEffect, useState } from "preact/hooks";
import { useAnswer } from "../api/ask";
import { ask, query } from "../api/client";
import type { Incident, Page, Totals } from "../api/types";
import { brief, number, t } from "../i18n";

const MOST = 12;
type Figures = Record<string, number>;

const of = (id: string): string => `/v1/totals?${query([["filter", `id = '${id}'`]])}`;
const ofAll = (ids: string[]): string => `/v1/totals?${query([["filter", `id IN (${ids.map((id) => `'${id}'`).join(",")})`], ["include_period_totals", "true"]])}`;

const best = (totals: Totals | null): Figures =>
  Object.fromEntries(Object.entries(totals?.rows[0]?.measures ?? {}).map(([name, figure]) => [name, figure.best]));

/** What each incident says by itself, as the API adds it up within the tree of measures. */
function useFigures(ids: string[]): ReadonlyMap<string, Figures> {
  const [figures, set] = useState<ReadonlyMap<string, Figures>>(new Map());
  const wanted = ids.join(",");
  useEffect(() => {
    const stop = new AbortController();
    const each = wanted.split(",").filter(Boolean);
    Promise.all(each.map((id) => ask<Totals>(of(id), stop.signal))).then(
      (all) => stop.signal.aborted || set(new Map(each.map((id, n) => [id, best(all[n] ?? null)]))),
      () => undefined,
    );
    return () => stop.abort();
  }, [wanted]);
  return figures;
}

export function Family({ one }: { one: Incident }) {
  const above = one.relations.find((relation) => relation.type === "part_of")?.incident_id;
  const root = above ?? one.id;
  const other = useAnswer<Incident>(above ? `/v1/incidents/${above}` : null);
  const related = useAnswer<Page<Incident>>(`/v1/incidents?related_to=${root}&fields=title,relations&limit=100`);
  const whole = above ? other.data : one;
  const parts = (related.data?.items ?? []).filter((part) => part.relations.some((relation) => relation.type === "part_of" && relation.incident_id === root));
  const members = whole && parts.length && parts.length <= MOST ? [whole.id, ...parts.map((part) => part.id)] : [];
  const figures = useFigures(members);
  const together = useAnswer<Totals>(members.length ? ofAll(members) : null);
  if (!whole || !members.length) return null;
  const own = figures.get(whole.id) ?? {};
  const shared = Object.keys(own).filter((name) => name !== "affected" && parts.some((part) => figures.get(part.id)?.[name]));
  return (
    <section class="family">
      <h2>{t("parts")}</h2>
      {shared.map((name) => (
        <Sum key={name} name={name} whole={whole} own={own[name] ?? 0} parts={parts} figures={figures} together={best(together.data)[name]} here={one.id} call={ofAll(members)} />
      ))}
      {shared.length === 0 && (
        <ul class="plain rows">
          {[whole, ...parts].map((part) => (
            <li key={part.id}>
              {part.id === one.id ? <b>{part.title}</b> : <a href={`/incidents/${part.id}`}>{part.title}</a>} <small>{t(part === whole ? "whole" : "part")}</small>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface SumProps {
  name: string;
  whole: Incident;
  own: number;
  parts: Incident[];
  figures: ReadonlyMap<string, Figures>;
  together: number | undefined;
  here: string;
  call: string;
}

/** The bar of the whole, the bars of its parts below it, and the sum in words. */
function Sum({ name, whole, own, parts, figures, together, here, call }: SumProps) {
  const each = parts.map((part) => ({ part, figure: figures.get(part.id)?.[name] ?? 0 })).filter(({ figure }) => figure > 0);
  const sum = each.reduce((total, { figure }) => total + figure, 0);
  const most = Math.max(own, sum, 1);
  const rest = own - sum;
  const naive = own + sum;
  const manner = (part: Incident): string => {
    const own = Object.keys(figures.get(part.id) ?? {}).filter((measure) => measure !== "affected" && measure !== name);
    const finer = own.find((measure) => figures.get(part.id)?.[measure] === figures.get(part.id)?.[name]);
    return brief("measure", finer ?? name).toLowerCase();
  };
  return (
    <div class="netting" data-measure={name}>
      <p class="equation">
        <b>{number(own)}</b> {brief("measure", name).toLowerCase()} = {each.map(({ part, figure }) => `${number(figure)} ${manner(part)}`).join(" + ")}
        {rest > 0 && ` + ${t("in_no_part", { n: number(rest) })}`}
      </p>
      <div class="bars" aria-hidden="true">
        <div class="bar-row">
          <span class="whole" style={{ width: `${(own / most) * 100}%` }}>
            {number(own)}
          </span>
        </div>
        <div class="bar-row">
          {each.map(({ part, figure }) => (
            <span key={part.id} class="piece" style={{ width: `${(figure / most) * 100}%` }}>
              {number(figure)}
            </span>
          ))}
        </div>
      </div>
      <p class="why">{t("counted_once", { naive: number(naive), right: number(together ?? Math.max(own, sum)) })}</p>
      <ul class="plain rows">
        {[{ part: whole, figure: own }, ...each].map(({ part, figure }) => (
          <li key={part.id}>
            <b>{number(figure)}</b> {part.id === here ? <strong>{part.title}</strong> : <a href={`/incidents/${part.id}`}>{part.title}</a>} <small>{t(part === whole ? "whole" : "part")}</small>
          </li>
        ))}
      </ul>
      <p class="says">
        <a href={call}>{t("sum_by_api")}</a>
      </p>
    </div>
  );
}
