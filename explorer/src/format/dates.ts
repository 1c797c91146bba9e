// Dates in words that keep what is not known: "some day between 15 and 30 November 2024".
import type { When } from "../api/types";
import { language, t } from "../i18n";

const writers = new Map<string, Intl.DateTimeFormat>();

function day(iso: string, form: Intl.DateTimeFormatOptions = { day: "numeric", month: "long", year: "numeric" }): string {
  const name = language.value + Object.entries(form).join();
  const writer = writers.get(name) ?? new Intl.DateTimeFormat(language.value === "en" ? "en-GB" : language.value, { ...form, timeZone: "UTC" });
  writers.set(name, writer);
  return writer.format(new Date(`${iso.slice(0, 10)}T12:00:00Z`));
}

/** "26 March 2024" */
export const longDay = (iso: string): string => day(iso);

/** "5 Mar", and on the first of a year "1 Jan 2024" */
export const shortDay = (iso: string): string => day(iso, iso.slice(5, 10) === "01-01" ? { day: "numeric", month: "short", year: "numeric" } : { day: "numeric", month: "short" });

/** "Mar 2024" */
export const shortMonth = (iso: string): string => day(iso, { month: "short", year: "numeric" });

/** The first day without what both days share: "15" of "15 and 30 November 2024". */
function first(from: string, to: string): string {
  if (from.slice(0, 7) === to.slice(0, 7)) return String(Number(from.slice(8, 10)));
  if (from.slice(0, 4) === to.slice(0, 4)) return day(from, { day: "numeric", month: "long" });
  return longDay(from);
}

/** When something happened, with its uncertainty in words. */
export function inWords(when: When | null): string {
  const from = when?.earliest?.slice(0, 10) ?? null;
  const to = when?.latest?.slice(0, 10) ?? null;
  if (!when?.edtf || (!from && !to)) return t("date_unknown");
  if (!from && to) return t("date_before", { to: longDay(to) });
  if (from && !to) return t(when.kind === "ongoing" ? "date_since" : "date_after", { from: longDay(from) });
  if (!from || !to) return t("date_unknown");
  if (from === to) return longDay(from);
  const lasted = when.kind === "interval";
  if (from.endsWith("-01-01") && to.endsWith("-12-31") && from.slice(0, 4) === to.slice(0, 4))
    return t(lasted ? "date_all_year" : "date_year", { year: from.slice(0, 4) });
  if (from.slice(0, 7) === to.slice(0, 7) && from.endsWith("-01") && to.slice(8, 10) === lastOf(from))
    return t(lasted ? "date_all_month" : "date_month", { month: day(from, { month: "long", year: "numeric" }) });
  return t(lasted ? "date_span" : "date_within", { from: first(from, to), to: longDay(to) });
}

const lastOf = (iso: string): string => String(new Date(Date.UTC(Number(iso.slice(0, 4)), Number(iso.slice(5, 7)), 0)).getUTCDate());

/** A moment, to the minute, in the reader's own time. */
export const moment = (iso: string): string =>
  new Intl.DateTimeFormat(language.value === "en" ? "en-GB" : language.value, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));

/** Whole days since 1970 of an ISO day. */
export const dayNumber = (iso: string): number => Math.floor(Date.parse(`${iso.slice(0, 10)}T00:00:00Z`) / 86_400_000);

/** The ISO day of a number of days since 1970. */
export const isoDay = (days: number): string => new Date(days * 86_400_000).toISOString().slice(0, 10);
