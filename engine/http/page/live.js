// The live page: holds what the stream and the API said, and draws it at most once per animation frame.
import { Feed } from "./feed.js";

const CAMPAIGNS_EVERY_MS = 3000;
const ALL_EVERY_MS = 15_000;
const HEALTH_EVERY_MS = 5000;
const CALLS_SHOWN = 40;
const ABANDON_ALARM = 0.03; // 16 CFR 310.4(b)(4)(i): three percent of the calls a person answered
const LIVE = ["answered", "abandoned", "customer_hangup"];
const OUTCOMES = ["answered", "customer_hangup", "abandoned", "busy", "no_answer", "declined", "invalid_number",
  "unreachable", "congestion", "failed", "cancelled", "skipped", "engine_error", "not_dialed", "unknown"];
const TOKEN_KEY = "vss-token";
const THEME_KEY = "vss-theme";

const known = { campaign: new Map(), agent: new Map(), call: new Map(), health: new Map() };
let feed = null;
let lostAt = 0;
let clockOffsetMs = 0;
let drawn = false;
const timers = [];

const $ = (id) => document.getElementById(id);
const words = (name) => name.replaceAll("_", " ");
const nowS = () => (Date.now() + clockOffsetMs) / 1000;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** A number as it may be seen in a room: the middle hidden. */
function masked(number) {
  return number.length < 8 ? number : `${number.slice(0, number.length - 7)} ••• ${number.slice(-4, -2)} ${number.slice(-2)}`;
}

// --- what is known -------------------------------------------------------------------------------------------------

function apply(event, changes) {
  if (event === "snapshot") {
    // A snapshot is everything the stream knows; what it does not name came from the API and is asked for again.
    for (const kind of ["agent", "call"]) known[kind].clear();
    refresh(["agents", "calls"]).then(() => applyChanges(changes));
  }
  applyChanges(changes);
}

function applyChanges(changes) {
  for (const { kind, key, data } of changes) {
    if (!(kind in known)) continue;
    if (Object.keys(data).length === 0) known[kind].delete(String(key));
    else if (kind === "campaign") known.campaign.set(String(key), merged(known.campaign.get(String(key)), data));
    else known[kind].set(String(key), data);
  }
  draw();
}

function merged(before, data) {
  return { campaign: { ...before?.campaign, ...data.campaign }, stats: { ...before?.stats, ...data.stats } };
}

async function get(path, authorized = true) {
  const headers = authorized ? { Authorization: `Bearer ${sessionStorage.getItem(TOKEN_KEY)}` } : {};
  const response = await fetch(path, { headers, cache: "no-store", signal: AbortSignal.timeout(8000) });
  const date = Date.parse(response.headers.get("Date"));
  if (!Number.isNaN(date)) clockOffsetMs = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0;
  if (response.status === 401) throw new Error("unauthorized");
  const body = await response.json();
  if (!response.ok && path !== "/readyz") throw new Error(body.detail ?? `the engine answers ${response.status}`);
  return body;
}

async function refresh(what) {
  const keys = { campaigns: ["campaign", (item) => item.campaign.id], agents: ["agent", (item) => item.slot], calls: ["call", (item) => item.id] };
  try {
    for (const name of what) {
      const { items } = await get(`/api/v1/${name}`);
      const [kind, keyOf] = keys[name];
      known[kind].clear();
      for (const item of items) known[kind].set(String(keyOf(item)), item);
    }
    drawn = true;
    if (!lostAt) say("");
  } catch (error) {
    if (error.message === "unauthorized") ask("The engine refused this token.");
    else say(`The engine could not say everything: ${error.message}`);
  }
  draw();
}

async function refreshHealth() {
  try {
    const { parts } = await get("/readyz", false);
    known.health = new Map(Object.entries(parts));
  } catch {
    known.health = new Map([["engine", { ok: false, needed: true, detail: "does not answer" }]]);
  }
  draw();
}

