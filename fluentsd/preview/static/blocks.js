// Block Kit as DOM: exactly the blocks and elements that the product sends. A block that is not known is shown as a
// warning, so that it is not missed. `act(element, payload)` is called when a person uses an element; `suggest(element,
// query)` gives the options of an external select; `names` are users and channels.
import { mrkdwn, node, text } from "./mrkdwn.js";

export function render(blocks, context) {
  return (blocks ?? []).map((given, index) => {
    const block = { block_id: `b${index}`, ...given };
    const made = (BLOCKS[block.type] ?? unknown)(block, context);
    made.dataset.block = block.block_id;
    return made;
  });
}

const unknown = (block) => node("div", { class: "unknown" }, `(a block "${block.type}" that this preview cannot show)`);

const BLOCKS = {
  header: (block) => node("h3", { class: "header" }, text(block.text)),
  divider: () => node("hr"),
  section: (block, context) => node("div", { class: "section" },
    node("div", { class: "body" },
      block.text ? node("div", {}, text(block.text, context.names)) : null,
      block.fields ? node("div", { class: "fields" }, block.fields.map((one) => node("div", {}, text(one, context.names)))) : null),
    block.accessory ? element(block.accessory, block, context) : null),
  context: (block, context) => node("div", { class: "context" }, block.elements.map((one) => one.type === "image"
    ? node("img", { src: one.image_url, alt: one.alt_text }) : node("span", {}, text(one, context.names)))),
  actions: (block, context) => node("div", { class: "actions" }, block.elements.map((one) => element(one, block, context))),
  image: (block) => node("figure", {}, block.title ? node("figcaption", {}, text(block.title)) : null,
    node("img", { src: block.image_url, alt: block.alt_text })),
  markdown: (block, context) => node("div", { class: "section" }, mrkdwn(block.text.replace(/\*\*/g, "*"), context.names)),
  input: (block, context) => node("div", { class: "input" },
    node("label", {}, text(block.label), block.optional ? node("span", { class: "optional" }, " (optional)") : null),
    element(block.element, block, context),
    block.hint ? node("div", { class: "hint" }, text(block.hint)) : null,
    node("div", { class: "error", role: "alert" })),
  table: (block, context) => table(block.rows, block.column_settings, context),
  rich_text: (block, context) => node("div", { class: "section" }, block.elements.map((one) => rich(one, context))),
  data_table: (block, context) => table(block.rows, block.column_settings, context),
  data_visualization: (block) => chart(block),
};

function table(rows, settings = [], context) {
  const cell = (one, tag, column) => node(tag, { class: settings?.[column]?.align ?? "" },
    one.type === "rich_text" ? one.elements.map((part) => rich(part, context)) : String(one.text ?? one.value ?? ""));
  return node("div", { class: "scroll" }, node("table", {}, (rows ?? []).map((row, number) =>
    node("tr", {}, row.map((one, column) => cell(one, number ? "td" : "th", column))))));
}

function rich(part, context) {
  const inside = (part.elements ?? []).map((one) => {
    if (one.type?.startsWith("rich_text")) return rich(one, context);
    if (one.type === "link") return node("a", { href: /^https?:/.test(one.url) ? one.url : "#", target: "_blank", rel: "noreferrer" }, one.text ?? one.url);
    if (one.type === "user") return node("span", { class: "mention" }, "@" + (context.names[one.user_id] ?? one.user_id));
    if (one.type === "emoji") return document.createTextNode(one.unicode ? String.fromCodePoint(...one.unicode.split("-").map((x) => parseInt(x, 16))) : `:${one.name}:`);
    const style = one.style ?? {};
    const tag = style.code ? "code" : style.bold ? "strong" : style.italic ? "em" : style.strike ? "s" : "span";
    return node(tag, {}, one.text ?? "");
  });
  const tag = { rich_text_list: "ul", rich_text_quote: "blockquote", rich_text_preformatted: "pre" }[part.type] ?? "div";
  return node(tag, {}, tag === "ul" ? inside.map((one) => node("li", {}, one)) : inside);
}

// Upright bars, in a group for each category. A chart of another kind than bars shows its numbers as a table.
function chart(block) {
  const { type, series = [], segments = [], axis_config: axis = {} } = block.chart;
  const head = node("strong", {}, block.title);
  if (type !== "bar") {
    const rows = segments.length ? segments.map((one) => [one.label, one.value]) : axis.categories.map((label, at) => [label, ...series.map((one) => one.data[at].value)]);
    return node("div", { class: "chart" }, head, table([["", ...series.map((one) => one.name)], ...rows].map((row) => row.map((text) => ({ text })))));
  }
  const most = Math.max(1, ...series.flatMap((one) => one.data.map((point) => point.value)));
  const group = (label, at) => node("div", { class: "group" },
    node("div", { class: "columns" }, series.map((one, number) => node("div", { class: "column", title: `${one.name}: ${one.data[at].value}` },
      node("b", {}, String(one.data[at].value)), node("i", { class: `s${number}`, style: `height:${Math.round((90 * one.data[at].value) / most)}px` })))),
    node("span", {}, label));
  const legend = series.length > 1 ? node("div", { class: "legend" }, series.map((one, number) => node("span", {}, node("i", { class: `s${number}` }), one.name))) : null;
  return node("div", { class: "chart" }, head, axis.y_label ? node("small", {}, axis.y_label) : null,
    node("div", { class: "groups" }, axis.categories.map(group)), axis.x_label ? node("small", {}, axis.x_label) : null, legend);
}

