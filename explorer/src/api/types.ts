// What the API answers, as far as the page reads it; the whole of it is in /openapi.json.

export interface Quote {
  text: string;
  start: number | null;
  end: number | null;
}

export interface Evidence {
  source_id: string;
  quote: Quote | null;
}

export interface When {
  edtf: string | null;
  earliest: string | null;
  latest: string | null;
  kind: string;
  precision: string;
  basis?: string | null;
  evidence?: Evidence[];
}

export interface Place {
  role: string;
  location_id: string;
  name: string;
  country: string | null;
  admin1: string | null;
  lon: number | null;
  lat: number | null;
  precision: string;
  evidence: Evidence[];
}

export interface Participation {
  actor_id: string;
  name: string;
  role: string;
  attribution: string;
  attributed_to: string | null;
  evidence: Evidence[];
}

export interface ClaimLink {
  type: string;
  claim: string | null;
  incident_id: string | null;
}

export interface Claim {
  id: string;
  measure: string;
  population: string;
  dims: Record<string, string>;
  value: number | null;
  low: number | null;
  high: number | null;
  qualifier: string;
  verbatim: string | null;
  unit: string | null;
  attributed_to: string | null;
  as_of: string | null;
  in_headline: boolean;
  source_id: string | null;
  quote: Quote | null;
  note: string | null;
  links: ClaimLink[];
}

export interface Tally {
  measure: string;
  population: string;
  dims: Record<string, string>;
  low: number | null;
  best: number | null;
  high: number | null;
  contested: boolean;
  claims: string[];
  flags?: string[];
}

export interface Relation {
  type: string;
  incident_id: string;
  evidence?: Evidence[];
  offset?: string | null;
}

export interface Stored {
  id: string;
  version: number;
  seq: number;
  recorded_at: string;
  recorded_by: string;
  external_ids: Record<string, string>;
}

export interface Captivity {
  setting: string | null;
  ransom_demanded: string;
  ransom_paid: string;
  ransom_amount: { amount: number; currency: string } | null;
  days_low: number | null;
  days_high: number | null;
  outcome: string | null;
  evidence: Evidence[];
}

export interface Incident extends Stored {
  type: string;
  secondary_types: string[];
  stage: string;
  granularity: string;
  title: string | null;
  summary: string | null;
  date: When | null;
  locations: Place[];
  actors: Participation[];
  claims: Claim[];
  tallies: Tally[];
  relations: Relation[];
  captivity: Captivity | null;
  tags: string[];
  review: { status: string; by: string | null; reason: string | null };
  sensitivity: string;
  evidence: Evidence[];
}

export interface Actor extends Stored {
  name: string;
  aliases: (string | { name: string; used: string | null })[];
  type: string;
  identified: boolean;
  country: string | null;
  parent_id: string | null;
  description: string | null;
  evidence: Evidence[];
}

export interface Location extends Stored {
  name: string;
  kind: string;
  country: string | null;
  admin1: string | null;
  lon: number | null;
  lat: number | null;
  precision: string;
  parent_id: string | null;
  aliases: (string | { name: string })[];
}

export interface Source extends Stored {
  kind: string;
  title: string | null;
  publisher: string | null;
  author: string | null;
  url: string | null;
  published: When | null;
  language: string | null;
  licence: string | null;
  reliability: string | null;
  assessment: string | null;
  fingerprint: string | null;
  length: number | null;
  note: string | null;
}

export interface Statistic extends Stored {
  indicator: string;
  period: When | null;
  area: { name?: string; country: string | null; admin1: string | null; location_id: string | null } | null;
  claims: Claim[];
  note?: string | null;
}

export interface Page<T> {
  items: T[];
  next: string | null;
  total?: number;
  unlocated?: number;
  undated?: number;
  as_of: number;
  included?: { actors?: Actor[]; locations?: Location[]; sources?: Source[] };
}

export interface Figure {
  low: number;
  best: number;
  high: number;
  incidents: number;
  lower_bound_only: number;
  open_ended: number;
}

export interface Row {
  key: Record<string, string | null>;
  incidents: number;
  measures: Record<string, Figure>;
  point?: { lon: number; lat: number };
}

export interface Totals {
  rows: Row[];
  excluded: { period_totals: number; netted_parts: number; parts_exceed_whole: number; unlocated?: number; undated?: number };
  overlapping: boolean;
  as_of: number;
}

export interface Edition {
  seq: number;
  hash: string;
  recorded_at: string | null;
  counts: Record<string, number>;
}

export interface Code {
  code: string;
  label: string;
  definition: string;
  parent: string | null;
  crosswalk: Record<string, unknown>;
}

export interface CodeList {
  list: string;
  label: string;
  meaning: string;
  codes: Code[];
}

export interface Codebook {
  fields: { kind: string; field: string; type: string; meaning: string; codes: string | null }[];
  lists: CodeList[];
}

export interface RevisionEntry {
  version: number;
  seq: number;
  operation: string;
  author: string;
  /** Of the end of a record: why, and which one stands in its place. */
  reason: { code: string | null; note: string | null; successor: string | null } | null;
  recorded_at: string;
}

export interface PatchStep {
  op: string;
  path: string;
  value?: unknown;
}
