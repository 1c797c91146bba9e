// Loading, waiting, failing and empty: the states that every view has beside the full one.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { again, type Answer } from "../api/ask";
import type { Pause, Refused } from "../api/client";
import { t } from "../i18n";
import { address } from "../state/address";

/** The shape of what will stand there: figures beside each other, lines, rows of a table, or one large picture. */
export type Shape = "cards" | "lines" | "rows" | "picture";

const PIECES: Record<Shape, number> = { cards: 4, lines: 4, rows: 9, picture: 1 };

interface Props {
  answer: Answer<unknown>;
  shape?: Shape;
  children: ComponentChildren;
}

/** What is inside once the answer is there; before, the shape that it will have, or why it is not there. */
export function Status({ answer, shape = "lines", children }: Props) {
  if (answer.error) return <Failure error={answer.error} />;
  return (
    <>
      {answer.pause && <Busy pause={answer.pause} />}
      {answer.data === null ? <Skeleton shape={shape} /> : <div class={answer.loading ? "stale" : "fresh"}>{children}</div>}
    </>
  );
}

function Skeleton({ shape }: { shape: Shape }) {
  return (
    <div class={`skeleton ${shape}`}>
      <span class="unseen" role="status">
        {t("loading")} …
      </span>
      {Array.from({ length: PIECES[shape] }, (_, n) => (
        <i key={n} />
      ))}
    </div>
  );
}

/** The service has no time now; the question is asked again by itself. */
function Busy({ pause }: { pause: Pause }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const clock = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(clock);
  }, []);
  return (
    <div class="status busy">
      <p role="status">{t("busy")}</p>
      <p>
        <span aria-hidden="true">{t("busy_again", { n: Math.max(0, Math.ceil((pause.until - now) / 1000)) })}</span>{" "}
        <button type="button" onClick={pause.end}>
          {t("busy_now")}
        </button>
      </p>
    </div>
  );
}

const SAID: Record<number, "unreachable" | "still_busy"> = { 0: "unreachable", 429: "still_busy", 503: "still_busy" };

function Failure({ error }: { error: Refused }) {
  const said = SAID[error.status];
  return (
    <div class="status failure" role="alert">
      <p>
        <strong>{t("failed")}</strong> {said ? t(said) : error.message}
      </p>
      {error.faults.length > 0 && (
        <ul>
          {error.faults.map((fault) => (
            <li key={fault}>{fault}</li>
          ))}
        </ul>
      )}
      {error.status === 400 ? (
        <a class="button" href={address.value.path}>
          {t("clear")}
        </a>
      ) : (
        <button type="button" onClick={again}>
          {t("again")}
        </button>
      )}
    </div>
  );
}

/** Nothing is there. */
export function Empty() {
  const filtered = [...address.value.params.keys()].some((name) => name !== "view" && name !== "lang");
  return (
    <div class="status empty">
      <p>
        <strong>{t("empty")}</strong>
      </p>
      {filtered && (
        <p>
          {t("empty_told")} <a href={address.value.path}>{t("clear")}</a>
        </p>
      )}
    </div>
  );
}