// ── elements ───────────────────────────────────────────────────────────────────────────────────────────────────────

function element(one, block, context) {
  const make = ELEMENTS[one.type];
  if (!make) return unknown(one);
  const made = make(one, block, context);
  made.dataset.action = one.action_id ?? "";
  made.read ??= () => null;
  made.dataset.input = ["button", "overflow"].includes(one.type) ? "" : "1";
  return made;
}

// Ask `confirm` of an element, then act.
async function use(one, block, context, payload) {
  if (one.confirm && !(await asked(one.confirm, context))) return;
  context.act(one, block, payload);
}

function asked(confirm, context) {
  return new Promise((resolve) => {
    const end = (answer) => { dialog.remove(); resolve(answer); };
    const dialog = node("div", { class: "veil" }, node("div", { class: "dialog", role: "alertdialog" },
      node("h2", {}, text(confirm.title)), node("p", {}, text(confirm.text, context.names)),
      node("div", { class: "foot" }, node("button", { class: "plain", onclick: () => end(false) }, text(confirm.deny)),
        node("button", { class: confirm.style ?? "primary", onclick: () => end(true) }, text(confirm.confirm)))));
    document.body.append(dialog);
    dialog.querySelector(".foot button:last-child").focus();
  });
}

// An input whose changes are told when its block dispatches, or when it stands outside an input block.
function told(made, one, block, context, event = "change") {
  const dispatches = block.type !== "input" || block.dispatch_action;
  made.addEventListener(event, () => { context.changed?.(); if (dispatches) use(one, block, context, made.read()); });
  return made;
}

const option = (one, chosen) => node("option", { value: one.value, selected: chosen }, one.text.text);
const allOptions = (one) => [...(one.options ?? []), ...(one.option_groups ?? []).flatMap((group) => group.options)];

function select(one, block, context) {
  const initial = one.initial_option?.value;
  const made = node("select", {}, node("option", { value: "", disabled: true, selected: !initial }, one.placeholder?.text ?? "Choose"),
    (one.options ?? []).map((each) => option(each, each.value === initial)),
    (one.option_groups ?? []).map((group) => node("optgroup", { label: group.label.text }, group.options.map((each) => option(each, each.value === initial)))));
  made.read = () => ({ type: one.type, selected_option: allOptions(one).find((each) => each.value === made.value) ?? null });
  return told(made, one, block, context);
}

function boxes(kind, key) {
  return (one, block, context) => {
    const initial = (one.initial_options ?? [one.initial_option ?? null]).map((each) => each?.value);
    const name = `x${Math.random()}`;
    const made = node("div", { class: "boxes" }, one.options.map((each) => node("label", {},
      node("input", { type: kind, name, value: each.value, checked: initial.includes(each.value) }),
      node("span", {}, text(each.text, context.names), each.description ? node("small", {}, text(each.description, context.names)) : null))));
    const chosen = () => one.options.filter((each) => [...made.querySelectorAll("input:checked")].some((box) => box.value === each.value));
    made.read = () => ({ type: one.type, [key]: key === "selected_options" ? chosen() : chosen()[0] ?? null });
    return told(made, one, block, context);
  };
}

// A select whose options come from the app while the person types. `many`: several may be chosen.
function external(many, source) {
  return (one, block, context) => {
    let chosen = many ? [...(one.initial_options ?? [])] : one.initial_option ? [one.initial_option] : [];
    if (one.initial_user) chosen = [{ value: one.initial_user, text: { text: context.names[one.initial_user] ?? one.initial_user } }];
    const tags = node("div", { class: "tags" }), list = node("div", { class: "list", hidden: true });
    const box = node("input", { type: "text", placeholder: one.placeholder?.text ?? "Type to search" });
    const made = node("div", { class: "external" }, tags, box, list);
    const show = () => many ? tags.replaceChildren(...chosen.map((each) => node("span", { class: "tag" }, each.text.text,
      node("button", { type: "button", "aria-label": `Remove ${each.text.text}`, onclick: () => pick(each, false) }, "×")))) : (box.value = chosen[0]?.text.text ?? "");
    const pick = (each, add) => {
      chosen = add ? [...(many ? chosen.filter((old) => old.value !== each.value) : []), each] : chosen.filter((old) => old.value !== each.value);
      box.value = ""; list.hidden = true; typing = false; show(); made.dispatchEvent(new Event("change"));
    };
    let asked = 0, typing = false; // a single choice stands in the box until something else is typed there
    const search = async () => {
      const words = typing || many ? box.value : "";
      if (words.length < (one.min_query_length ?? 3) && source === "app") { list.hidden = true; return; }
      const mine = ++asked;
      const found = source === "app" ? await context.suggest(one, block, words) : source(one, context)
        .filter((each) => each.text.text.toLowerCase().includes(words.toLowerCase()));
      if (mine !== asked) return;
      list.replaceChildren(...(found.length ? found : [null]).map((each) => each
        ? node("button", { type: "button", onmousedown: (event) => { event.preventDefault(); pick(each, true); } }, each.text.text,
            each.description ? node("small", {}, each.description.text) : null)
        : node("div", { class: "hint" }, "No result")));
      list.hidden = false;
    };
    box.addEventListener("focus", () => { if (!many) box.select(); search(); });
    box.addEventListener("input", () => { typing = true; if (!many && !box.value && chosen.length) pick(chosen[0], false); search(); });
    box.addEventListener("change", (event) => event.stopPropagation());
    box.addEventListener("blur", () => { list.hidden = true; typing = false; show(); });
    show();
    made.read = () => {
      if (source !== "app" && one.type.includes("users_select"))
        return many ? { type: one.type, selected_users: chosen.map((each) => each.value) } : { type: one.type, selected_user: chosen[0]?.value ?? null };
      if (source !== "app" && one.type.includes("conversations"))
        return many ? { type: one.type, selected_conversations: chosen.map((each) => each.value) } : { type: one.type, selected_conversation: chosen[0]?.value ?? null };
      return many ? { type: one.type, selected_options: chosen } : { type: one.type, selected_option: chosen[0] ?? null };
    };
    return told(made, one, block, context);
  };
}

