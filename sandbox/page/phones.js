// One phone and its bubbles. Everything that came in a message is set as text, never as HTML.

const CHANNELS = { whatsapp: "WhatsApp", sms: "SMS", email: "Mail" };
const BUBBLES_AT_ONCE = 150;
const CODE = /(?<![\d+₹.,:/-])\d{6}(?![\d:/-]|[.,]\d)/;
const CODE_WORDS = /\b(code|otp|passcode|verification|verify|pin)\b/i;

export const nameOf = (channel) => CHANNELS[channel] ?? channel;

export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null));
  return element;
}

function icon(...paths) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 14");
  svg.setAttribute("aria-hidden", "true");
  for (const shape of paths) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", shape);
    svg.append(path);
  }
  return svg;
}

// --- the phone ------------------------------------------------------------------------------------

export function makePhone(to, reply) {
  const mail = to.includes("@");
  const avatar = make("span", "avatar", mail ? to[0].toUpperCase() : to.slice(-2));
  avatar.setAttribute("aria-hidden", "true");
  const title = make("h3", "", formatted(to));
  const phone = make(
    "article",
    mail ? "phone mailbox" : "phone",
    make("header", "", avatar, make("div", "", title, make("p", "count"))),
    screenFor(to),
    mail ? null : replyForm(to, reply),
  );
  phone.style.setProperty("--hue", String(hue(to)));
  phone.setAttribute("aria-label", formatted(to));
  return phone;
}

function screenFor(to) {
  const screen = make("ol", "screen");
  screen.tabIndex = 0; // so that the keyboard can scroll it
  screen.setAttribute("aria-label", `Messages to ${formatted(to)}`);
  return screen;
}

function replyForm(to, reply) {
  const input = make("input");
  input.placeholder = "Reply on WhatsApp";
  input.maxLength = 4096;
  input.required = true;
  input.autocomplete = "off";
  input.setAttribute("aria-label", `Reply on WhatsApp from ${formatted(to)}`);
  const button = make("button", "", icon("M2 1 18 7 2 13 4.500 7Z"));
  button.setAttribute("aria-label", "Send reply");
  const form = make("form", "reply", input, button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    button.disabled = true;
    try {
      await reply(to, text);
      input.value = "";
      input.setCustomValidity("");
    } catch {
      input.setCustomValidity("The reply could not be sent");
      input.reportValidity();
      input.setCustomValidity("");
    }
    button.disabled = false;
  });
  return form;
}

// `messages`: what to show, in any order. Bubbles that are there already stay, with their focus and scroll.
export function fillPhone(phone, messages) {
  messages.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const screen = phone.querySelector(".screen");
  const known = new Map([...screen.children].map((row) => [row.dataset.id, row]));
  const atTheEnd = !screen.isConnected || screen.scrollHeight - screen.scrollTop - screen.clientHeight < 60;
  const rows = [];
  let day = "";
  for (const message of messages.slice(-BUBBLES_AT_ONCE)) {
    const itsDay = dayOf(message.at);
    if (itsDay !== day) rows.push(known.get(itsDay) ?? keyed(itsDay, make("li", "day", itsDay)));
    day = itsDay;
    const row = known.get(message.id) ?? keyed(message.id, bubble(message));
    update(row, message);
    rows.push(row);
  }
  settle(screen, rows);
  const last = messages.at(-1);
  if (atTheEnd || (last.fresh && last.direction === "in")) phone.dataset.scroll = "end";
  const noun = messages.length === 1 ? "message" : "messages";
  phone.querySelector(".count").textContent = `${messages.length} ${noun} · ${timeOf(last.at)}`;
}

// Make `wanted` the children of `parent` in this order, and touch only what has to move.
export function settle(parent, wanted) {
  const staying = new Set(wanted);
  for (const child of [...parent.children]) if (!staying.has(child)) child.remove();
  wanted.forEach((element, place) => {
    if (parent.children[place] !== element) parent.insertBefore(element, parent.children[place] ?? null);
  });
}

function keyed(id, row) {
  row.dataset.id = id;
  return row;
}

// --- a bubble -------------------------------------------------------------------------------------

function bubble(message) {
  const mine = message.direction === "in";
  const row = make(
    "li",
    `bubble ${message.channel} ${message.direction}`,
    make("p", "from", make("b", "", mine ? "Reply" : nameOf(message.channel)), make("span", "", origin(message))),
    message.subject ? make("p", "subject", message.subject) : null,
    code(message),
    make("p", "text", message.body),
    make("p", "note"),
    make("p", "foot"),
  );
  row.classList.toggle("fresh", message.fresh);
  return row;
}

// What changes while a message is on its way.
function update(row, message) {
  if (row.dataset.revision === String(message.revision)) return;
  row.dataset.revision = message.revision;
  row.classList.toggle("failed", message.status === "failed");
  const note = row.querySelector(".note");
  note.hidden = !message.note;
  note.textContent = message.note ?? "";
  const status = message.direction === "in" ? [] : [progress(message)].filter(Boolean);
  row.querySelector(".foot").replaceChildren(time(message.at), ...status);
}

function origin(message) {
  if (message.direction === "in") return "";
  if (message.channel === "sms") return message.sender ?? "";
  if (message.channel === "email") return message.sender ?? "";
  return message.template?.replaceAll("_", " ") ?? "free text";
}

function code(message) {
  const found = message.body.match(CODE);
  const named = CODE_WORDS.test(message.body) || /otp|code/i.test(message.template ?? "");
  if (!found || !named || message.direction === "in") return null;
  const digits = make("output", "digits", found[0]);
  digits.setAttribute("aria-label", `Code ${[...found[0]].join(" ")}`);
  const button = make("button", "copy", "Copy");
  button.type = "button";
  button.setAttribute("aria-label", `Copy code ${found[0]}`);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(found[0]);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return make("div", "code", digits, button);
}

function progress(message) {
  if (message.channel === "email") return null;
  if (message.status === "failed") return make("span", "status bad", "Not delivered");
  if (message.channel === "sms") return make("span", "status", message.status === "delivered" ? "Delivered" : "Sending");
  const one = "m1.500 7.500 3.700 3.700L13 2.800";
  const two = "m9 9.800 1.400 1.400L18.200 2.800";
  const ticks = { accepted: icon("M8 1.500a5.500 5.500 0 1 0 .01 0M8 4v3.200l2 1.500"), sent: icon(one) };
  const status = make("span", `ticks ${message.status}`, ticks[message.status] ?? icon(one, two));
  status.setAttribute("role", "img");
  status.setAttribute("aria-label", message.status);
  status.title = message.status;
  return status;
}

// --- how things read ------------------------------------------------------------------------------

function time(at) {
  const element = make("time", "", timeOf(at));
  element.dateTime = at;
  element.title = new Date(at).toLocaleString();
  return element;
}

const timeOf = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function dayOf(at) {
  const date = new Date(at);
  const today = new Date();
  if (date.toDateString() === today.toDateString()) return "Today";
  return date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
}

function formatted(to) {
  const indian = to.match(/^\+91(\d{5})(\d{5})$/);
  return indian ? `+91 ${indian[1]} ${indian[2]}` : to;
}

// Neighbouring numbers get colours far apart.
const hue = (text) => ([...text].reduce((sum, letter) => sum * 10 + letter.charCodeAt(0), 0) * 137) % 360;
