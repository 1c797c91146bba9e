// How a record came to say what it says: every version, and what each one changed.
import { useState } from "preact/hooks";
import { useAnswer } from "../api/ask";
import type { Incident, Page, PatchStep, RevisionEntry } from "../api/types";
import { moment } from "../format/dates";
import { label, t } from "../i18n";
import { Status } from "../parts/status";

export function History({ one }: { one: Incident }) {
  const answer = useAnswer<Page<RevisionEntry>>(`/v1/incidents/${one.id}/revisions`);
  return (
    <section class="envelope">
      <h2>{t("history")}</h2>
      <Status answer={answer}>
        <ol class="plain rows">
          {answer.data?.items.map((entry) => (
            <Version key={entry.version} id={one.id} entry={entry} />
          ))}
        </ol>
      </Status>
      <p>
        <a href={`/v1/incidents/${one.id}`}>JSON</a> <code>{one.id}</code>
        {Object.entries(one.external_ids).map(([scheme, value]) => (
          <code key={scheme}>
            {" "}
            {scheme}:{value}
          </code>
        ))}
      </p>
    </section>
  );
}

function Version({ id, entry }: { id: string; entry: RevisionEntry }) {
  const [open, setOpen] = useState(false);
  const told = (
    <>
      <b>{t("version", { n: entry.version })}</b> {label("operation", entry.operation)} <small>{[moment(entry.recorded_at), entry.author, entry.reason].filter(Boolean).join(" · ")}</small>
    </>
  );
  if (entry.version === 1) return <li>{told}</li>;
  return (
    <li>
      <details onToggle={(event) => setOpen((event.target as HTMLDetailsElement).open)}>
        <summary>{told}</summary>
        {open && <Changes id={id} version={entry.version} />}
      </details>
    </li>
  );
}

function Changes({ id, version }: { id: string; version: number }) {
  const answer = useAnswer<PatchStep[]>(`/v1/incidents/${id}/diff?from=${version - 1}&to=${version}`);
  return (
    <Status answer={answer}>
      <ul class="plain diff">
        {answer.data?.map((step) => (
          <li key={step.op + step.path} class={step.op}>
            <code>{step.path}</code> {step.op !== "remove" && <pre tabIndex={0}>{JSON.stringify(step.value, null, 1)}</pre>}
          </li>
        ))}
      </ul>
    </Status>
  );
}
