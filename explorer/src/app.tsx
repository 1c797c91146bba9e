// The frame of every page, and which page an address means.
import { useEffect } from "preact/hooks";
import { lazy, Suspense } from "./lazy";
import { LANGUAGES, type Language, language, t } from "./i18n";
import { Explore } from "./pages/explore";
import { address, go } from "./state/address";
import { type Theme, THEMES, theme } from "./state/theme";

const Record = lazy(() => import("./pages/record").then((page) => page.RecordPage));
const Kind = lazy(() => import("./pages/kinds").then((page) => page.KindPage));
const Codes = lazy(() => import("./pages/codebook").then((page) => page.CodebookPage));

const LINKS = [
  ["/", "nav_explore"],
  ["/actors", "nav_actors"],
  ["/locations", "nav_places"],
  ["/sources", "nav_sources"],
  ["/statistics", "nav_statistics"],
  ["/codebook", "nav_codebook"],
] as const;

/** The page of an address: the first part of its path, and the id of a record. */
function Page() {
  const [, kind = "", id] = address.value.path.split("/");
  if (kind === "codebook") return <Codes />;
  if (kind === "incidents" && id) return <Record id={id} key={id} />;
  if (["actors", "sources", "statistics", "locations"].includes(kind)) return <Kind kind={kind} id={id ?? null} key={address.value.path} />;
  return <Explore />;
}

/** The title of the window: that of the page, once it is there. */
function useTitle(): void {
  useEffect(() => {
    const tell = (): void => {
      const said = document.querySelector("h1")?.textContent;
      const title = said && address.value.path !== "/" ? `${said} · ${t("store")}` : t("store");
      if (document.title !== title) document.title = title;
    };
    tell();
    const watch = new MutationObserver(tell);
    watch.observe(document.getElementById("main") ?? document.body, { childList: true, subtree: true });
    return () => watch.disconnect();
  }, [address.value.path, language.value]);
}

export function App() {
  useTitle();
  const here = `/${address.value.path.split("/")[1] ?? ""}`;
  document.documentElement.lang = language.value;
  return (
    <>
      <a class="skip" href="#main" onClick={(click) => { click.preventDefault(); document.getElementById("main")?.focus(); }}>
        {t("skip")}
      </a>
      <header>
        <a class="name" href="/">
          <Mark /> {t("store")}
        </a>
        <nav aria-label={t("pages")}>
          {LINKS.map(([to, key]) => (
            <a key={to} href={to} aria-current={here === to || (to === "/" && here === "/incidents") ? "page" : undefined}>
              {t(key)}
            </a>
          ))}
          <a href="/docs">{t("nav_api")}</a>
        </nav>
        <div class="prefer">
          <select aria-label={t("language")} value={language.value} onChange={(event) => speak(event.currentTarget.value as Language)}>
            {Object.entries(LANGUAGES).map(([code, name]) => (
              <option key={code} value={code}>
                {name}
              </option>
            ))}
          </select>
          <select aria-label={t("theme")} value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
            {THEMES.map((one) => (
              <option key={one} value={one}>
                {t(`theme_${one}`)}
              </option>
            ))}
          </select>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <Suspense fallback={<p class="status">{t("loading")} …</p>}>
          <Page />
        </Suspense>
      </main>
    </>
  );
}

/** A circle of what is known around a point of what is certain. */
function Mark() {
  return (
    <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="16" r="12" fill="none" stroke="currentColor" stroke-width="3" stroke-dasharray="4 4" />
      <circle cx="16" cy="16" r="5" fill="var(--accent)" />
    </svg>
  );
}

function speak(code: Language): void {
  localStorage.setItem("lang", code);
  const params = new URLSearchParams(address.value.params);
  params.set("lang", code);
  go(`${address.value.path}?${params}`, { replace: true });
}
