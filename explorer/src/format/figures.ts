// Figures in words: low, best and high; what a claim says of a number.
import type { Claim, Tally } from "../api/types";
import { brief, label, number, t } from "../i18n";

interface Levels {
  low: number | null;
  best: number | null;
  high: number | null;
}

/** "7,326 to 7,329", "58", "2 or more": the whole span of a figure. */
export function span({ low, best, high }: Levels): string {
  const from = low ?? best;
  const to = high ?? best;
  if (from === null && to === null) return t("facet_unknown");
  if (high === null && best === null) return `≥ ${number(low ?? 0)}`;
  if (from === null || to === null || from === to) return number(to ?? from ?? 0);
  return t("low_high", { low: number(from), high: number(to) });
}

/** What a claim says: "about 58", "more than 200,000", "multiple". */
export function claimed(claim: Claim): string {
  const unit = claim.unit ? ` ${claim.unit}` : "";
  const said = brief("qualifier", claim.qualifier).toLowerCase();
  if (claim.value === null && (claim.low !== null || claim.high !== null)) {
    const told = span({ low: claim.low, best: null, high: claim.high });
    return claim.verbatim ? `“${claim.verbatim}” (${told})${unit}` : `${told}${unit}`;
  }
  if (claim.value === null) return claim.verbatim ? `“${claim.verbatim}”` : said;
  if (claim.qualifier === "additional") return t("additional", { n: number(claim.value) });
  const plain = ["exact", "range", "unit_count", "explicit_zero"].includes(claim.qualifier);
  return `${plain ? "" : `${said} `}${number(claim.value)}${unit}`;
}

/** "freed, victims, child": what a figure is about. */
export function about(one: { measure: string; population: string; dims: Record<string, string> }): string {
  const dims = Object.entries(one.dims).map(([name, value]) => label(name, value));
  const population = one.population === "all" ? [] : [label("population", one.population)];
  return [label("measure", one.measure), ...population, ...dims].join(", ");
}

const FIRST = ["kidnapped", "freed", "rescued", "released", "escaped", "killed", "injured", "still_missing"];

/** The place of a measure among others: what happened to people first, forces and the like last. */
export const rank = (measure: string): number => (FIRST.includes(measure) ? FIRST.indexOf(measure) : FIRST.length);

const dims = (tally: Tally): number => Object.keys(tally.dims).length;

/** The tallies that stand for the whole: of each measure and population those that are broken down least. */
export function wholes(tallies: Tally[]): Tally[] {
  return tallies.filter((tally) =>
    tallies.every((other) => other.measure !== tally.measure || other.population !== tally.population || dims(other) >= dims(tally)),
  );
}