// --- drawing -------------------------------------------------------------------------------------------------------

let scheduled = false;
function draw() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    drawHealth();
    drawCampaigns();
    drawAgents();
    drawCalls();
    drawTotals();
  });
}

/** Keeps one child per key, in order; `make` builds a child, `update` fills it. */
function keyed(parent, entries, make, update) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstChild;
  for (const [key, value] of entries) {
    let child = old.get(key);
    if (child) old.delete(key);
    else { child = make(); child.dataset.key = key; }
    if (child === place) place = place.nextSibling;
    else parent.insertBefore(child, place);
    update(child, value);
  }
  for (const gone of old.values()) gone.remove();
}

function drawHealth() {
  keyed($("health"), [...known.health].sort(), () => element("li"), (item, part) => {
    const name = item.dataset.key;
    item.className = part.ok ? "" : part.needed === false ? "less" : "away";
    item.title = part.detail ?? "";
    setText(item, part.ok ? name : `${name}: ${part.detail || "away"}`);
  });
}

function sum(map, keys) {
  return keys.reduce((total, key) => total + (map?.[key] ?? 0), 0);
}

function bar(parent, parts) {
  keyed(parent, parts.filter(([, , count]) => count > 0).map((part) => [part[0], part]), () => element("span"),
    (span, [name, className, count]) => {
      span.className = className;
      span.style.flexGrow = String(count);
      span.title = `${words(name)} ${count}`;
    });
}

function makeCampaign() {
  const card = element("article", "campaign");
  const title = element("h3");
  title.append(element("span", "name"), element("span", "badge"), element("span", "percent"));
  const facts = element("ul", "facts");
  for (const name of ["leads", "talking", "waiting", "dialing", "attempts"]) {
    const item = element("li", "", `${name} `);
    item.append(element("b", `f-${name}`));
    facts.append(item);
  }
  const progress = element("div", "bar progress");
  progress.setAttribute("role", "img");
  const outcomes = element("div", "bar mix");
  outcomes.setAttribute("role", "img");
  card.append(title, progress, facts, outcomes, element("ul", "outcomes"), element("p", "pacing"));
  return card;
}

function updateCampaign(card, { campaign, stats }) {
  const part = (selector) => card.querySelector(selector);
  const leads = stats.leads ?? {};
  const all = sum(leads, Object.keys(leads));
  const finished = sum(leads, ["done", "excluded", "deleted"]);
  const percent = all ? Math.floor((100 * finished) / all) : 0;
  setText(part(".name"), campaign.name ?? `campaign ${card.dataset.key}`);
  part(".name").title = campaign.name ?? "";
  part(".badge").className = `badge ${campaign.status}`;
  setText(part(".badge"), campaign.status ?? "");
  setText(part(".percent"), all ? `${percent} %` : "");
  setText(part(".f-leads"), `${finished} / ${all}`);
  for (const name of ["talking", "waiting", "dialing", "attempts"]) setText(part(`.f-${name}`), String(stats[name] ?? 0));
  const progress = part(".progress");
  bar(progress, [["done", "done", finished], ["dialing", "dialing", leads.dialing ?? 0], ["waiting for a recall", "waiting", leads.waiting ?? 0],
    ["new", "rest", leads.new ?? 0]]);
  progress.setAttribute("aria-label", `${finished} of ${all} leads are done`);
  drawOutcomes(part(".mix"), part(".outcomes"), stats.outcomes ?? {});
  setText(part(".pacing"), stats.pacing ?? "");
}

function drawOutcomes(mix, list, outcomes) {
  const present = OUTCOMES.filter((name) => outcomes[name] > 0);
  mix.hidden = present.length === 0;
  bar(mix, present.map((name) => [name, `o-${name}`, outcomes[name]]));
  mix.setAttribute("aria-label", "outcomes, named below");
  keyed(list, present.map((name) => [name, outcomes[name]]), () => {
    const item = element("li");
    item.append(element("span"), element("b"));
    return item;
  }, (item, count) => {
    item.className = `o-${item.dataset.key}`;
    setText(item.firstChild, words(item.dataset.key));
    setText(item.lastChild, String(count));
  });
}

