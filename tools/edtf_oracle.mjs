// Writes tests/model/edtf_oracle.json: the bounds that edtf.js, an independent EDTF parser, gives to many dates.
//
// Run it in a temporary folder outside the repository, so that nothing is installed into it:
//     cd "$(mktemp -d)" && npm install edtf@4.11.1
//     node PATH-TO-REPOSITORY/tools/edtf_oracle.mjs
// The package is looked up from the folder you stand in. A date that edtf.js refuses ends the run.

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";

const edtf = createRequire(join(process.cwd(), "here.cjs"))("edtf").default;

const forms = `
  2024-03-26 2024-02-29 2023-02-28 2000-02-29 1900-02-28 0001-01-01 9999-12-31 1969-12-31 1970-01-01 0999-06-15
  2024-01 2024-02 2023-02 1900-02 2000-02 2024-03 2024-04 2024-05 2024-06 2024-07 2024-08 2024-09 2024-10 2024-11
  2024-12 0001-01 9999-12 2021 2024 1900 2000 0001 0099 9999

  202X 20XX 1XXX 19XX 2X24 20X4 2X2X 000X 00XX 999X 99XX
  2024-XX 2024-0X 2024-1X 2024-X1 2024-X2 202X-XX 20XX-XX 20XX-11 202X-02 2X2X-XX
  2024-11-XX 2024-02-XX 2023-02-XX 2024-XX-XX 202X-XX-XX 20XX-XX-XX 2024-0X-XX 2024-1X-XX
  2024-11-0X 2024-11-1X 2024-11-2X 2024-02-2X 2023-02-2X 2024-12-3X 2024-11-X5 2023-02-X9 2024-02-X1
  2024-XX-15 2024-XX-31 2024-XX-3X 2024-XX-1X 2024-1X-01 2024-X1-01 202X-11-02 20X0-01-01 202X-02-29
  XXXX XXXX-12-XX XXXX-XX

  2024? 2024~ 2024% 2024-11? 2024-11~ 2024-11% 2024-11-15? 2024-11-15~ 2024-11-15%
  ?2024 ~2024 ?2024-11-02 %2024-11-15 %2024-11 2024-?11-02 2024?-11 2024?-11-02 2024-11?-02 2024-11-~02 2024-11-?15
  2024-%11 2024~-11 2024%-11-02 2024-~11 ?2024~-11 2024-?11~-02 2024?-?11 ?2024-11-~02

  2024-21 2024-22 2024-23 2024-24 2024-25 2024-26 2024-27 2024-28 2024-29 2024-30 2024-31 2024-32
  2024-33 2024-34 2024-35 2024-36 2023-33 9999-36 2024-37 2024-38 2024-39 2024-40 2024-41 9999-41

  2021-01/2021-09 2020-10-01/2021-09-30 2024-03-23/2024-03-26 2019-12-31/2020-01-01 2024/2024-06 2020/2024
  2004-01-01/2004-02~ 2004-06-XX/2004-07-03 2024-11-XX/2024-12 2024-1X/2025 2024-XX/2025-XX 20XX/2100
  2024-11-2X/2024-12-1X 2024-?11/2024-12 2023-02/2024-02 0001/9999 202X/203X 2024-03-23?/2024-03-26%
  2021/.. 2021-05/.. 2024-03-23/.. 2024?/.. ../2021 ../2024-02 ../2024-03-26 ../2024-03~ 2021/ 2024-03-26/ 2024~/
  /2021 /2024-03-26 /2024-02

  [2021] {2021} [2021-03?] [2021,2022] {2021,2022} [2024-03-24,2024-03-26] {2021-01,2021-03} [1667,1668,1670]
  {2024-03-24,2024-04,2025} [..2021] [..2024-03-26] [2021..] [2024-03-26..] {2021..} {..1984} [..2021,2022]
  [2021,2022..] {2021,2022..} [2024-03,2024-05-06,2025..] [..2019-12-31,2021-05] [2021..2022,2024] {1960..1962,1965-07}
  [2021..2022] {2021..2022} [2024-11-15..2024-11-30] [2024-03-24..2024-03-26] [2021-01..2021-03]
  [1667,1668,1670..1672] [2022,2021]

  2024-11-15T06:30:00.123 2024-11-15T06:30:00.999Z 2024-11-15T06:30:00.5
  2024-11-15T06:30 2024-11-15T06:30Z 2024-11-15T06:30:00 2024-11-15T06:30:00Z 2024-11-15T00:00:00+05:00
  2024-11-15T23:59:59-04 2024-11-15T06:30/2024-11-15T07:30
`.trim().split(/\s+/);

// Open and unknown bounds are infinite, null or missing there; JSON has null for all of them.
const instant = (bound) => (bound != null && Number.isFinite(bound) ? new Date(bound).toISOString() : null);

const rows = forms.map((form) => {
  const date = edtf(form);
  return JSON.stringify({ edtf: form, min: instant(date.min), max: instant(date.max) });
});
writeFileSync(new URL("../tests/model/edtf_oracle.json", import.meta.url), `[\n${rows.join(",\n")}\n]\n`);
console.log(`${rows.length} dates`);
