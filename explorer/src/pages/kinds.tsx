// Actors, sources, statistics and locations: each kind as a list to search, and each record as a page of its own.
import { useState } from "preact/hooks";
import { useAnswer } from "../api/ask";
import { query } from "../api/client";
import type { Actor, Codebook, Incident, Location, Page, Source, Statistic, Totals } from "../api/types";
import { inWords } from "../format/dates";
import { claimed, span } from "../format/figures";
import { brief, country, label, listLabel, number, t, tongue } from "../i18n";
import { Empty, Status } from "../parts/status";
import { told } from "../parts/summary";
import { useNames } from "../parts/names";
import { address, go } from "../state/address";
import { History } from "./history";
import { Shell } from "./record-shell";

type Any = Actor | Source | Statistic | Location;

const PAGE = 50;

export function KindPage({ kind, id }: { kind: string; id: string | null }) {
  return id ? <One kind={kind} id={id} /> : <List kind={kind} />;
}

const TITLES: Record<string, "nav_actors" | "nav_sources" | "nav_statistics" | "nav_places"> = {
  actors: "nav_actors",
  sources: "nav_sources",
  statistics: "nav_statistics",
  locations: "nav_places",
};

/** What can be narrowed down by, beside words: a parameter and its code list. */
const NARROWED: Record<string, [param: string, codes: string]> = {
  actors: ["type", "actor_type"],
  sources: ["assessment", "assessment"],
  locations: ["kind", "location_kind"],
};

function List({ kind }: { kind: string }) {
  const params = [...address.value.params].filter(([name]) => name !== "lang");
  const asked = query([...params, ["limit", String(PAGE)], ["count", "exact"]]);
  const answer = useAnswer<Page<Any>>(`/v1/${kind}?${asked}`);
  const [words, setWords] = useState(address.value.params.get("q") ?? "");
  const to = (changes: Record<string, string>): void => {
    const pairs = params.filter(([name]) => !(name in changes) && name !== "cursor");
    go(`/${kind}?${query([...pairs, ...Object.entries(changes)])}`);
  };
  const title = t(TITLES[kind] ?? "nav_actors");
  const narrowed = NARROWED[kind];
  return (
    <div class="kind">
      <h1>{title}</h1>
      <form
        class="ask"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          to({ q: words });
        }}
      >
        <input type="search" value={words} aria-label={t("facet_find", { what: title })} placeholder={t("facet_find", { what: title })} onInput={(event) => setWords(event.currentTarget.value)} />
        {narrowed && <Choice kind={kind} param={narrowed[0]} codes={narrowed[1]} choose={(value) => to({ [narrowed[0]]: value })} />}
      </form>
      <Status answer={answer} shape="rows">
        {answer.data?.items.length ? (
          <>
            <ul class="plain rows">
              {answer.data.items.map((one) => (
                <li key={one.id}>
                  <Line kind={kind} one={one} />
                </li>
              ))}
            </ul>
            <nav class="pages" aria-label={t("paging")}>
              <span>{t("shown_of", { n: answer.data.items.length, total: answer.data.total ?? 0 })}</span>
              {answer.data.next && (
                <a href={`/${kind}?${query([...params.filter(([name]) => name !== "cursor"), ["cursor", new URL(answer.data.next, location.origin).searchParams.get("cursor") ?? ""]])}`}>
                  {t("page_next")} →
                </a>
              )}
            </nav>
          </>
        ) : (
          <Empty />
        )}
      </Status>
    </div>
  );
}

/** A menu of the codes of a list. */
function Choice({ kind, param, codes, choose }: { kind: string; param: string; codes: string; choose: (value: string) => void }) {
  const list = useAnswer<Codebook>("/v1/codebook").data?.lists.find((one) => one.list === codes);
  return (
    <select aria-label={list ? listLabel(list) : t("filters")} value={address.value.params.get(param) ?? ""} key={kind} onChange={(event) => choose(event.currentTarget.value)}>
      <option value="">{t("all")}</option>
      {list?.codes.map(({ code }) => (
        <option key={code} value={code}>
          {label(codes, code)}
        </option>
      ))}
    </select>
  );
}

