// Where the page begins.
import { render } from "preact";
import "./style.css";
import { App } from "./app";
import { loadCodes } from "./i18n";

const place = document.getElementById("page");
if (place) render(<App />, place);
// Codes stand for themselves until their labels are there.
loadCodes().catch(() => undefined);
