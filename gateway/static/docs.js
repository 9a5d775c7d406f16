"use strict";

// Readiness of the gateway and of each service, next to the title.
async function showState() {
  const state = document.getElementById("state");
  try {
    const ready = await (await fetch("/readyz")).json();
    const away = Object.entries(ready.services).filter(([, s]) => s.breaker !== "closed").map(([name]) => name);
    state.className = "state " + (ready.ready && away.length === 0 ? "good" : "poor");
    state.textContent = !ready.ready ? "starting" : away.length ? "not answering: " + away.join(", ") : "all services up";
  } catch {
    state.className = "state poor";
    state.textContent = "gateway not answering";
  }
}

// One link per service, to its part of the page.
function listServices(spec) {
  const nav = document.getElementById("services");
  for (const tag of spec.tags ?? []) {
    const link = document.createElement("a");
    link.href = "#operations-tag-" + tag.name;
    link.textContent = tag.name;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const section = document.getElementById("operations-tag-" + tag.name);
      section?.scrollIntoView({ behavior: "smooth" });
    });
    nav.append(link);
  }
}

async function start() {
  const spec = await (await fetch("/openapi.json")).json();
  listServices(spec);
  SwaggerUIBundle({
    spec,
    dom_id: "#api",
    layout: "BaseLayout",
    presets: [SwaggerUIBundle.presets.apis],
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: -1,
    displayRequestDuration: true,
    filter: true,
    persistAuthorization: true,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
}

start();
showState();
setInterval(showState, 10000);