/** A record in one line of a list. */
function Line({ kind, one }: { kind: string; one: Any }) {
  const to = `/${kind}/${one.id}`;
  if (kind === "actors") {
    const actor = one as Actor;
    return (
      <>
        <a href={to}>{actor.name}</a> <small>{[label("actor_type", actor.type), actor.country && country(actor.country), actor.identified ? "" : t("unnamed")].filter(Boolean).join(" · ")}</small>
      </>
    );
  }
  if (kind === "sources") {
    const source = one as Source;
    return (
      <>
        <a href={to}>{sourceTitle(source)}</a> <small>{[source.publisher, label("source_kind", source.kind), inWords(source.published)].filter(Boolean).join(" · ")}</small>{" "}
        {source.assessment && <span class={`badge ${source.assessment}`}>{label("assessment", source.assessment)}</span>}
      </>
    );
  }
  if (kind === "statistics") {
    const statistic = one as Statistic;
    return (
      <>
        <a href={to}>{words(statistic.indicator)}</a> <b>{statistic.claims.map(claimed).join(" / ")}</b>{" "}
        <small>{[statistic.area?.country ? country(statistic.area.country) : statistic.area?.name, inWords(statistic.period)].filter(Boolean).join(" · ")}</small>
      </>
    );
  }
  const place = one as Location;
  return (
    <>
      <a href={to}>{place.name}</a> <small>{[label("location_kind", place.kind), place.country && country(place.country)].filter(Boolean).join(" · ")}</small>
    </>
  );
}

const words = (code: string): string => (code.charAt(0).toUpperCase() + code.slice(1)).replaceAll("_", " ");

/** The title of a source; one without a title is named by its first external id. */
export function sourceTitle(source: Pick<Source, "title" | "kind" | "external_ids">): string {
  const [scheme, value] = Object.entries(source.external_ids)[0] ?? [];
  return source.title ?? `${label("source_kind", source.kind)}${scheme ? ` (${scheme}:${value})` : ""}`;
}

/** The parameter of incidents that finds those of a record of a kind. */
const OF_INCIDENTS: Record<string, string> = { actors: "actor", sources: "source", locations: "location" };

function One({ kind, id }: { kind: string; id: string }) {
  const answer = useAnswer<Any>(`/v1/${kind}/${id}`);
  const param = OF_INCIDENTS[kind];
  return (
    <Shell kind={kind} id={id} answer={answer}>
      {answer.data && (
        <>
          <p class="crumbs">
            <a href={`/${kind}`}>{t(TITLES[kind] ?? "nav_actors")}</a>
          </p>
          {kind === "actors" && <ActorBody one={answer.data as Actor} />}
          {kind === "sources" && <SourceBody one={answer.data as Source} />}
          {kind === "statistics" && <StatisticBody one={answer.data as Statistic} />}
          {kind === "locations" && <LocationBody one={answer.data as Location} />}
          {param && <Incidents param={param} id={id} />}
          {kind === "sources" && <StatisticsOf id={id} />}
          <History at={`/v1/${kind}/${answer.data.id}`} one={answer.data} />
        </>
      )}
    </Shell>
  );
}

