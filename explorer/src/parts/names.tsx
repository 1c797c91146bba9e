// Names of records that are known by id or code: actors, locations, first-order units, sources.
import { useEffect, useState } from "preact/hooks";
import { ask, query } from "../api/client";
import type { Page } from "../api/types";
import { unitsOf } from "../map/shapes";

interface Named {
  id: string;
  name?: string;
  title?: string | null;
}

const known = new Map<string, string>();
const IN_ONE = 100;
const PLURAL: Record<string, string> = { actor: "actors", location: "locations", source: "sources", related_to: "incidents" };
const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** The names of values of a parameter, as far as they are known by now. */
export function useNames(param: string, values: string[]): ReadonlyMap<string, string> {
  const [, again] = useState(0);
  const missing = values.filter((value) => !known.has(value)).join(",");
  useEffect(() => {
    if (!missing) return undefined;
    let wanted = true;
    const load = param === "admin1" ? units : records;
    load(param, missing.split(",")).then(() => wanted && again((n) => n + 1), () => undefined);
    return () => {
      wanted = false;
    };
  }, [param, missing]);
  return known;
}

async function units(_: string, codes: string[]): Promise<void> {
  const countries = [...new Set(codes.map((code) => code.slice(0, 2)))];
  for (const shape of (await Promise.all(countries.map(unitsOf))).flat()) known.set(shape.code, shape.name);
  // Where nobody has drawn a unit, the store knows its name.
  const missing = codes.filter((code) => !known.has(code)).slice(0, IN_ONE);
  if (!missing.length) return;
  const page = await ask<Page<Named & { admin1: string }>>(`/v1/locations?${query([["admin1", missing.join(",")], ["kind", "admin1"], ["fields", "name,admin1"], ["limit", String(IN_ONE)]])}`);
  for (const one of page.items) known.set(one.admin1, one.name ?? one.admin1);
}

async function records(param: string, values: string[]): Promise<void> {
  const plural = PLURAL[param];
  const ids = values.filter((value) => ID.test(value));
  if (!plural) return;
  for (let at = 0; at < Math.min(ids.length, 5 * IN_ONE); at += IN_ONE) {
    const some = ids.slice(at, at + IN_ONE);
    const fields = param === "source" || param === "related_to" ? "title" : "name";
    const filter = `id IN (${some.map((id) => `'${id}'`).join(",")})`;
    const page = await ask<Page<Named>>(`/v1/${plural}?${query([["filter", filter], ["fields", fields], ["limit", String(IN_ONE)]])}`);
    for (const one of page.items) known.set(one.id, one.name ?? one.title ?? one.id.slice(0, 8));
  }
}
