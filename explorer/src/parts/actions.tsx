// What can be done with a selection: copy its link, cite it, take it away as a file, see the call that gives it.
import { useState } from "preact/hooks";
import { useAnswer } from "../api/ask";
import type { Edition } from "../api/types";
import { moment } from "../format/dates";
import { number, t } from "../i18n";
import { address } from "../state/address";
import { addressWith, listUrl, sort, totalsUrl } from "../state/filter";
import { type CallLanguage, LANGUAGES, records, totals } from "./calls";
import { Copyable, CopyButton, Dialog } from "./dialog";
import { Status } from "./status";
import { useSelection } from "./summary";

const FORMATS = ["csv", "xlsx", "geojson", "ndjson", "parquet", "zip"] as const;
const DIALOGS = { cite: Cite, download: Download, api_call: ApiCall } as const;

export function Actions() {
  const [open, setOpen] = useState<keyof typeof DIALOGS | null>(null);
  const Shown = open && DIALOGS[open];
  void address.value;
  return (
    <div class="actions">
      <CopyButton text={location.href} name={t("copy_link")} />
      {(Object.keys(DIALOGS) as (keyof typeof DIALOGS)[]).map((name) => (
        <button key={name} type="button" aria-haspopup="dialog" onClick={() => setOpen(name)}>
          {t(name)}
        </button>
      ))}
      {Shown && (
        <Dialog title={t(open)} close={() => setOpen(null)}>
          <Shown />
        </Dialog>
      )}
    </div>
  );
}

function Cite() {
  const answer = useAnswer<Edition>("/v1/edition");
  const { seq, hash, recorded_at: at } = answer.data ?? { seq: 0, hash: "", recorded_at: null };
  const url = location.origin + addressWith({ as_of: String(seq), at: null });
  return (
    <Status answer={answer}>
      <p>{t("cite_told")}</p>
      <p>
        <strong>{t("cite_edition")}</strong> {number(seq)}
      </p>
      <Copyable text={t("cite_text", { seq: String(seq), hash: hash.slice(0, 16), date: at ? moment(at) : "", url })} />
    </Status>
  );
}

function Download() {
  const { answer, count } = useSelection();
  return (
    <Status answer={answer}>
      <p data-testid="download-count">{t("download_told", { n: count })}</p>
      <ul class="plain downloads">
        {FORMATS.map((format) => (
          <li key={format}>
            <a href={listUrl(`/v1/incidents.${format}`)} download>
              {t(`format_${format}`)}
            </a>
          </li>
        ))}
        <li>
          <a href={listUrl("/v1/claims.csv")} download>
            {t("download_claims")}
          </a>
        </li>
      </ul>
    </Status>
  );
}

/** The order of the table, where one is chosen. */
const ordered = (): [string, string][] => (address.value.params.has("sort") ? [["sort", sort.value]] : []);

function ApiCall() {
  const [what, setWhat] = useState<"records" | "totals">("records");
  const [language, setLanguage] = useState<CallLanguage>("curl");
  const text = (what === "records" ? records(location.origin + listUrl("/v1/incidents", ordered())) : totals(location.origin + totalsUrl()))[language];
  return (
    <>
      <p>{t("call_told")}</p>
      <div class="choices">
        {(["records", "totals"] as const).map((one) => (
          <button key={one} type="button" aria-pressed={what === one} onClick={() => setWhat(one)}>
            {t(`call_${one}`)}
          </button>
        ))}
      </div>
      <div class="choices">
        {LANGUAGES.map((one) => (
          <button key={one} type="button" aria-pressed={language === one} onClick={() => setLanguage(one)}>
            {one}
          </button>
        ))}
      </div>
      <Copyable text={text} code />
    </>
  );
}