const STATUS_ORDER = ["running", "paused", "draft", "stopped"];

function drawCampaigns() {
  const rank = ([, { campaign }]) => STATUS_ORDER.indexOf(campaign.status);
  const entries = [...known.campaign].sort((a, b) => rank(a) - rank(b) || Number(a[0]) - Number(b[0]));
  keyed($("campaigns"), entries, makeCampaign, updateCampaign);
  $("no-campaigns").hidden = !drawn || entries.length > 0;
}

function makeAgent() {
  const tile = element("li", "agent");
  tile.append(element("span", "slot"), element("span", "since"), element("span", "state"), element("span", "who"));
  return tile;
}

function updateAgent(tile, agent) {
  const lost = agent.registered === false && agent.state !== "offline";
  tile.className = `agent ${agent.state}${lost ? " unregistered" : ""}`;
  tile.dataset.since = agent.state === "offline" ? "" : agent.since;
  const [slot, since, state, who] = tile.children;
  setText(slot, String(agent.slot));
  setText(state, lost ? "not registered" : agent.state);
  setText(who, [agent.name, agent.reason].filter(Boolean).join(" · "));
  who.title = who.textContent;
  setText(since, tile.dataset.since ? duration(nowS() - agent.since) : "");
}

function drawAgents() {
  const entries = [...known.agent].sort((a, b) => Number(a[0]) - Number(b[0]));
  // Seats nobody uses would push the others off the screen, so offline ones come last and few.
  const present = entries.filter(([, agent]) => agent.state !== "offline");
  const offline = entries.filter(([, agent]) => agent.state === "offline");
  keyed($("agents"), [...present, ...offline.slice(0, Math.max(0, 12 - present.length))], makeAgent, updateAgent);
  $("no-agents").hidden = !drawn || entries.length > 0;
  setText($("agents-sum"), entries.length ? `${present.length} logged in, ${offline.length} offline` : "");
}

function makeCall() {
  const row = element("tr");
  row.append(element("td"), element("td"), element("td"), element("td", "num"));
  row.children[1].append(element("span", "phase"));
  return row;
}

function updateCall(row, call) {
  const began = call.bridged_at ?? call.answered_at ?? call.created_at;
  row.dataset.since = began;
  const [number, phase, agent, time] = row.children;
  setText(number, masked(call.number ?? ""));
  phase.firstChild.className = `phase ${call.phase}`;
  setText(phase.firstChild, words(call.phase ?? ""));
  setText(agent, call.slot ? String(call.slot) : "");
  setText(time, duration(nowS() - began));
}

const PHASE_ORDER = ["waiting", "connecting", "answered", "talking", "scripted", "announcing", "ringing", "dialing", "previewing"];

function drawCalls() {
  const rank = ([, call]) => { const place = PHASE_ORDER.indexOf(call.phase); return place < 0 ? 99 : place; };
  const entries = [...known.call].sort((a, b) => rank(a) - rank(b) || a[1].created_at - b[1].created_at);
  keyed($("calls"), entries.slice(0, CALLS_SHOWN), makeCall, updateCall);
  const more = entries.length - CALLS_SHOWN;
  setText($("calls-sum"), entries.length ? `${entries.length}${more > 0 ? `, ${more} not shown` : ""}` : "");
  $("calls-table").hidden = entries.length === 0;
  $("no-calls").hidden = !drawn || entries.length > 0;
}

