// Every claim beside the tally that it makes: its figure, its words, its source, and what stands against it.
import type { Claim, Incident, Tally } from "../api/types";
import { about, claimed, rank, span, wholes } from "../format/figures";
import { brief, label, meaning, number, t } from "../i18n";
import type { Sources } from "./record";
import { SourceLink } from "./record";

export function Claims({ one, sources }: { one: Incident; sources: Sources }) {
  if (!one.claims.length) return <p class="hint">{t("no_claims")}</p>;
  const first = new Set(wholes(one.tallies));
  const told = new Set(one.tallies.flatMap((tally) => tally.claims));
  // A claim that only says again what another says stands with that one.
  const restating = (id: string): Claim[] => one.claims.filter((claim) => claim.links.some((link) => link.type === "restates" && link.claim === id));
  const restated = new Set(one.claims.filter((claim) => claim.links.some((link) => link.type === "restates")).map((claim) => claim.id));
  const loose = one.claims.filter((claim) => !told.has(claim.id) && !restated.has(claim.id));
  const family = (tally: Tally): number => one.tallies.findIndex((other) => other.measure === tally.measure && other.population === tally.population);
  // What breaks a figure down stands right below it.
  const ordered = [...one.tallies].sort((a, b) => rank(a.measure) - rank(b.measure) || family(a) - family(b) || Number(first.has(b)) - Number(first.has(a)));
  return (
    <section class="claims-section">
      <h2>{t("claims")}</h2>
      {ordered.map((tally) => (
        <TallyBlock
          key={about(tally)}
          tally={tally}
          part={!first.has(tally)}
          claims={one.claims.filter((claim) => tally.claims.includes(claim.id)).flatMap((claim) => [claim, ...restating(claim.id)])}
          chosen={(one.review as { chosen?: unknown[] }).chosen?.length ? true : false}
          sources={sources}
        />
      ))}
      {loose.length > 0 && (
        <div class="tally">
          <div class="sum">
            <p class="what">{t("claims_loose")}</p>
          </div>
          <div class="claims">
            {loose.map((claim) => (
              <ClaimCard key={claim.id} claim={claim} sources={sources} what={about(claim)} />
            ))}
          </div>
        </div>
      )}
    </section>
  );
}

interface BlockProps {
  tally: Tally;
  part: boolean;
  claims: Claim[];
  chosen: boolean;
  sources: Sources;
}

function TallyBlock({ tally, part, claims, chosen, sources }: BlockProps) {
  return (
    <div class={`tally${tally.contested ? " contested" : ""}${part ? " part" : ""}`} data-measure={tally.measure}>
      <div class="sum">
        <p class="big">{tally.contested ? either(tally) : span(tally)}</p>
        <p class="what" title={meaning("measure", tally.measure)}>
          {about({ ...tally, measure: tally.measure }).replace(label("measure", tally.measure), brief("measure", tally.measure))}
        </p>
        {part && <p class="says">{t("breakdown_told")}</p>}
        <dl class="levels">
          {(["low", "best", "high"] as const).map((level) => (
            <div key={level}>
              <dt>{t(`level_${level}`)}</dt>
              <dd>{tally[level] === null ? "–" : number(tally[level])}</dd>
            </div>
          ))}
        </dl>
        {tally.contested && <Why tally={tally} claims={claims} chosen={chosen} />}
      </div>
      <div class={tally.contested ? "claims beside-each-other" : "claims"}>
        {claims.map((claim) => (
          <ClaimCard key={claim.id} claim={claim} sources={sources} best={tally.contested && claim.value !== null && claim.value === tally.best} />
        ))}
      </div>
    </div>
  );
}

/** "7,326 or 7,329" */
const either = ({ low, high }: Tally): string => (low === null || high === null ? "?" : t("either", { low: number(low), high: number(high) }));

/** Why there are two figures, and by which rule one of them is called best. */
function Why({ tally, claims, chosen }: { tally: Tally; claims: Claim[]; chosen: boolean }) {
  const best = claims.find((claim) => claim.value === tally.best);
  const others = claims.filter((claim) => claim.value !== tally.best);
  const rule = !best
    ? t("why_none")
    : chosen
      ? t("why_chosen", { best: number(tally.best ?? 0) })
      : !best.in_headline && others.every((claim) => claim.in_headline)
        ? t("why_headline", { best: number(tally.best ?? 0) })
        : t("why_rule", { best: number(tally.best ?? 0) });
  return (
    <p class="why">
      <strong>{t("contested")}</strong> {t("contested_told")} {rule}
    </p>
  );
}

function ClaimCard({ claim, sources, best = false, what }: { claim: Claim; sources: Sources; best?: boolean; what?: string }) {
  return (
    <div class={best ? "claim best" : "claim"} id={`claim-${claim.id}`}>
      <p class="figure">
        {claimed(claim)} {what && <small>{what}</small>}
        {best && <span class="badge strong">{t("level_best")}</span>}
        {claim.in_headline && <span class="badge">{t("headline")}</span>}
        {claim.links
          .filter((link) => link.type !== "breakdown_of")
          .map((link) => (
            <span key={link.type} class={`badge ${link.type}`} title={meaning("claim_link", link.type)}>
              {label("claim_link", link.type)}
            </span>
          ))}
      </p>
      {claim.quote ? <blockquote>“{claim.quote.text}”</blockquote> : <p class="hint">{t("no_quote")}</p>}
      <p class="says">
        {claim.attributed_to && <>{t("says", { who: claim.attributed_to })} · </>}
        {claim.source_id && <SourceLink id={claim.source_id} sources={sources} />}
      </p>
      {claim.note && <p class="note">{claim.note}</p>}
    </div>
  );
}
