// The fault switches: one row of radio buttons per vendor.

import { make } from "/page/phones.js";

const VENDORS = { whatsapp: ["WhatsApp", "WhatsApp"], sms: ["SMS gateway", "SMS"], smtp: ["Mail server", "Mail"] };
const MODES = {
  none: ["Works", "Takes every message."],
  down: ["Down", "Answers every call with “not available”."],
  slow: ["Slow", "Answers late."],
  flaky: ["Flaky", "Fails every other call."],
  reject: ["Reject", "Refuses every message."],
  hang: ["Hang", "Takes the call and never answers; the message is not sent."],
  lost: ["Lost", "Sends the message, but the answer never arrives."],
};

const rows = new Map();

export function makeVendors(place, set) {
  for (const [provider, [name]] of Object.entries(VENDORS)) {
    const radios = new Map();
    const pills = Object.entries(MODES).map(([mode, [label, meaning]]) => {
      const radio = make("input");
      radio.type = "radio";
      radio.name = `fault-${provider}`;
      radio.value = mode;
      radio.addEventListener("change", () => set({ provider, mode }));
      radios.set(mode, radio);
      const pill = make("label", `pill ${mode}`, radio, make("span", "", label));
      pill.title = meaning;
      return pill;
    });
    const state = make("p", "state");
    const vendor = make("fieldset", `vendor ${provider}`, make("legend", "", name), make("div", "pills", ...pills), state);
    rows.set(provider, { vendor, radios, state });
    place.append(vendor);
  }
}

export function showFaults(faults) {
  for (const fault of faults) {
    const { vendor, radios, state } = rows.get(fault.provider);
    vendor.dataset.mode = fault.mode;
    radios.get(fault.mode).checked = true;
    const calls = fault.count === null ? "" : ` For ${fault.count} more ${fault.count === 1 ? "call" : "calls"}.`;
    const late = fault.mode === "slow" ? `Answers ${(fault.latency_ms / 1000).toLocaleString()} s late.` : null;
    state.textContent = (late ?? MODES[fault.mode][1]) + calls;
  }
  const broken = faults.filter((fault) => fault.mode !== "none");
  const health = document.getElementById("health");
  health.textContent = broken.length
    ? broken.map((fault) => `${VENDORS[fault.provider][1]} ${MODES[fault.mode][0].toLowerCase()}`).join(" · ")
    : "All working";
  health.classList.toggle("bad", broken.length > 0);
  document.getElementById("repair").disabled = broken.length === 0;
}
