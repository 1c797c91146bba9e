// The search: words, or a place or actor of the store that is suggested while typing.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { ask, query } from "../api/client";
import type { Actor, Location, Page } from "../api/types";
import { country, label, t } from "../i18n";
import { change, values } from "../state/filter";

interface Suggestion {
  param: "q" | "location" | "actor";
  value: string;
  name: string;
  what: string;
}

const WAIT = 180;
const OF_EACH = 5;

async function suggested(text: string, wanted: AbortSignal): Promise<Suggestion[]> {
  const words = text.replace(/["*]/g, " ").trim();
  if (words.length < 2) return [];
  const asked = query([["q", `${words}*`], ["limit", String(OF_EACH)]]);
  const [places, actors] = await Promise.all([ask<Page<Location>>(`/v1/locations?${asked}`, wanted), ask<Page<Actor>>(`/v1/actors?${asked}`, wanted)]);
  // Of each kind those first whose name begins so.
  const begins = ({ name }: { name: string }): number => Number(name.toLocaleLowerCase().startsWith(words.toLocaleLowerCase()));
  const ordered = <T extends { name: string }>(found: T[]): T[] => [...found].sort((one, other) => begins(other) - begins(one));
  return [
    ...ordered(places.items).map((one) => ({
      param: "location" as const,
      value: one.id,
      name: one.name,
      what: [label("location_kind", one.kind), one.country && one.kind !== "country" ? country(one.country) : ""].filter(Boolean).join(", "),
    })),
    ...ordered(actors.items).map((one) => ({ param: "actor" as const, value: one.id, name: one.name, what: label("actor_type", one.type) })),
  ];
}

export function Search() {
  const [text, setText] = useState("");
  const [found, setFound] = useState<Suggestion[]>([]);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const words: Suggestion[] = text.trim() ? [{ param: "q", value: text.trim(), name: t("search_words", { text: text.trim() }), what: "" }] : [];
  const options = [...words, ...found];

  useEffect(() => {
    const wanted = new AbortController();
    const found = (list: Suggestion[]): void => void (wanted.signal.aborted || setFound(list));
    const timer = setTimeout(() => suggested(text, wanted.signal).then(found, () => found([])), WAIT);
    return () => {
      wanted.abort();
      clearTimeout(timer);
    };
  }, [text]);

  const choose = (one: Suggestion): void => {
    change({ [one.param]: one.param === "q" ? one.value : [...values(one.param), one.value] });
    setText("");
    setFound([]);
    setOpen(false);
    setAt(0);
  };
  const keys = (event: KeyboardEvent): void => {
    const last = options.length - 1;
    if (event.key === "ArrowDown") setAt(at >= last ? 0 : at + 1);
    else if (event.key === "ArrowUp") setAt(at <= 0 ? last : at - 1);
    else if (event.key === "Escape") setOpen(false);
    else if (event.key === "Enter" && options[at]) choose(options[at]);
    else return;
    if (event.key !== "Escape" && event.key !== "Enter") setOpen(true);
    event.preventDefault();
  };
  const shown = open && options.length > 0;
  return (
    <div class="search" onFocusOut={(event) => !event.currentTarget.contains(event.relatedTarget as Node) && setOpen(false)}>
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-expanded={shown}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={shown ? `${id}-${at}` : undefined}
        aria-label={t("search")}
        placeholder={t("search")}
        value={text}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onKeyDown={keys}
      />
      <ul id={id} role="listbox" aria-label={t("search")} hidden={!shown}>
        {options.map((one, n) => (
          <li
            key={one.param + one.value}
            id={`${id}-${n}`}
            role="option"
            aria-selected={n === at}
            onPointerDown={(event) => {
              event.preventDefault();
              choose(one);
            }}
          >
            <span>{one.name}</span>
            {one.what && (
              <small>
                {t(one.param === "actor" ? "search_actor" : "search_place")} · {one.what}
              </small>
            )}
          </li>
        ))}
      </ul>
      <span class="unseen" role="status">
        {shown ? t("search_hint", { n: options.length }) : ""}
      </span>
    </div>
  );
}
