// How a record came to say what it says: every version, what each one changed, and the way to its JSON.
import { useState } from "preact/hooks";
import { useAnswer } from "../api/ask";
import type { Page, PatchStep, RevisionEntry, Stored } from "../api/types";
import { moment } from "../format/dates";
import { label, t } from "../i18n";
import { Status } from "../parts/status";

/** The history of a record of any kind; `at`: where the API has it, `one`: as it stands, if it still does. */
export function History({ at, one }: { at: string; one?: Stored }) {
  const answer = useAnswer<Page<RevisionEntry>>(`${at}/revisions`);
  return (
    <section class="envelope">
      <h2>{t("history")}</h2>
      <Status answer={answer}>
        <ol class="plain rows">
          {answer.data?.items.map((entry) => (
            <Version key={entry.version} at={at} entry={entry} />
          ))}
        </ol>
      </Status>
      {one && (
        <p>
          <a href={at}>JSON</a> <code>{one.id}</code>
          {Object.entries(one.external_ids).map(([scheme, value]) => (
            <code key={scheme}>
              {" "}
              {scheme}:{value}
            </code>
          ))}
        </p>
      )}
    </section>
  );
}

function Version({ at, entry }: { at: string; entry: RevisionEntry }) {
  const [open, setOpen] = useState(false);
  const told = (
    <>
      <b>{t("version", { n: entry.version })}</b> {label("operation", entry.operation)} <small>{[moment(entry.recorded_at), entry.author, entry.reason?.code && label("deletion_reason", entry.reason.code), entry.reason?.note].filter(Boolean).join(" · ")}</small>
    </>
  );
  // What ended a record left nothing to compare with.
  if (entry.version === 1 || entry.reason?.code) return <li>{told}</li>;
  return (
    <li>
      <details onToggle={(event) => setOpen((event.target as HTMLDetailsElement).open)}>
        <summary>{told}</summary>
        {open && <Changes at={at} version={entry.version} />}
      </details>
    </li>
  );
}

function Changes({ at, version }: { at: string; version: number }) {
  const before = useAnswer<Json>(`${at}/revisions/${version - 1}`);
  const patch = useAnswer<PatchStep[]>(`${at}/diff?from=${version - 1}&to=${version}`);
  return (
    <Status answer={before.data === null ? before : patch}>
      <dl class="diff">
        {before.data &&
          patch.data &&
          steps(before.data, patch.data).map(({ path, was, is }, n) => (
            <div key={n}>
              <dt>
                <code>{path}</code>
              </dt>
              <dd>
                {was !== undefined && <del>{written(was)}</del>} {is !== undefined && <ins>{written(is)}</ins>}
              </dd>
            </div>
          ))}
      </dl>
    </Status>
  );
}

const written = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value, null, 1));

type Json = Record<string, unknown> | unknown[] | null;

/** What each step of a JSON patch finds and what it leaves: a step stands on those before it, so they are carried out. */
function steps(before: Json, patch: PatchStep[]): { path: string; was: unknown; is: unknown }[] {
  const whole = structuredClone(before);
  return patch.map(({ op, path, value }) => {
    const keys = path.split("/").slice(1).map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = keys.pop() ?? "";
    const holder = keys.reduce<Json>((inside, key) => (inside as Record<string, Json>)[key] ?? null, whole);
    const place = Array.isArray(holder) ? Number(last === "-" ? holder.length : last) : last;
    const was = op === "add" ? undefined : (holder as Record<string, unknown>)[place];
    if (Array.isArray(holder)) holder.splice(Number(place), op === "add" ? 0 : 1, ...(op === "remove" ? [] : [value]));
    else if (holder) holder[place] = value;
    return { path, was, is: op === "remove" ? undefined : value };
  });
}