/** Names and values; what has no value is left out. */
export function Facts({ rows }: { rows: (readonly [string, preact.ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {rows
        .filter(([, value]) => value !== null && value !== undefined && value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

const aliases = (names: (string | { name: string; used?: string | null })[]): string =>
  names.map((one) => (typeof one === "string" ? one : one.used ? `${one.name} (${one.used})` : one.name)).join(", ");

function ActorBody({ one }: { one: Actor }) {
  const names = useNames("actor", one.parent_id ? [one.parent_id] : []);
  return (
    <>
      <h1>{one.name}</h1>
      {one.description && <p class="lead">{one.description}</p>}
      <Facts
        rows={[
          [t("facet_type"), label("actor_type", one.type)],
          [t("facet_country"), one.country && country(one.country)],
          [t("also_known"), aliases(one.aliases)],
          [t("faction_of"), one.parent_id && <a href={`/actors/${one.parent_id}`}>{names.get(one.parent_id) ?? one.parent_id}</a>],
          [t("named"), one.identified ? "" : t("unnamed_told")],
        ]}
      />
    </>
  );
}

function SourceBody({ one }: { one: Source }) {
  return (
    <>
      <h1>{sourceTitle(one)}</h1>
      {one.assessment && <p class={`verdict ${one.assessment}`}>{label("assessment", one.assessment)}</p>}
      {one.note && <p class="lead">{one.note}</p>}
      <Facts
        rows={[
          [t("facet_type"), label("source_kind", one.kind)],
          [t("publisher"), one.publisher],
          [t("author"), one.author],
          [t("published"), inWords(one.published)],
          [t("address"), one.url && <a href={one.url} rel="noreferrer">{one.url}</a>],
          [t("reliability"), one.reliability && label("reliability", one.reliability)],
          [t("licence"), one.licence],
          [t("language"), one.language && tongue(one.language)],
          [t("fingerprint"), one.fingerprint && <code>{one.fingerprint.slice(0, 16)}…</code>],
        ]}
      />
    </>
  );
}

function StatisticBody({ one }: { one: Statistic }) {
  const names = useNames("source", one.claims.flatMap((claim) => (claim.source_id ? [claim.source_id] : [])));
  return (
    <>
      <h1>{words(one.indicator)}</h1>
      <p class="lead">{t("statistic_told")}</p>
      <Facts
        rows={[
          [t("period"), inWords(one.period)],
          [t("area"), [one.area?.name, one.area?.country && country(one.area.country)].filter((text, n, all) => text && all.indexOf(text) === n).join(", ")],
        ]}
      />
      <div class="claims">
        {one.claims.map((claim) => (
          <div class="claim" key={claim.id}>
            <b class="figure">{claimed(claim)}</b>
            <div>
              {claim.quote && <blockquote>“{claim.quote.text}”</blockquote>}
              <p class="says">
                {claim.attributed_to && <>{t("says", { who: claim.attributed_to })} · </>}
                {claim.source_id && <a href={`/sources/${claim.source_id}`}>{names.get(claim.source_id) ?? t("source")}</a>}
              </p>
            </div>
          </div>
        ))}
      </div>
    </>
  );
}

function LocationBody({ one }: { one: Location }) {
  const names = useNames("location", one.parent_id ? [one.parent_id] : []);
  return (
    <>
      <h1>{one.name}</h1>
      <Facts
        rows={[
          [t("facet_type"), label("location_kind", one.kind)],
          [t("facet_country"), one.country && country(one.country)],
          [t("inside_of"), one.parent_id && <a href={`/locations/${one.parent_id}`}>{names.get(one.parent_id) ?? one.parent_id}</a>],
          [t("precision"), label("location_precision", one.precision)],
          [t("point"), one.lat !== null && one.lon !== null ? `${one.lat}, ${one.lon}` : ""],
          [t("also_known"), aliases(one.aliases)],
        ]}
      />
    </>
  );
}

/** The incidents that a record stands in: sums, the newest ones, and the way to the explorer. */
function Incidents({ param, id }: { param: string; id: string }) {
  const sums = useAnswer<Totals>(`/v1/totals?${param}=${id}`);
  const list = useAnswer<Page<Incident>>(`/v1/incidents?${param}=${id}&limit=20&fields=title,date,type,tallies`);
  const row = sums.data?.rows[0];
  const count = (row?.incidents ?? 0) + (sums.data?.excluded.period_totals ?? 0);
  return (
    <section>
      <h2>
        {number(count)} {count === 1 ? t("incident_one") : t("incidents")}
      </h2>
      <Status answer={list}>
        {row && (
          <p class="sums">
            {told(row.measures).map(([name, figure]) => (
              <span key={name}>
                <b>{span(figure)}</b> {brief("measure", name).toLowerCase()}
              </span>
            ))}
          </p>
        )}
        <ul class="plain rows">
          {list.data?.items.map((one) => (
            <li key={one.id}>
              <a href={`/incidents/${one.id}`}>{one.title ?? label("incident_type", one.type)}</a> <small>{inWords(one.date)}</small>
            </li>
          ))}
        </ul>
        {count > 0 && <a href={`/?${param}=${id}`}>{t("explore_these")} →</a>}
      </Status>
    </section>
  );
}

function StatisticsOf({ id }: { id: string }) {
  const list = useAnswer<Page<Statistic>>(`/v1/statistics?source=${id}`);
  if (!list.data?.items.length) return null;
  return (
    <section>
      <h2>{t("nav_statistics")}</h2>
      <ul class="plain rows">
        {list.data.items.map((one) => (
          <li key={one.id}>
            <Line kind="statistics" one={one} />
          </li>
        ))}
      </ul>
    </section>
  );
}
