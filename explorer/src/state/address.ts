// The address is the state: what is in it, how it changes, and links that change it without loading the page anew.
import { signal } from "@preact/signals";

export interface Address {
  path: string;
  params: URLSearchParams;
}

const read = (): Address => ({ path: location.pathname, params: new URLSearchParams(location.search) });

export const address = signal<Address>(read());

/** Go to another address of the page. `replace`: without a step back to this one. */
export function go(to: string, { replace = false } = {}): void {
  if (to === location.pathname + location.search) return;
  const before = location.pathname;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  address.value = read();
  if (!replace && location.pathname !== before) {
    scrollTo(0, 0);
    // The new page is announced, and the keyboard goes on from its beginning.
    requestAnimationFrame(() => document.querySelector<HTMLElement>("main")?.focus());
  }
}

addEventListener("popstate", () => {
  address.value = read();
});

document.addEventListener("click", (click) => {
  const link = (click.target as Element).closest?.("a");
  if (!link || click.defaultPrevented || click.button || click.metaKey || click.ctrlKey || click.shiftKey || click.altKey) return;
  if (link.origin !== location.origin || link.target || link.hasAttribute("download") || !isPage(link.pathname)) return;
  if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
  click.preventDefault();
  go(link.pathname + link.search);
});

function isPage(path: string): boolean {
  return path === "/" || /^\/(incidents|actors|locations|sources|statistics|codebook)(\/|$)/.test(path);
}
