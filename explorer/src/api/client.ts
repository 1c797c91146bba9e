// Asks the API: each address once, a few at a time, again where the service is busy, and every refusal as a Refused that says why.
import { signal } from "@preact/signals";

/** A problem (RFC 9457) as far as the page reads it; of an ended record also why, and which one stands in its place. */
interface Problem {
  detail?: string;
  title?: string;
  errors?: { parameter?: string; detail: string }[];
  reason?: string;
  note?: string | null;
  successor?: string | null;
}

export class Refused extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly faults: string[] = [],
    /** After how many seconds it is worth asking again; null where it is not. */
    readonly after: number | null = null,
    /** All that the problem says. */
    readonly told: Problem = {},
  ) {
    super(detail);
  }
}

const KEPT = 150;
const TRIES = 4;
const LONGEST = 30;

interface Question {
  answer: Promise<unknown>;
  /** How many want it still; whoever cannot change his mind counts for ever. */
  wanted: number;
  open: boolean;
  stop: AbortController;
}

interface Queue {
  free: number;
  waiting: (() => void)[];
}

/** Sums can take long. They queue by themselves, so that a list, a record or a shape never stands behind them. */
const SUMS: Queue = { free: 3, waiting: [] };
const OTHERS: Queue = { free: 6, waiting: [] };

export interface Pause {
  /** The moment at which it is asked again. */
  until: number;
  /** Ask again now. */
  end: () => void;
}

/** The questions for which the service had no time, by their address. */
export const pauses = signal<ReadonlyMap<string, Pause>>(new Map());

const questions = new Map<string, Question>();
let open = 0;

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
  const question: Question = { answer: answered(path, stop.signal), wanted: 0, open: true, stop };
  questions.set(path, question);
  count(1);
  question.answer
    .then(
      () => (question.open = false),
      () => questions.get(path) === question && questions.delete(path),
    )
    .finally(() => count(-1));
  for (const [oldest, { open }] of questions) {
    if (questions.size <= KEPT) break;
    if (!open) questions.delete(oldest);
  }
  return question;
}

/** How many questions are open; told on the page, for whoever waits for it to be complete. */
function count(more: number): void {
  open += more;
  document.documentElement.dataset.asking = String(open);
}

async function answered(path: string, stop: AbortSignal): Promise<unknown> {
  for (let tries = TRIES; ; tries -= 1) {
    try {
      return await inTurn(path.startsWith("/v1/totals") ? SUMS : OTHERS, () => load(path, stop));
    } catch (error) {
      if (!(error instanceof Refused) || error.after === null || tries <= 1) throw error;
      // Nobody else has to wait meanwhile: the turn was given back.
      await pause(path, error.after, stop);
    }
  }
}

async function inTurn<T>(queue: Queue, work: () => Promise<T>): Promise<T> {
  if (queue.free) queue.free -= 1;
  else await new Promise<void>((go) => queue.waiting.push(go));
  try {
    return await work();
  } finally {
    // The newest question first: it is the one that the reader is waiting for.
    const next = queue.waiting.pop();
    if (next) next();
    else queue.free += 1;
  }
}

function pause(path: string, seconds: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      pauses.value = new Map([...pauses.value].filter(([other]) => other !== path));
      resolve();
    };
    const timer = setTimeout(end, seconds * 1000);
    stop.addEventListener("abort", end);
    pauses.value = new Map([...pauses.value, [path, { until: Date.now() + seconds * 1000, end }]]);
  });
}

async function load(path: string, stop: AbortSignal): Promise<unknown> {
  // Whoever was waiting in the queue may have gone.
  stop.throwIfAborted();
  let answer: Response;
  try {
    answer = await fetch(path, { headers: { Accept: "application/json" }, signal: stop });
  } catch {
    throw new Refused(0, "The service does not answer.");
  }
  const body: unknown = await answer.json().catch(() => null);
  if (answer.ok) return body;
  const told = (body ?? {}) as Problem;
  const faults = (told.errors ?? []).map((one) => (one.parameter ? `${one.parameter}: ${one.detail}` : one.detail));
  const busy = answer.status === 503 || answer.status === 429;
  const after = busy ? Math.min(LONGEST, Number(answer.headers.get("Retry-After")) || 1) : null;
  throw new Refused(answer.status, told.detail ?? told.title ?? `${answer.status}`, faults, after, told);
}

/** A query string in the order given; empty values are left out. */
export function query(pairs: Iterable<readonly [string, string]>): string {
  const text = new URLSearchParams([...pairs].filter(([, value]) => value !== "").map(([name, value]) => [name, value])).toString();
  // Commas and colons mean nothing in a query string, and addresses are read by people, too.
  return text.replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("+", "%20");
}
