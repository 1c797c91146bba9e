// Asks the API: each address once, a few at a time, and every refusal as a Refused that says why.

export class Refused extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly faults: string[],
  ) {
    super(detail);
  }
}

const KEPT = 150;
const AT_ONCE = 3;
const TRIES = 3;
const answers = new Map<string, Promise<unknown>>();
const waiting: (() => void)[] = [];
let running = 0;

/** The answer of an address of the API; the same promise for everybody who asks for it. */
export function ask<T>(path: string): Promise<T> {
  const known = answers.get(path);
  if (known) return known as Promise<T>;
  const answer = limited(() => load<T>(path));
  answers.set(path, answer);
  answer.catch(() => answers.delete(path));
  for (const oldest of answers.keys()) {
    if (answers.size <= KEPT) break;
    answers.delete(oldest);
  }
  return answer;
}

/** Forget what was answered, so that the next question is asked anew. */
export function forget(): void {
  answers.clear();
}

async function limited<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  count(1);
  try {
    return await work();
  } finally {
    count(-1);
    // The newest question first: it is the one that the reader is waiting for.
    waiting.pop()?.();
  }
}

/** How many questions are open; told on the page, for whoever waits for it to be complete. */
function count(more: number): void {
  running += more;
  document.documentElement.dataset.asking = String(running + waiting.length);
}

async function load<T>(path: string, tries = TRIES): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, { headers: { Accept: "application/json" } });
  } catch {
    throw new Refused(0, "The service does not answer.", []);
  }
  if ((answer.status === 503 || answer.status === 429) && tries > 1) {
    // Busy: it says for how long.
    const seconds = Math.min(10, Number(answer.headers.get("Retry-After")) || 1);
    await new Promise((later) => setTimeout(later, seconds * 1000));
    return load(path, tries - 1);
  }
  const body: unknown = await answer.json().catch(() => null);
  if (answer.ok) return body as T;
  const told = (body ?? {}) as { detail?: string; title?: string; errors?: { parameter?: string; detail: string }[] };
  const faults = (told.errors ?? []).map((one) => (one.parameter ? `${one.parameter}: ${one.detail}` : one.detail));
  throw new Refused(answer.status, told.detail ?? told.title ?? `${answer.status}`, faults);
}

/** A query string in the order given; empty values are left out. */
export function query(pairs: Iterable<readonly [string, string]>): string {
  const text = new URLSearchParams([...pairs].filter(([, value]) => value !== "").map(([name, value]) => [name, value])).toString();
  // Commas and colons mean nothing in a query string, and addresses are read by people, too.
  return text.replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("+", "%20");
}
