// The codebook: what every field and every code means.
import { useState } from "preact/hooks";
import { useAnswer } from "../api/ask";
import type { Codebook } from "../api/types";
import { label, listLabel, t } from "../i18n";
import type { Key } from "../i18n/en";
import { Status } from "../parts/status";

const KINDS: Record<string, Key> = { incident: "nav_incidents", actor: "nav_actors", location: "nav_places", source: "nav_sources", statistic: "nav_statistics" };

/** A text in which names of fields stand between backticks. */
function Written({ text }: { text: string }) {
  return <>{text.split("`").map((piece, n) => (n % 2 ? <code key={n}>{piece}</code> : piece))}</>;
}

export function CodebookPage() {
  const answer = useAnswer<Codebook>("/v1/codebook");
  const [find, setFind] = useState("");
  const wanted = find.trim().toLocaleLowerCase();
  const meets = (...texts: (string | null)[]): boolean => !wanted || texts.some((text) => text?.toLocaleLowerCase().includes(wanted));
  const lists = answer.data?.lists.map((list) => ({ ...list, codes: list.codes.filter((code) => meets(code.code, label(list.list, code.code), code.definition)) })).filter((list) => list.codes.length);
  const fields = (answer.data?.fields ?? []).filter((one) => meets(one.field, one.meaning));
  const kinds = [...new Set(fields.map((one) => one.kind))];
  return (
    <article class="codebook">
      <h1>{t("nav_codebook")}</h1>
      <p class="lead">
        {t("codebook_told")} <a href="/v1/codebook.csv" download>CSV</a> · <a href="/v1/codebook">JSON</a>
      </p>
      <input type="search" value={find} aria-label={t("facet_find", { what: t("nav_codebook") })} placeholder={t("facet_find", { what: t("nav_codebook") })} onInput={(event) => setFind(event.currentTarget.value)} />
      <Status answer={answer} shape="rows">
        <section>
          <h2>{t("codes")}</h2>
          {lists?.map((list) => (
            <details key={list.list} id={list.list} open={wanted !== ""}>
              <summary>
                <h3>{listLabel(list)}</h3> <small>{list.codes.length}</small>
              </summary>
              <p class="hint">{list.meaning}</p>
              <dl>
                {list.codes.map((code) => (
                  <div key={code.code}>
                    <dt>
                      {label(list.list, code.code)} <code>{code.code}</code>
                    </dt>
                    <dd>
                      <Written text={code.definition} />
                      {Object.keys(code.crosswalk).length > 0 && (
                        <small>
                          {" "}
                          {Object.entries(code.crosswalk)
                            .map(([system, value]) => `${system}: ${String(value)}`)
                            .join(" · ")}
                        </small>
                      )}
                    </dd>
                  </div>
                ))}
              </dl>
            </details>
          ))}
        </section>
        <section>
          <h2>{t("fields")}</h2>
          {kinds.map((kind) => (
            <details key={kind} open={wanted !== ""}>
              <summary>
                <h3>{t(KINDS[kind] ?? "kind")}</h3> <small>{fields.filter((one) => one.kind === kind).length}</small>
              </summary>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{t("field")}</th>
                    <th scope="col">{t("type")}</th>
                    <th scope="col">{t("meaning")}</th>
                  </tr>
                </thead>
                <tbody>
                  {fields
                    .filter((one) => one.kind === kind)
                    .map((one) => (
                      <tr key={one.field}>
                        <th scope="row">
                          <code>{one.field}</code>
                        </th>
                        <td>{one.type}</td>
                        <td>
                          <Written text={one.meaning} />
                        </td>
                      </tr>
                    ))}
                </tbody>
              </table>
            </details>
          ))}
        </section>
      </Status>
    </article>
  );
}