function drawTotals() {
  if (!drawn) return;
  const agents = [...known.agent.values()];
  const calls = [...known.call.values()];
  const phases = (...names) => calls.filter((call) => names.includes(call.phase)).length;
  setText($("n-talking"), String(phases("talking")));
  setText($("n-ready"), String(agents.filter((agent) => agent.state === "ready" && agent.registered !== false).length));
  setText($("n-waiting"), String(phases("answered", "waiting", "connecting")));
  setText($("n-dialing"), String(phases("dialing", "ringing")));
  const outcomes = [...known.campaign.values()].map(({ stats }) => stats.outcomes ?? {});
  const total = (...names) => outcomes.reduce((all, one) => all + sum(one, names), 0);
  setText($("n-answered"), String(total(...LIVE)));
  const reached = total("answered", "abandoned");
  const rate = reached ? total("abandoned") / reached : 0;
  const cell = $("n-abandoned");
  setText(cell, (100 * rate).toFixed(1));
  cell.append(element("small", "", "%"));
  $("abandon").classList.toggle("alarm", rate > ABANDON_ALARM);
}

function tick() {
  const now = nowS();
  if (!lostAt) for (const tile of $("agents").children) if (tile.dataset.since) setText(tile.children[1], duration(now - tile.dataset.since));
  if (!lostAt) for (const row of $("calls").children) setText(row.children[3], duration(now - row.dataset.since));
  setText($("clock"), new Date(Date.now() + clockOffsetMs).toTimeString().slice(0, 8));
  if (lostAt) setText($("stream-text"), `lost ${duration((Date.now() - lostAt) / 1000)} ago`);
}

// --- states of the page --------------------------------------------------------------------------------------------

function say(text) {
  setText($("banner"), text);
  $("banner").hidden = text === "";
}

function live() {
  const cameBack = lostAt > 0;
  lostAt = 0;
  document.body.dataset.state = "live";
  setText($("stream-text"), "live");
  say("");
  if (cameBack) refresh(["campaigns", "agents", "calls"]);
}

function lost(reason) {
  lostAt ||= Date.now();
  document.body.dataset.state = "stale";
  say(`Stream lost: ${reason}. What you see is as it was then; trying again.`);
  tick();
}

function ask(error) {
  feed?.stop();
  feed = null;
  while (timers.length) clearInterval(timers.pop());
  sessionStorage.removeItem(TOKEN_KEY);
  setText($("ask-error"), error);
  setText($("stream-text"), "no token");
  if (!$("ask").open) $("ask").showModal();
  $("token").focus();
}

function start() {
  feed?.stop();
  lostAt = 0;
  document.body.dataset.state = "loading";
  const mine = new Feed(sessionStorage.getItem(TOKEN_KEY), {
    event: (name, changes) => { if (feed === mine) apply(name, changes); },
    live: () => { if (feed === mine) live(); },
    lost: (reason) => { if (feed === mine) lost(reason); },
    unauthorized: () => { if (feed === mine) ask("The engine refused this token."); },
  });
  feed = mine;
  refresh(["campaigns", "agents", "calls"]);
  mine.run();
  timers.push(setInterval(() => { if (!lostAt) refresh(["campaigns"]); }, CAMPAIGNS_EVERY_MS));
  timers.push(setInterval(() => { if (!lostAt) refresh(["agents", "calls"]); }, ALL_EVERY_MS));
}

$("ask").addEventListener("cancel", (event) => event.preventDefault());
$("ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = $("token").value.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) { setText($("ask-error"), "A token has only printable ASCII characters."); return; }
  sessionStorage.setItem(TOKEN_KEY, token);
  $("token").value = "";
  setText($("ask-error"), "");
  $("ask").close();
  start();
});
$("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  const theme = dark ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  localStorage.setItem(THEME_KEY, theme);
});

document.documentElement.dataset.theme = localStorage.getItem(THEME_KEY) ?? "";
setInterval(tick, 1000);
setInterval(refreshHealth, HEALTH_EVERY_MS);
tick();
refreshHealth();
if (sessionStorage.getItem(TOKEN_KEY)) start();
else ask("");
