// The same question in four languages: what to paste to get exactly what the page shows.

export const LANGUAGES = ["curl", "Python", "R", "JavaScript"] as const;
export type CallLanguage = (typeof LANGUAGES)[number];

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const literal = (text: string): string => JSON.stringify(text);

/** How to ask for all records of a list, page by page or as a file. `url`: absolute, of the list. */
export function records(url: string): Record<CallLanguage, string> {
  const csv = url.replace("/v1/incidents", "/v1/incidents.csv");
  return {
    curl: `curl -s ${quoted(csv)}`,
    Python: `import json
from urllib.request import urlopen

url, records = ${literal(url)}, []
while url:
    with urlopen(url) as answer:
        page = json.load(answer)
    records += page["items"]
    url = page["next"]
print(len(records))`,
    R: `library(readr)

records <- read_csv(${literal(csv)}, na = "", show_col_types = FALSE)
cat(nrow(records), "\\n")`,
    JavaScript: `let url = ${literal(url)};
const records = [];
while (url) {
  const page = await (await fetch(url)).json();
  records.push(...page.items);
  url = page.next;
}
console.log(records.length);`,
  };
}

/** How to ask for the totals. */
export function totals(url: string): Record<CallLanguage, string> {
  return {
    curl: `curl -s ${quoted(url)}`,
    Python: `import json
from urllib.request import urlopen

with urlopen(${literal(url)}) as answer:
    totals = json.load(answer)
print(json.dumps(totals["rows"], indent=1))`,
    R: `library(jsonlite)

totals <- fromJSON(${literal(url)}, flatten = TRUE)
print(totals$rows)`,
    JavaScript: `const totals = await (await fetch(${literal(url)})).json();
console.log(JSON.stringify(totals.rows, null, 1));`,
  };
}
