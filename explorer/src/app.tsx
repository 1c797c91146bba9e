// The frame of the page.
export function App() {
  return <main><h1>Incidents</h1></main>;
}
