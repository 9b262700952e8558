// The page: a small Slack. It draws the state of the workspace, which it waits for, and sends what a person does.
import { mrkdwn, node, zone } from "./mrkdwn.js";
import { render, stateOf } from "./blocks.js";

const root = location.pathname.replace(/[^/]*$/, "");
const at = (id) => document.getElementById(id);
const HOME = "home";
let state = null, user = null, place = null, thread = null, drawn = {}, problem = null;

async function call(act, body = {}) {
  const response = await fetch(root + act, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ user, ...body }) });
  const answer = await response.json();
  if (!response.ok || answer.problem) tell(answer.problem ?? `The preview answered ${response.status}.`);
  return answer;
}

function tell(what) {
  at("problem").textContent = what ?? "";
  clearTimeout(problem);
  problem = setTimeout(() => { at("problem").textContent = ""; }, 8000);
}

async function follow() {
  for (let version = -1; ; ) {
    try {
      const response = await fetch(`${root}state?since=${version}`);
      if (!response.ok) throw new Error(response.status);
      state = await response.json();
      state.received = performance.now();
      version = state.version;
      zone.name = state.zone;
      user ??= state.people[0].id;
      place ??= state.channels[0].id;
      draw();
    } catch {
      tell("The preview has stopped. Start it again with: fluentsd slack preview");
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

// ── drawing ────────────────────────────────────────────────────────────────────────────────────────────────────────

const names = () => Object.fromEntries([...state.people, ...state.channels, { id: state.bot, name: state.app }].map((one) => [one.id, one.name]));
const mine = () => `D${user}`;

// Draw a part again only when what it shows has changed, so that nobody loses what they type.
function part(id, key, content) {
  const now = JSON.stringify(key);
  if (drawn[id] === now) return;
  drawn[id] = now;
  const holder = at(id);
  holder.replaceChildren(...[content()].flat());
}

function draw() {
  part("people", [state.people, user], () => state.people.map((one) => node("option", { value: one.id, selected: one.id === user }, `${one.name} (${one.role})`)));
  part("places", [state.channels, place, mine(), unread()], () => [
    ...state.channels.map((one) => go(one.id, `# ${one.name}`)), go(mine(), state.app), go(HOME, "Home of the app")]);
  tick();
  at("main").classList.toggle("home", place === HOME);
  at("composer").hidden = place === HOME;
  if (place === HOME) part("messages", ["home", user, state.homes[user]], home);
  else part("messages", [place, user, shown(), thread], () => shown().map(message));
  part("thread", [place, user, thread, replies()], threadPart);
  at("thread").hidden = !thread;
  modal();
}

function tick() {
  if (!state) return;
  const now = state.now + ((performance.now() - state.received) / 1000) * state.speed;
  at("clock").textContent = new Date(now * 1000).toLocaleString("en-US", { weekday: "short", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short", timeZone: state.zone });
}

const visible = (one) => !one.deleted && (!one.only || one.only === user);
const inPlace = () => state.messages.filter((one) => one.channel === place && visible(one));
const shown = () => inPlace().filter((one) => !one.thread);
const replies = () => thread ? inPlace().filter((one) => one.thread === thread || one.ts === thread) : [];
const unread = () => state.channels.length;

function go(id, label) {
  return node("button", { class: id === place ? "here" : "", onclick: () => { place = id; thread = null; if (id === HOME) call("home"); draw(); bottom(); } }, label);
}

function home() {
  const view = state.homes[user];
  if (!view) return [node("p", { class: "hint" }, "Opening…")];
  return render(view.blocks, context({ surface: "home" }, () => at("messages")));
}

function message(one) {
  const count = inPlace().filter((each) => each.thread === one.ts).length;
  const author = one.author ? names()[one.author] ?? one.author : state.app;
  const made = node("article", { class: `message ${one.only ? "only" : ""}`, "data-ts": one.ts },
    node("div", { class: `face ${one.author ? "" : "app"}` }, author.slice(0, 1)),
    node("div", { class: "content" },
      node("div", { class: "author" }, node("b", {}, author), one.author ? null : node("span", { class: "badge" }, "APP"),
        node("time", {}, new Date(one.at * 1000).toLocaleTimeString("en-US", { hour: "numeric", minute: "2-digit", timeZone: state.zone })),
        one.only ? node("span", { class: "hint" }, "Only visible to you") : null),
      one.blocks.length ? render(one.blocks, context({ surface: "message", channel: one.channel, ts: one.ts }, () => made)) : node("div", { class: "section" }, mrkdwn(one.text, names())),
      one.edits && !one.only ? node("span", { class: "hint" }, "(edited)") : null,
      count && !thread ? node("button", { class: "replies", onclick: () => { thread = one.ts; draw(); } }, `${count} ${count === 1 ? "reply" : "replies"}`) : null));
  return made;
}

function threadPart() {
  if (!thread) return [];
  return [node("header", {}, node("b", {}, "Thread"), node("button", { class: "plain", "aria-label": "Close", onclick: () => { thread = null; draw(); } }, "×")),
    ...replies().map(message), composer("thread-text", `Reply, with @${state.app} to ask the app`)];
}

function bottom() { const list = at("messages"); list.scrollTop = list.scrollHeight; }

// ── modals ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function modal() {
  const view = (state.views[user] ?? []).at(-1);
  part("modal", view ? [view.id, view.hash] : null, () => view ? [modalPart(view)] : []);
}

function modalPart(view) {
  const about = context({ surface: "view", view: view.id }, () => form);
  const shown = at("modal").querySelector("form");
  const before = shown?.view === view.id ? shown : null; // the same view, drawn again: what was entered stays, as in Slack
  const kept = before ? entered(before) : {};
  const form = node("form", { class: "dialog", role: "dialog", "aria-label": view.title.text, onsubmit: (event) => { event.preventDefault(); submit(view, form); } },
    node("header", {}, node("h2", {}, view.title.text), node("button", { type: "button", class: "plain", "aria-label": "Close", onclick: () => call("close", { view: view.id }) }, "×")),
    node("div", { class: "blocks" }, render(view.blocks.map((block) => withEntered(block, kept)), about)),
    node("div", { class: "foot" }, node("button", { type: "button", class: "plain", onclick: () => call("close", { view: view.id }) }, view.close?.text ?? "Close"),
      view.submit ? node("button", { type: "submit", class: "primary" }, view.submit.text) : null));
  form.view = view.id;
  form.first = stateOf(form).values;
  for (const [id, { first }] of Object.entries(kept)) if (form.first[id]) form.first[id] = first;
  const scrolled = before?.querySelector(".blocks").scrollTop ?? 0;
  const block = before?.querySelector(":focus")?.closest("[data-block]")?.dataset.block;
  const place = (block && form.querySelector(`[data-block="${CSS.escape(block)}"]`)) || form;
  setTimeout(() => {
    if (!before || block) place.querySelector("input:not([type=checkbox]):not([type=radio]), textarea, select")?.focus({ preventScroll: !!before });
    if (before) form.querySelector(".blocks").scrollTop = scrolled;
  }, 0);
  return node("div", { class: "veil" }, form);
}

// What a person has changed in a form: block → its present state, and the one that it had first.
function entered(form) {
  const now = stateOf(form).values;
  return Object.fromEntries(Object.entries(now).filter(([id, one]) => form.first[id] && JSON.stringify(one) !== JSON.stringify(form.first[id]))
    .map(([id, one]) => [id, { now: one, first: form.first[id] }]));
}

const INITIAL = { value: "initial_value", selected_option: "initial_option", selected_options: "initial_options", selected_date: "initial_date",
  selected_time: "initial_time", selected_date_time: "initial_date_time" };

// An input with what a person has entered into it, while its ids stay the same.
function withEntered(block, kept) {
  const state = kept[block.block_id]?.now[block.element?.action_id];
  if (!state || block.type !== "input") return block;
  const element = { ...block.element };
  for (const [name, initial] of Object.entries(INITIAL)) if (name in state) {
    delete element[initial];
    if (state[name]?.length !== 0 && state[name] != null) element[initial] = state[name];
  }
  return { ...block, element };
}

async function submit(view, form) {
  for (const one of form.querySelectorAll(".error")) one.textContent = "";
  const missing = view.blocks.filter((block, index) => block.type === "input" && !block.optional && isEmpty(form, block.block_id ?? `b${index}`, block.element));
  for (const block of missing) fault(form, block.block_id, "This is required.");
  if (missing.length) return;
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const answer = await call("submit", { view: view.id, state: stateOf(form) });
  button.disabled = false;
  for (const [block, why] of Object.entries(answer.errors ?? {})) fault(form, block, why);
}

function isEmpty(form, block, element) {
  const made = form.querySelector(`[data-block="${CSS.escape(block)}"] [data-action]`);
  const { type, ...read } = made?.read() ?? {};
  return element.type !== "checkboxes" && Object.values(read).every((one) => one === null || one === undefined || one?.length === 0);
}

function fault(form, block, why) {
  const place = form.querySelector(`[data-block="${CSS.escape(block)}"] .error`);
  if (place) place.textContent = why; else tell(`${block}: ${why}`);
  place?.scrollIntoView({ block: "center" });
}

// What elements need: `where` says in which message or view they stand, `top` is the node of that message or view.
function context(where, top) {
  return {
    names: names(),
    act: (element, block, payload) => call("click", { ...where, block: block.block_id, action: element.action_id, payload, state: stateOf(top()) }),
    suggest: async (element, block, query) => (await call("suggest", { ...where, block: block.block_id, action: element.action_id, query })).options ?? [],
    upload: (file) => new Promise((resolve) => {
      const reader = new FileReader();
      reader.onload = async () => resolve((await call("upload", { name: file.name, data: reader.result.split(",")[1] ?? "" })).file);
      reader.readAsDataURL(file);
    }),
  };
}

// ── typing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const typed = [];
let older = 0;

function composer(id, placeholder) {
  return node("form", { class: "composer", onsubmit: (event) => { event.preventDefault(); send(at(id), id === "thread-text"); } },
    node("input", { id, type: "text", autocomplete: "off", placeholder, onkeydown: (event) => recall(event, at(id)) }), node("button", { type: "submit", class: "primary" }, "Send"));
}

function recall(event, box) {
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
  older = Math.min(Math.max(older + (event.key === "ArrowUp" ? 1 : -1), 0), typed.length);
  box.value = older ? typed[typed.length - older] : "";
  event.preventDefault();
}

async function send(box, inThread) {
  const text = box.value.trim();
  if (!text) return;
  if (text.startsWith("/") && inThread) return tell("Slack takes slash commands in a channel only, not in a thread. Mention the app here.");
  typed.push(text);
  older = 0;
  box.value = "";
  await call("say", { channel: place, text, thread: inThread ? thread : "" });
  setTimeout(bottom, 50);
}

at("people").addEventListener("change", (event) => { const direct = place === mine(); user = event.target.value; if (direct) place = mine(); thread = null; if (place === HOME) call("home"); draw(); });
for (const one of document.querySelectorAll("[data-ahead]")) one.addEventListener("click", () => call("clock", { seconds: Number(one.dataset.ahead) }));
at("composer").replaceWith(Object.assign(composer("text", "Type /campaign, or mention the app"), { id: "composer" }));
at("text").focus();
new MutationObserver(() => { if (place !== HOME) bottom(); }).observe(at("messages"), { childList: true });
setInterval(tick, 500);
follow();
