// Slack's mrkdwn as DOM nodes. Text becomes text nodes only, so nothing in it is ever read as HTML.

const EMOJI = {
  white_check_mark: "✅", warning: "⚠️", x: "❌", red_circle: "🔴", large_green_circle: "🟢", large_yellow_circle: "🟡",
  white_circle: "⚪", black_circle: "⚫", large_blue_circle: "🔵", pause_button: "⏸️", arrow_forward: "▶️", telephone_receiver: "📞",
  phone: "☎️", speech_balloon: "💬", email: "✉️", envelope: "✉️", calendar: "📅", hourglass: "⌛", fire: "🔥", tada: "🎉",
  bell: "🔔", no_entry: "⛔", octagonal_sign: "🛑", lock: "🔒", eyes: "👀", memo: "📝", bar_chart: "📊", wave: "👋",
};
// The zone of the person who reads; undefined for the browser's.
export const zone = { name: undefined };
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
// What may stand before and after a pair of marks.
const BEFORE = /[\s([{"'*_~>–—-]/, AFTER = /[\s.,;:!?)\]}"'*_~–—-]/;
const MARKS = { "*": "strong", "_": "em", "~": "s" };

export const decoded = (text) => text.replace(/&(amp|lt|gt);/g, (found) => ENTITIES[found]);

export function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined));
  return made;
}

const withEmoji = (text) => text.replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] ?? all);

function link(inside, names) {
  const [target, label] = inside.split(/\|(.*)/s);
  if (target.startsWith("@")) return node("span", { class: "mention" }, "@" + (names[target.slice(1)] ?? label ?? target.slice(1)));
  if (target.startsWith("#")) return node("span", { class: "mention" }, "#" + (names[target.slice(1)] ?? label ?? target.slice(1)));
  if (target.startsWith("!date^")) return node("span", {}, date(target, label));
  if (target.startsWith("!subteam^")) return node("span", { class: "mention" }, label ?? "@" + target.slice(9));
  if (target.startsWith("!")) return node("span", { class: "mention alarm" }, "@" + target.slice(1).split("^")[0]);
  if (!/^(https?:|mailto:|tel:)/.test(target)) return document.createTextNode(`<${inside}>`);
  return node("a", { href: target, target: "_blank", rel: "noreferrer" }, decoded(label ?? target));
}

function date(target, fallback) {
  const [, seconds, form] = target.split("^");
  const at = new Date(Number(seconds) * 1000);
  if (Number.isNaN(at.getTime())) return fallback ?? "";
  const day = at.toLocaleDateString("en-US", { month: "short", day: "numeric", year: "numeric", timeZone: zone.name });
  const time = at.toLocaleTimeString("en-US", { hour: "numeric", minute: "2-digit", timeZone: zone.name });
  return form.replace(/\{date[a-z_]*\}/g, day).replace(/\{time[a-z_]*\}/g, time);
}

// Nodes of one line.
function inline(text, names) {
  const found = [];
  let plain = "";
  const flush = () => { if (plain) found.push(document.createTextNode(withEmoji(decoded(plain)))); plain = ""; };
  for (let i = 0; i < text.length; i++) {
    const one = text[i];
    const end = one === "<" ? text.indexOf(">", i + 1) : one === "`" ? text.indexOf("`", i + 1) : -1;
    if (end > i + 1) {
      flush();
      const inside = text.slice(i + 1, end);
      found.push(one === "<" ? link(inside, names) : node("code", {}, decoded(inside)));
      i = end;
    } else if (MARKS[one] && (i === 0 || BEFORE.test(text[i - 1])) && /\S/.test(text[i + 1] ?? " ")) {
      const close = closing(text, one, i + 1);
      if (close < 0) { plain += one; continue; }
      flush();
      found.push(node(MARKS[one], {}, inline(text.slice(i + 1, close), names)));
      i = close;
    } else plain += one;
  }
  flush();
  return found;
}

function closing(text, mark, from) {
  for (let i = from; i < text.length; i++) {
    if (text[i] === "<") { const end = text.indexOf(">", i); if (end > 0) i = end; }
    else if (text[i] === mark && i > from && /\S/.test(text[i - 1]) && (i + 1 === text.length || AFTER.test(text[i + 1]))) return i;
  }
  return -1;
}

// The nodes of a mrkdwn text. `names`: id of a user or channel → name.
export function mrkdwn(text, names = {}) {
  const parts = text.split(/```/);
  return parts.flatMap((part, number) => {
    if (number % 2 && number < parts.length - 1) return [node("pre", {}, decoded(part.replace(/^\n/, "")))];
    const shown = number % 2 ? "```" + part : part;
    const lines = shown.split("\n");
    return lines.flatMap((line, at) => {
      const quoted = /^(&gt;|>)\s?/.test(line);
      const content = inline(quoted ? line.replace(/^(&gt;|>)\s?/, "") : line, names);
      if (quoted) return [node("blockquote", {}, content)];
      return at < lines.length - 1 ? [...content, node("br")] : content;
    });
  });
}

// A text object of Block Kit.
export function text(object, names) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text, names);
  return [document.createTextNode(object.emoji === false ? object.text : withEmoji(object.text))];
}
