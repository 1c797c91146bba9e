// Loading, failing and empty: the three states that every view has beside the full one.
import type { ComponentChildren } from "preact";
import type { Answer } from "../api/ask";
import { forget } from "../api/client";
import { t } from "../i18n";
import { address } from "../state/address";
import { addressWith, filtered } from "../state/filter";

/** What is inside once the answer is there; before, that it is loading, or why it cannot be. */
export function Status({ answer, children }: { answer: Answer<unknown>; children: ComponentChildren }) {
  if (answer.error) return <Failure error={answer.error} />;
  if (answer.data === null)
    return (
      <p class="status" role="status">
        {t("loading")} …
      </p>
    );
  return <div class={answer.loading ? "stale" : "fresh"}>{children}</div>;
}

function Failure({ error }: { error: NonNullable<Answer<unknown>["error"]> }) {
  const again = (): void => {
    forget();
    address.value = { ...address.value };
    location.reload();
  };
  return (
    <div class="status failure" role="alert">
      <p>
        <strong>{t("failed")}</strong> {error.status ? error.message : t("unreachable")}
      </p>
      {error.faults.length > 0 && (
        <ul>
          {error.faults.map((fault) => (
            <li key={fault}>{fault}</li>
          ))}
        </ul>
      )}
      {error.status === 400 ? (
        <a class="button" href={addressWith(Object.fromEntries([...address.value.params.keys()].map((name) => [name, null])))}>
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
  return (
    <div class="status empty">
      <p>
        <strong>{t("empty")}</strong>
      </p>
      {filtered.value && (
        <p>
          {t("empty_told")} <a href="/">{t("clear")}</a>
        </p>
      )}
    </div>
  );
}
