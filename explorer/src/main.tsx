// Where the page begins.
import { render } from "preact";
import "./style.css";
import { App } from "./app";

const place = document.getElementById("page");
if (place) render(<App />, place);
