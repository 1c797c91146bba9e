// Words in the reader's language: of the page, of codes, of countries.
import { computed, signal } from "@preact/signals";
import { ask } from "../api/client";
import type { Code, Codebook, CodeList } from "../api/types";
import { address } from "../state/address";
import { codesInSpanish } from "./codes-es";
import { en, type Key } from "./en";
import { es } from "./es";

export const LANGUAGES = { en: "English", es: "Español" } as const;
export type Language = keyof typeof LANGUAGES;

const isLanguage = (text: string | null): text is Language => text === "en" || text === "es";

/** The language: of the address, else as chosen before, else as the browser prefers. */
export const language = computed<Language>(() => {
  const told = address.value.params.get("lang");
  if (isLanguage(told)) return told;
  const kept = localStorage.getItem("lang");
  if (isLanguage(kept)) return kept;
  return navigator.language.startsWith("es") ? "es" : "en";
});

/** What the page says under a key, with values in their places. */
export function t(key: Key, given: Record<string, string | number> = {}): string {
  const text: string = (language.value === "es" ? es : en)[key];
  return text.replace(/\{(\w+)\}/g, (_, name: string) => (typeof given[name] === "number" ? number(given[name]) : (given[name] ?? "")));
}

export const has = (key: string): key is Key => key in en;

/** Making one takes a hundred times as long as using it. */
const written = computed(() => new Intl.NumberFormat(language.value));

/** A whole number as it is written in the language. */
export const number = (value: number): string => written.value.format(value);

const codes = signal<Map<string, Map<string, Code>>>(new Map());

/** Load the labels of codes; until they are there, codes stand for themselves. */
export async function loadCodes(): Promise<void> {
  const book = await ask<Codebook>("/v1/codebook");
  codes.value = new Map(book.lists.map((list) => [list.list, new Map(list.codes.map((code) => [code.code, code]))]));
}

/** The label of a code of a list. */
export function label(list: string, code: string | null | undefined): string {
  if (!code) return t("facet_unknown");
  const spanish = language.value === "es" ? codesInSpanish[list]?.[code] : undefined;
  return spanish ?? codes.value.get(list)?.get(code)?.label ?? code.replaceAll("_", " ");
}

/** What a list of codes is called. */
export const listLabel = (list: CodeList): string => (language.value === "es" ? codesInSpanish.list?.[list.list] : undefined) ?? list.label;

/** The label without what stands in brackets or behind a slash: for tight places. */
export const brief = (list: string, code: string): string => label(list, code).replace(/ [(/].*$/, "");

/** What a code means, in the words of the codebook. */
export const meaning = (list: string, code: string): string => codes.value.get(list)?.get(code)?.definition ?? "";

const speakers = new Map<string, Intl.DisplayNames>();

/** The browser's own name of a country or a language. */
function named(type: "region" | "language", code: string, tongue: string = language.value): string {
  const known = speakers.get(type + tongue) ?? new Intl.DisplayNames([tongue], { type });
  speakers.set(type + tongue, known);
  try {
    return known.of(code) ?? code;
  } catch {
    return code;
  }
}

export const country = (code: string): string => named("region", code);

const plain = (text: string): string => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** The name of a place with its country, unless it says so itself, in whichever language. */
export function withCountry(name: string, code: string | null): string {
  const said = !code || Object.keys(LANGUAGES).some((tongue) => plain(name).includes(plain(named("region", code, tongue))));
  return said ? name : `${name}, ${country(code)}`;
}
export const tongue = (code: string): string => named("language", code);
