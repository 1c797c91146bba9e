// The codebook: what every field and every code means.
import { useState } from "preact/hooks";
import { useAnswer } from "../api/ask";
import type { Codebook } from "../api/types";
import { t } from "../i18n";
import { Status } from "../parts/status";

export function CodebookPage() {
  const answer = useAnswer<Codebook>("/v1/codebook");
  const [find, setFind] = useState("");
  const wanted = find.trim().toLocaleLowerCase();
  const meets = (...texts: (string | null)[]): boolean => !wanted || texts.some((text) => text?.toLocaleLowerCase().includes(wanted));
  const lists = answer.data?.lists.map((list) => ({ ...list, codes: list.codes.filter((code) => meets(code.code, code.label, code.definition)) })).filter((list) => list.codes.length);
  const fields = answer.data?.fields.filter((one) => meets(one.field, one.meaning));
  return (
    <article class="codebook">
      <h1>{t("nav_codebook")}</h1>
      <p class="lead">
        {t("codebook_told")} <a href="/v1/codebook.csv" download>CSV</a> · <a href="/v1/codebook">JSON</a>
      </p>
      <input type="search" value={find} aria-label={t("facet_find", { what: t("nav_codebook") })} placeholder={t("facet_find", { what: t("nav_codebook") })} onInput={(event) => setFind(event.currentTarget.value)} />
      <Status answer={answer}>
        <section>
          <h2>{t("codes")}</h2>
          {lists?.map((list) => (
            <details key={list.list} id={list.list} open={wanted !== ""}>
              <summary>
                <h3>{list.label}</h3> <small>{list.codes.length}</small>
              </summary>
              <p class="hint">{list.meaning}</p>
              <dl>
                {list.codes.map((code) => (
                  <div key={code.code}>
                    <dt>
                      {code.label} <code>{code.code}</code>
                    </dt>
                    <dd>
                      {code.definition}
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
          <div class="scroll" tabIndex={0} role="region" aria-label={t("fields")}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{t("kind")}</th>
                  <th scope="col">{t("field")}</th>
                  <th scope="col">{t("type")}</th>
                  <th scope="col">{t("meaning")}</th>
                </tr>
              </thead>
              <tbody>
                {fields?.map((one) => (
                  <tr key={`${one.kind} ${one.field}`}>
                    <td>{one.kind}</td>
                    <th scope="row">
                      <code>{one.field}</code>
                    </th>
                    <td>{one.type}</td>
                    <td>{one.meaning}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      </Status>
    </article>
  );
}
