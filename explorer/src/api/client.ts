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

interface Question {
  answer: Promise<unknown>;
  /** How many want it still; whoever cannot change his mind counts for ever. */
  wanted: number;
  open: boolean;
  stop: AbortController;
}

const questions = new Map<string, Question>();
const waiting: (() => void)[] = [];
let running = 0;

/** The answer of an address of the API; the same for everybody who asks. When the last `signal` says that nobody waits any more, the question is taken back. */
export function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  const question = questions.get(path) ?? begin(path);
  question.wanted += 1;
  signal?.addEventListener("abort", () => {
    question.wanted -= 1;
    if (question.wanted || !question.open) return;
    question.stop.abort();
    if (questions.get(path) === question) questions.delete(path);
  });
  return question.answer as Promise<T>;
}

function begin(path: string): Question {
  const stop = new AbortController();
  const question: Question = { answer: limited(() => load(path, stop.signal)), wanted: 0, open: true, stop };
  questions.set(path, question);
  question.answer.then(
    () => (question.open = false),
    () => questions.get(path) === question && questions.delete(path),
  );
  for (const [oldest, { open }] of questions) {
    if (questions.size <= KEPT) break;
    if (!open) questions.delete(oldest);
  }
  return question;
}

/** Forget what was answered, so that the next question is asked anew. */
export function forget(): void {
  questions.clear();
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

async function load(path: string, stop: AbortSignal, tries = TRIES): Promise<unknown> {
  // Whoever was waiting in the queue may have gone.
  stop.throwIfAborted();
  let answer: Response;
  try {
    answer = await fetch(path, { headers: { Accept: "application/json" }, signal: stop });
  } catch {
    throw new Refused(0, "The service does not answer.", []);
  }
  if ((answer.status === 503 || answer.status === 429) && tries > 1) {
    // Busy: it says for how long.
    const seconds = Math.min(10, Number(answer.headers.get("Retry-After")) || 1);
    await new Promise((later) => setTimeout(later, seconds * 1000));
    return load(path, stop, tries - 1);
  }
  const body: unknown = await answer.json().catch(() => null);
  if (answer.ok) return body;
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
