// Pages that are loaded when they are opened.
import type { ComponentChildren, ComponentType } from "preact";
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";

const Waiting = createContext<ComponentChildren>(null);

/** What is shown while a lazy page inside is on its way. */
export function Suspense({ fallback, children }: { fallback: ComponentChildren; children: ComponentChildren }) {
  return <Waiting.Provider value={fallback}>{children}</Waiting.Provider>;
}

/** A component that is loaded on first use. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [, again] = useState(0);
    const waiting = useContext(Waiting);
    useEffect(() => {
      if (!loaded)
        load().then((page) => {
          loaded = page;
          again(1);
        }, () => undefined);
    }, []);
    const Page = loaded;
    return Page ? <Page {...props} /> : <>{waiting}</>;
  };
}
