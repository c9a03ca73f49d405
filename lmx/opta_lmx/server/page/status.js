// LMX's status page: reads /status and draws it. The key, where one is needed, stays in this variable and is sent to LMX alone.
"use strict";

const PERIOD_MS = 2000;
let key = "";

const element = (id) => document.getElementById(id);

function size(bytes) {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return `${Math.round(bytes / 1e6)} MB`;
}

function count(number) {
  return number.toLocaleString("en");
}

function rows(id, lines) {
  const body = document.createElement("tbody");
  for (const line of lines) {
    const row = body.insertRow();
    for (const text of line) row.insertCell().textContent = text;
  }
  element(id).tBodies[0].replaceWith(body);
}

function say(text, kind) {
  element("state").textContent = text;
  element("state").className = kind;
}

function draw(status) {
  const { memory, requests, tokens } = status;
  const summary = [
    ["Speed", `${count(status.tokens_per_second)} tok/s`],
    ["Memory", `${size(memory.used)} of ${size(memory.limit)}`],
    ["Running", count(requests.running - requests.waiting)],
    ["Waiting", count(requests.waiting)],
    ["Requests", count(requests.total)],
    ["Failed", count(requests.failed)],
    ["Prompt tokens", count(tokens.prompt)],
    ["From cache", count(tokens.cached)],
    ["Answer tokens", count(tokens.completion)],
  ];
  element("summary").replaceChildren(
    ...summary.map(([name, text]) => {
      const box = document.createElement("div");
      const term = document.createElement("dt");
      const value = document.createElement("dd");
      term.textContent = name;
      value.textContent = text;
      box.append(term, value);
      return box;
    }),
  );
  rows(
    "models",
    status.models.map((model) => [
      model.default ? `${model.id} (default)` : model.id,
      model.problem ? `${model.state}: ${model.problem}` : model.state,
      size(model.memory || model.bytes),
      model.context_length ? count(model.context_length) : "",
      count(model.running),
    ]),
  );
  rows(
    "clients",
    status.clients.map((client) =>
      [client.name, ...[client.requests, client.failed, client.prompt, client.cached, client.completion].map(count)],
    ),
  );
  const isLoaded = status.models.some((model) => model.state === "loaded");
  if (memory.level !== "ok") say(`Memory is short (${memory.level})`, "warn");
  else say(isLoaded ? "Ready" : "No model is loaded", isLoaded ? "ok" : "warn");
}

async function refresh() {
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  const answer = await fetch("/status", { headers, cache: "no-store" });
  const needsKey = answer.status === 401;
  element("key-form").hidden = !needsKey;
  element("figures").hidden = !answer.ok;
  if (answer.ok) draw(await answer.json());
  else say(needsKey ? (key ? "This key is not known" : "Locked") : `LMX answers ${answer.status}`, "warn");
  return !needsKey;
}

async function watch() {
  let goesOn = true;
  try {
    if (!document.hidden) goesOn = await refresh();
  } catch {
    say("LMX does not answer", "err");
  }
  if (goesOn) setTimeout(watch, PERIOD_MS);
}

element("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = element("key").value.trim();
  watch();
});
watch();
