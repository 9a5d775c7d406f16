// The page's state: what arrived, what the reader filters by, and the loop that asks for news.

import { fillPhone, makePhone, nameOf, settle } from "/page/phones.js";
import { makeVendors, showFaults } from "/page/vendors.js";

const POLL_MS = 600;
const PHONES_AT_ONCE = 48;

const byId = (id) => document.getElementById(id);
const phones = byId("phones");

let epoch = null;
let revision = 0;
let limit = PHONES_AT_ONCE;
let conversations = new Map(); // address -> { to, messages: Map(id -> message), latest, element }

const filter = { digits: new URLSearchParams(location.search).get("to")?.trim() ?? "", channel: "" };

async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

// --- news -----------------------------------------------------------------------------------------

async function listen() {
  try {
    const news = await ask("GET", `/feed?after=${revision}${epoch ? `&epoch=${epoch}` : ""}`);
    take(news);
    showLive("on", "Live");
  } catch {
    showLive("off", "Sandbox is away");
  }
  setTimeout(() => (document.hidden ? wakeOnReturn() : listen()), POLL_MS);
}

function wakeOnReturn() {
  if (!document.hidden) return void listen();
  document.addEventListener("visibilitychange", () => wakeOnReturn(), { once: true });
}

function take(news) {
  const first = epoch === null;
  const afresh = news.epoch !== epoch;
  if (afresh) conversations = new Map();
  epoch = news.epoch;
  revision = news.revision;
  for (const message of news.messages) keep(message, !afresh);
  if (news.messages.length || afresh) render();
  if (!first) announce(news.messages.filter((message) => message.direction === "out" && message.fresh));
  for (const message of news.messages) message.fresh = false;
  showFaults(news.faults);
  showWebhooks(news.webhooks);
}

function keep(message, isNews) {
  let conversation = conversations.get(message.to);
  if (!conversation) {
    conversation = { to: message.to, messages: new Map(), latest: "", element: null };
    conversations.set(message.to, conversation);
  }
  message.fresh = isNews && !conversation.messages.has(message.id);
  conversation.messages.set(message.id, message);
  if (message.at > conversation.latest) conversation.latest = message.at;
  conversation.changed = true;
}

function announce(fresh) {
  if (fresh.length === 1) byId("news").textContent = `New ${nameOf(fresh[0].channel)} message for ${fresh[0].to}`;
  if (fresh.length > 1) byId("news").textContent = `${fresh.length} new messages`;
}

// --- what is shown --------------------------------------------------------------------------------

function passes(message) {
  return !filter.channel || message.channel === filter.channel;
}

function visible(conversation) {
  const wanted = filter.digits.toLowerCase().replace(/[^\w@.-]/g, "");
  if (!conversation.to.toLowerCase().includes(wanted)) return false;
  return [...conversation.messages.values()].some(passes);
}

function render() {
  const all = [...conversations.values()].filter(visible).sort((a, b) => (a.latest < b.latest ? 1 : -1));
  const shown = all.slice(0, limit);
  for (const conversation of shown) {
    conversation.element ??= makePhone(conversation.to, reply);
    if (conversation.changed) fillPhone(conversation.element, [...conversation.messages.values()].filter(passes));
    conversation.changed = false;
  }
  arrange(shown.map((conversation) => conversation.element));
  const hidden = all.length - shown.length;
  byId("more").hidden = hidden === 0;
  byId("more").textContent = `Show ${Math.min(hidden, PHONES_AT_ONCE)} more of ${hidden}`;
  showEmpty(all.length === 0);
}

function arrange(wanted) {
  const scrolled = wanted.map((element) => element.querySelector(".screen").scrollTop);
  settle(phones, phones.contains(document.activeElement) ? inPlace(wanted) : wanted);
  wanted.forEach((element, place) => {
    if (element.dataset.scroll) toTheEnd(element);
    else element.querySelector(".screen").scrollTop = scrolled[place];
  });
}

// Somebody who is typing or reading with the keyboard must not have the phone taken from under the cursor.
function inPlace(wanted) {
  const there = [...phones.children].filter((element) => wanted.includes(element));
  return [...there, ...wanted.filter((element) => !there.includes(element))];
}

function toTheEnd(element) {
  const screen = element.querySelector(".screen");
  screen.scrollTop = screen.scrollHeight;
  delete element.dataset.scroll;
}

function showEmpty(empty) {
  const filtered = Boolean(filter.digits || filter.channel) && conversations.size > 0;
  byId("empty").hidden = !empty;
  byId("show-all").hidden = !filtered;
  byId("empty-title").textContent = filtered ? "No such messages" : "Every phone is quiet";
  byId("empty-text").textContent = filtered
    ? `Nothing has arrived for this filter. There are messages for ${conversations.size} others.`
    : "Book an appointment or ask for a login code, and it rings here within a second.";
}

function showLive(state, text) {
  const live = byId("live");
  live.dataset.state = state;
  live.querySelector("b").textContent = text;
}

function showWebhooks(tally) {
  byId("target").textContent = tally.target.replace(/^https?:\/\//, "");
  byId("delivered").textContent = tally.delivered.toLocaleString();
  byId("pending").textContent = tally.pending.toLocaleString();
  byId("given-up").textContent = tally.given_up.toLocaleString();
  const troubled = (tally.pending > 0 || tally.given_up > 0) && tally.last_problem;
  byId("problem").hidden = !troubled;
  byId("problem").textContent = troubled ? `Last problem: ${tally.last_problem}` : "";
}

// --- what the reader does -------------------------------------------------------------------------

async function reply(to, text) {
  await ask("POST", "/whatsapp/incoming", { from: to, text });
}

function refilter() {
  filter.digits = byId("to").value.trim();
  filter.channel = new FormData(byId("filters")).get("channel");
  limit = PHONES_AT_ONCE;
  const query = filter.digits ? `?to=${encodeURIComponent(filter.digits)}` : location.pathname;
  history.replaceState(null, "", query);
  for (const conversation of conversations.values()) conversation.changed = true;
  render();
}

function toggleTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem("theme", next);
}

function start() {
  byId("to").value = filter.digits;
  byId("filters").addEventListener("input", refilter);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("show-all").addEventListener("click", () => {
    byId("filters").reset();
    byId("to").value = "";
    refilter();
  });
  byId("more").addEventListener("click", () => {
    limit += PHONES_AT_ONCE;
    render();
  });
  byId("clear").addEventListener("click", () => ask("DELETE", "/messages"));
  byId("repair").addEventListener("click", () => ask("DELETE", "/faults"));
  byId("theme").addEventListener("click", toggleTheme);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.matches("input")) {
      event.preventDefault();
      byId("to").focus();
    }
  });
  if (matchMedia("(max-width: 900px)").matches) byId("switches").open = false;
  makeVendors(byId("vendors"), (fault) => ask("POST", "/faults", fault));
  listen();
}

start();
