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

// One link per service, to the first of its parts of the page; Swagger UI writes spaces in ids as underscores.
function listServices(spec) {
  const nav = document.getElementById("services");
  for (const group of spec["x-tagGroups"] ?? []) {
    const id = "operations-tag-" + group.tags[0].replaceAll(" ", "_");
    const link = document.createElement("a");
    link.href = "#" + id;
    link.textContent = group.name;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      document.getElementById(id)?.scrollIntoView({ behavior: "smooth" });
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
