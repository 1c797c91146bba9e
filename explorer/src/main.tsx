// Where the page begins.
import { effect } from "@preact/signals";
import { render } from "preact";
import "./style.css";
import { attempts } from "./api/ask";
import { App } from "./app";
import { loadCodes } from "./i18n";

const place = document.getElementById("page");
if (place) render(<App />, place);
// Codes stand for themselves until their labels are there.
effect(() => {
  void attempts.value;
  loadCodes().catch(() => undefined);
});
