// The filter: every parameter of the address that is not the page's own goes to the API as it stands.
import { computed } from "@preact/signals";
import { query } from "../api/client";
import { address, go } from "./address";

export const VIEWS = ["map", "timeline", "table", "facets"] as const;
export type View = (typeof VIEWS)[number];

type Pairs = [string, string][];

/** Parameters that say how the page shows something, not what is asked for. */
const OWN = new Set(["view", "at", "lang", "sort", "cursor", "include_period_totals"]);
/** Of these, what lists and totals take, each for itself. */
const OF_LISTS = ["sort", "cursor"];
const OF_TOTALS = ["include_period_totals"];

const pick = (names: readonly string[]): Pairs => [...address.value.params].filter(([name]) => names.includes(name));

/** The filter as pairs; commas part values of codes, so they are taken apart. */
export const filter = computed<Pairs>(() => [...address.value.params].filter(([name]) => !OWN.has(name)));

export const view = computed<View>(() => {
  const named = address.value.params.get("view");
  return VIEWS.find((one) => one === named) ?? "map";
});

/** The values of a parameter. */
export function values(name: string): string[] {
  return filter.value.filter(([other]) => other === name).flatMap(([, value]) => (NAMES.has(name) ? [value] : value.split(",")));
}

/** Parameters whose values may hold commas. */
const NAMES = new Set(["location", "actor", "source", "q", "filter", "bbox", "nationality"]);

/** The filter without some of its parameters. */
export const without = (...names: string[]): Pairs => filter.value.filter(([name]) => !names.includes(name));

/** The address of the list, or of a file of it, for the filter. */
export function listUrl(path = "/v1/incidents", more: Pairs = [], only: Pairs = filter.value): string {
  return withQuery(path, [...only, ...more]);
}

/** What the table asks for. */
export const tableUrl = (more: Pairs): string => listUrl("/v1/incidents", [...pick(OF_LISTS), ...more]);

/** The sort that is asked for. */
export const sort = computed(() => address.value.params.get("sort") ?? "-date");

/** The totals of a filter. */
export function totalsUrl(more: Pairs = [], only: Pairs = filter.value): string {
  return withQuery("/v1/totals", [...only, ...pick(OF_TOTALS), ...more]);
}

/** Numbers of incidents by some group. Totals for a period are incidents like others as long as nobody is added up. */
export function countsUrl(by: string, more: Pairs = [], only: Pairs = filter.value): string {
  return withQuery("/v1/totals", [...only, ["by", by], ["include_period_totals", "true"], ["figures", by && "none"], ...more]);
}

function withQuery(path: string, pairs: Pairs): string {
  const asked = query(pairs);
  return asked ? `${path}?${asked}` : path;
}

/** The address of this page with other values of some parameters; null takes one out. A new filter begins at page one. */
export function addressWith(changes: Record<string, string | string[] | null>): string {
  const pairs: Pairs = [...address.value.params].filter(([name]) => !(name in changes) && name !== "cursor");
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) continue;
    for (const one of Array.isArray(value) ? value : [value]) pairs.push([name, one]);
  }
  return withQuery("/", pairs);
}

/** Change parameters of the address. */
export function change(changes: Record<string, string | string[] | null>, options?: { replace?: boolean }): void {
  go(addressWith(changes), options);
}

/** Put a value into the filter, or take it out when it is there. */
export function toggle(name: string, value: string): void {
  const there = values(name);
  change({ [name]: there.includes(value) ? there.filter((one) => one !== value) : [...there, value] });
}

/** What the map asks for first: where everything is, as exactly as it is known. */
export const WHEREABOUTS = "precision,country,admin1";

/** Precisions at which a point is a place; as `max_precision` has them when it is left out. */
export const PRECISE = ["exact", "vicinity", "locality", "city"];

/** The condition of what can be shown nowhere on a map: no country, and no point that is a place. */
export const NOWHERE = `country IS NULL AND (precision IS NULL OR precision NOT IN (${PRECISE.map((code) => `'${code}'`).join(",")}))`;

/** The address of the table of what has no place within the filter. */
export function nowhereAddress(): string {
  const [asked] = values("filter");
  return addressWith({ view: "table", filter: asked ? `(${asked}) AND ${NOWHERE}` : NOWHERE });
}

/** Whether anything is filtered. */
export const filtered = computed(() => filter.value.length > 0);
