// The answer of an address as something that a view can draw: what is known now, whether more is coming, what went wrong.
import { useEffect, useState } from "preact/hooks";
import { ask, type Refused } from "./client";

export interface Answer<T> {
  data: T | null;
  error: Refused | null;
  loading: boolean;
}

/** Asks for the address whenever it changes, and takes the old question back; what was answered before stays until the new answer is there. */
export function useAnswer<T>(path: string | null): Answer<T> {
  const [state, set] = useState<Answer<T> & { path: string | null }>({ data: null, error: null, loading: path !== null, path: null });
  useEffect(() => {
    if (path === null) return undefined;
    const wanted = new AbortController();
    set((before) => ({ ...before, loading: true }));
    ask<T>(path, wanted.signal).then(
      (data) => wanted.signal.aborted || set({ data, error: null, loading: false, path }),
      (error: Refused) => wanted.signal.aborted || set({ data: null, error, loading: false, path }),
    );
    return () => wanted.abort();
  }, [path]);
  return path === state.path ? state : { ...state, loading: path !== null };
}
