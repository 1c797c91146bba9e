// One incident: what is claimed, by whom, in which words, and why the figures are what they are.
import { useAnswer } from "../api/ask";
import type { Captivity, Evidence, Incident, Page, Participation, Place, Source } from "../api/types";
import { inWords } from "../format/dates";
import { span } from "../format/figures";
import { label, meaning, number, t, withCountry } from "../i18n";
import { CopyButton } from "../parts/dialog";
import { where } from "../views/table";
import { History } from "./history";
import { Claims } from "./record-claims";
import { Family } from "./record-family";
import { Relations } from "./record-relations";
import { Shell } from "./record-shell";
import { Facts, sourceTitle } from "./kinds";

export type Sources = ReadonlyMap<string, Source>;

export function RecordPage({ id }: { id: string }) {
  const answer = useAnswer<Incident>(`/v1/incidents/${id}`);
  const one = answer.data;
  const linked = useAnswer<Page<Incident>>(one ? `/v1/incidents?filter=id = '${one.id}'&fields=title&include=sources` : null);
  const sources: Sources = new Map((linked.data?.included?.sources ?? []).map((source) => [source.id, source]));
  const contested = one?.tallies.some((tally) => tally.contested);
  return (
    <Shell kind="incidents" id={id} answer={answer}>
      {one && (
        <>
          <Head one={one} />
          {/* What the reader stumbles over comes first: two figures for one thing, else a whole beside its parts. */}
          {contested && <Claims one={one} sources={sources} />}
          <Family one={one} />
          {!contested && <Claims one={one} sources={sources} />}
          <div class="two">
            <div>
              <When one={one} sources={sources} />
              <Where places={one.locations} sources={sources} />
              {one.captivity && <Held as={one.captivity} sources={sources} />}
              {one.evidence.length > 0 && (
                <section>
                  <h2>{t("rests_on")}</h2>
                  <Words evidence={one.evidence} sources={sources} />
                </section>
              )}
            </div>
            <Who actors={one.actors} sources={sources} />
          </div>
          <Relations one={one} />
          <History at={`/v1/incidents/${one.id}`} one={one} />
        </>
      )}
    </Shell>
  );
}

function Head({ one }: { one: Incident }) {
  return (
    <div class="head">
      <p class="crumbs">
        <a href="/">{t("nav_explore")}</a> › {label("incident_type", one.type)}
      </p>
      <h1>{one.title ?? label("incident_type", one.type)}</h1>
      <p class="gist">
        <b>{inWords(one.date)}</b> · {where(one)}
      </p>
      <p class="badges">
        {[one.type, ...one.secondary_types].map((code) => (
          <span key={code} class="badge" title={meaning("incident_type", code)}>
            {label("incident_type", code)}
          </span>
        ))}
        {one.granularity !== "single" && (
          <span class="badge strong" title={meaning("granularity", one.granularity)}>
            {label("granularity", one.granularity)}
          </span>
        )}
        {one.stage !== "accomplished" && <span class="badge">{label("stage", one.stage)}</span>}
        <span class="badge" title={meaning("review_status", one.review.status)}>
          {label("review_status", one.review.status)}
        </span>
        {one.tags.map((tag) => (
          <a key={tag} class="badge" href={`/?tag=${encodeURIComponent(tag)}`}>
            {tag}
          </a>
        ))}
        <CopyButton text={`${location.origin}/incidents/${one.id}`} name={t("copy_link")} />
      </p>
      {one.summary && <p class="lead">{one.summary}</p>}
    </div>
  );
}

/** The words that something rests on, each with its source. */
export function Words({ evidence, sources }: { evidence: Evidence[] | undefined; sources: Sources }) {
  return (
    <>
      {(evidence ?? []).map(({ source_id: id, quote }) => (
        <div class="words" key={`${id}${quote?.start}${quote?.text}`}>
          {quote && <blockquote>“{quote.text}”</blockquote>}
          {sources.size > 1 && <SourceLink id={id} sources={sources} />}
        </div>
      ))}
    </>
  );
}

/** The link to a source, by its title. */
export function SourceLink({ id, sources }: { id: string; sources: Sources }) {
  const source = sources.get(id);
  return (
    <a class="source" href={`/sources/${id}`}>
      {source ? sourceTitle(source) : t("source")}
      {source?.published?.edtf && <small> {inWords(source.published)}</small>}
    </a>
  );
}

function Where({ places, sources }: { places: Place[]; sources: Sources }) {
  return (
    <section>
      <h2>{t("col_where")}</h2>
      {places.length === 0 && <p class="hint">{t("where_unknown")}</p>}
      <ul class="plain things">
        {places.map((place) => (
          <li key={place.role + place.location_id}>
            <p>
              <a href={`/locations/${place.location_id}`}>{place.name}</a>
              {withCountry(place.name, place.country).slice(place.name.length)}
            </p>
            <p class="says">
              {label("location_role", place.role)} · {label("location_precision", place.precision)}
            </p>
            <Words evidence={place.evidence} sources={sources} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** How people were held: what is known of it, and the words for it. */
function Held({ as: told, sources }: { as: Captivity; sources: Sources }) {
  const { days_low: low, days_high: high, ransom_amount: ransom } = told;
  const known = (code: string | null): string | null => (code === "unknown" ? null : code);
  return (
    <section>
      <h2>{t("captivity")}</h2>
      <Facts
        rows={[
          [t("captivity_setting"), known(told.setting) && label("captivity_setting", told.setting)],
          [t("captivity_days"), (low ?? high) === null ? null : span({ low, best: null, high })],
          [t("captivity_outcome"), known(told.outcome) && label("captivity_outcome", told.outcome)],
          [t("ransom_demanded"), label("answer", told.ransom_demanded)],
          [t("ransom_paid"), label("answer", told.ransom_paid)],
          [t("ransom_amount"), ransom && `${number(ransom.amount)} ${ransom.currency}`],
        ]}
      />
      <Words evidence={told.evidence} sources={sources} />
    </section>
  );
}

/** Attributions that are weaker than a plain report. */
const WEAK = new Set(["claimed_by_actor", "accused_by_authority", "accused_by_party", "alleged", "possible", "inferred_by_coder", "denied", "contested"]);

function Who({ actors, sources }: { actors: Participation[]; sources: Sources }) {
  return (
    <section>
      <h2>{t("who")}</h2>
      {actors.length === 0 && <p class="hint">{t("who_unknown")}</p>}
      <ul class="plain things">
        {actors.map((actor) => (
          <li key={actor.role + actor.actor_id}>
            <p>
              <a href={`/actors/${actor.actor_id}`}>{actor.name}</a> <span class="badge">{label("actor_role", actor.role)}</span>{" "}
              <span class={WEAK.has(actor.attribution) ? "badge weak" : "badge"} title={meaning("attribution", actor.attribution)}>
                {label("attribution", actor.attribution)}
              </span>
            </p>
            {actor.attributed_to && <p class="says">{t("says", { who: actor.attributed_to })}</p>}
            <Words evidence={actor.evidence} sources={sources} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function When({ one, sources }: { one: Incident; sources: Sources }) {
  if (!one.date) return null;
  return (
    <section>
      <h2>{t("col_date")}</h2>
      <p>
        <b>{inWords(one.date)}</b> <code>{one.date.edtf}</code>
      </p>
      <p class="says">
        {label("date_precision", one.date.precision)}
        {one.date.basis && ` · ${label("date_basis", one.date.basis)}`}
      </p>
      <Words evidence={one.date.evidence} sources={sources} />
    </section>
  );
}
