// The first page: one filter, its sums, and four views of it.
import { t } from "../i18n";
import { Actions } from "../parts/actions";
import { Filters } from "../parts/filters";
import { Search } from "../parts/search";
import { Summary, useSelection } from "../parts/summary";
import { addressWith, type View, VIEWS, view } from "../state/filter";
import { FacetsView } from "../views/facets";
import { MapView } from "../views/map";
import { TableView } from "../views/table";
import { TimelineView } from "../views/timeline";

const SHOWN: Record<View, () => preact.JSX.Element> = { map: MapView, timeline: TimelineView, table: TableView, facets: () => <FacetsView /> };

export function Explore() {
  const Shown = SHOWN[view.value];
  // What the service refuses to read is said once, not by every part of the page.
  const refused = useSelection().answer.error?.status === 400;
  return (
    <div class="explore">
      <h1 class="unseen">{t("nav_explore")}</h1>
      <div class="ask">
        <Search />
        <Filters />
      </div>
      <Summary />
      {!refused && (
        <>
          <div class="bar">
            <nav class="tabs" aria-label={t("views")}>
              {VIEWS.map((one) => (
                <a key={one} href={addressWith({ view: one === "map" ? null : one })} aria-current={one === view.value ? "page" : undefined}>
                  {t(`view_${one}`)}
                </a>
              ))}
            </nav>
            <Actions />
          </div>
          <div class="columns">
            {view.value !== "facets" && (
              <aside class="beside" aria-label={t("view_facets")}>
                <button type="button" class="over" onClick={() => document.querySelector<HTMLElement>(".view")?.focus()}>
                  {t("skip_facets")}
                </button>
                <FacetsView narrow />
              </aside>
            )}
            <section class="view" tabIndex={-1} aria-label={t(`view_${view.value}`)}>
              <Shown />
            </section>
          </div>
        </>
      )}
    </div>
  );
}