const named = (prefix) => (_, context) => Object.entries(context.names).filter(([id]) => id.startsWith(prefix))
  .map(([id, name]) => ({ value: id, text: { text: name } }));

function typed(kind, key, first) {
  return (one, block, context) => {
    const many = one.multiline;
    const made = node(many ? "textarea" : "input", { type: many ? null : kind, maxlength: one.max_length, minlength: one.min_length,
      placeholder: one.placeholder?.text, rows: many ? 4 : null, step: kind === "number" && one.is_decimal_allowed ? "any" : null });
    made.value = one[first] ?? "";
    made.read = () => ({ type: one.type, [key]: made.value === "" ? null : made.value });
    return told(made, one, block, context);
  };
}

function moment(one, block, context) {
  const local = (seconds) => { const at = new Date(seconds * 1000); return new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16); };
  const made = node("input", { type: "datetime-local" });
  if (one.initial_date_time) made.value = local(one.initial_date_time);
  made.read = () => ({ type: one.type, selected_date_time: made.value ? Math.round(new Date(made.value).getTime() / 1000) : null });
  return told(made, one, block, context);
}

function files(one, block, context) {
  const made = node("input", { type: "file", multiple: (one.max_files ?? 1) > 1 });
  made.given = [];
  made.addEventListener("change", async (event) => {
    event.stopImmediatePropagation();
    made.given = await Promise.all([...made.files].slice(0, one.max_files ?? 10).map(context.upload));
    context.changed?.();
  });
  made.read = () => ({ type: one.type, files: made.given });
  return made;
}

const ELEMENTS = {
  button: (one, block, context) => node(one.url ? "a" : "button", { type: "button", class: one.style ?? "plain", href: one.url, target: one.url ? "_blank" : null,
    rel: one.url ? "noreferrer" : null, "aria-label": one.accessibility_label, onclick: () => use(one, block, context, { type: "button", value: one.value }) }, text(one.text)),
  overflow: (one, block, context) => {
    const list = node("div", { class: "list", hidden: true }, one.options.map((each) => node("button", { type: "button",
      onclick: () => { list.hidden = true; use(one, block, context, { type: "overflow", selected_option: each }); } }, text(each.text))));
    return node("div", { class: "overflow" }, node("button", { type: "button", class: "plain", "aria-label": "More", onclick: () => { list.hidden = !list.hidden; } }, "⋯"), list);
  },
  static_select: select,
  multi_static_select: external(true, (one) => allOptions(one)),
  external_select: external(false, "app"),
  multi_external_select: external(true, "app"),
  users_select: external(false, named("U")),
  multi_users_select: external(true, named("U")),
  conversations_select: external(false, named("C")),
  multi_conversations_select: external(true, named("C")),
  channels_select: external(false, named("C")),
  checkboxes: boxes("checkbox", "selected_options"),
  radio_buttons: boxes("radio", "selected_option"),
  plain_text_input: typed("text", "value", "initial_value"),
  email_text_input: typed("email", "value", "initial_value"),
  url_text_input: typed("url", "value", "initial_value"),
  number_input: typed("number", "value", "initial_value"),
  datepicker: typed("date", "selected_date", "initial_date"),
  timepicker: typed("time", "selected_time", "initial_time"),
  datetimepicker: moment,
  file_input: files,
};

// The state of all elements below a node, as Slack sends it with a view.
export function stateOf(root) {
  const values = {};
  for (const block of root.querySelectorAll("[data-block]"))
    for (const made of block.querySelectorAll("[data-action]"))
      if (made.dataset.input && made.dataset.action) (values[block.dataset.block] ??= {})[made.dataset.action] = made.read();
  return { values };
}
