// What stands around a record of any kind: that it is there, was merged into another one, was ended, or never was.
import type { ComponentChildren } from "preact";
import type { Answer } from "../api/ask";
import type { Stored } from "../api/types";
import { label, t } from "../i18n";
import { Status } from "../parts/status";
import { History } from "./history";

interface Props {
  kind: string;
  id: string;
  answer: Answer<Stored>;
  children: ComponentChildren;
}

export function Shell({ kind, id, answer, children }: Props) {
  const { error, data } = answer;
  if (error?.status === 404 || error?.status === 410) return <Missing kind={kind} id={id} error={error} />;
  return (
    <Status answer={answer} shape="rows">
      {data && (
        <article class={kind === "incidents" ? "record incident" : "record"}>
          {data.id !== id && <p class="verdict">{t("merged_into")}</p>}
          {children}
        </article>
      )}
    </Status>
  );
}

/** Nothing disappears without a trace: why a record was ended, what stands in its place, and all that it ever said. */
function Missing({ kind, id, error }: { kind: string; id: string; error: NonNullable<Answer<Stored>["error"]> }) {
  const { reason, note, successor } = error.told;
  const ended = error.status === 410;
  return (
    <div class="record" role="alert">
      <h1>{t(ended ? "ended" : "no_record")}</h1>
      {ended && (
        <p class="lead">
          {t("ended_why")} <b>{label("deletion_reason", reason)}</b>
          {note && ` · ${note}`}
        </p>
      )}
      {successor && (
        <p>
          <a href={`/${kind}/${successor}`}>{t("successor")}</a>
        </p>
      )}
      <p>
        <a href={kind === "incidents" ? "/" : `/${kind}`}>{t(kind === "incidents" ? "nav_explore" : "to_list")}</a>
      </p>
      {ended && <History at={`/v1/${kind}/${id}`} />}
    </div>
  );
}
