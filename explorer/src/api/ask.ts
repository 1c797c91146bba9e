// The answer of an address as something that a view can draw: what is known now, whether more is coming, what went wrong.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { ask, type Pause, pauses, type Refused } from "./client";

export interface Answer<T> {
  data: T | null;
  error: Refused | null;
  loading: boolean;
  /** Until when the service is given time, where it had none. */
  pause: Pause | null;
}

/** How often the reader has said that what failed is to be tried again. */
export const attempts = signal(0);

/** Ask again for everything that failed; what was answered stays. */
export function again(): void {
  attempts.value += 1;
}

type State<T> = Omit<Answer<T>, "pause"> & { path: string | null };

/** Asks for the address whenever it changes, and takes the old question back; what was answered before stays until the new answer is there. */
export function useAnswer<T>(path: string | null): Answer<T> {
  const [state, set] = useState<State<T>>({ data: null, error: null, loading: path !== null, path: null });
  const attempt = attempts.value;
  useEffect(() => {
    if (path === null) return undefined;
    const wanted = new AbortController();
    set((before) => ({ ...before, error: null, loading: true }));
    ask<T>(path, wanted.signal).then(
      (data) => wanted.signal.aborted || set({ data, error: null, loading: false, path }),
      (error: Refused) => wanted.signal.aborted || set({ data: null, error, loading: false, path }),
    );
    return () => wanted.abort();
  }, [path, attempt]);
  const pause = (path !== null && pauses.value.get(path)) || null;
  return path === state.path ? { ...state, pause } : { ...state, loading: path !== null, pause };
}
