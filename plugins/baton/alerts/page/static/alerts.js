// The page: what "data" and "state" answer, drawn. Plain JavaScript, no library.
"use strict";

const REFRESH_SECONDS = 15;
const PATIENCE_SECONDS = 15;
const NAMES = {
  run: "run", covered: "covered", cooldown: "cooldown", storm: "storm", off: "switched off", silenced: "silenced", no_target: "no target",
  refused: "refused", forbidden: "forbidden", unmatched: "no route", unreadable: "unreadable", left_out: "left out",
  resolved: "ended", cancelled: "run ended", noted: "note",
};
const BAD = ["no_target", "refused", "forbidden", "unreadable", "left_out", "off"];
const QUIET = ["covered", "cooldown", "storm", "silenced"];
const FILTERS = [
  ["", "All decisions"], ["run", "Made a run"], [QUIET.join(","), "Held back"], [BAD.join(","), "Needs a person"],
  ["unmatched", "No route"], ["resolved,cancelled,noted", "Ended"],
];
const OFF_FOR = [["", "until switched on"], ["60", "for 1 hour"], ["240", "for 4 hours"], ["1440", "for 1 day"]];
const view = { rows: [], more: false, state: null, asOf: "", befores: [], openRows: new Set(), drawn: new Map(), switchProblem: "", routeSwitches: new Map() };
const ui = Object.fromEntries(
  ["banners", "summary", "text", "verdict", "route", "zone", "message", "table", "pages", "newest", "newer", "older", "as-of", "off-for", "off-for-label", "routes", "controls"]
    .map((id) => [id, document.getElementById(id)]),
);
const SURE = { sure: "Really? Alerts will start nothing", busy: "Switching …" };
const allSwitch = new Switch(document.getElementById("all-switch"), { ...SURE, off: "Switch all off", on: "Switch all on", kind: "danger" }, (on) => flip("", on));
const airflow = location.pathname.replace(/baton\/alerts\/?$/, "");
const runAddress = (row) => `${airflow}dags/${encodeURIComponent(row.dag_id)}/runs/${encodeURIComponent(row.run_id)}`;

/* ---- texts ---- */

const TIME_FORM = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const formats = new Map();

function timeText(text) {
  const zone = ui.zone.value;
  if (!formats.has(zone)) formats.set(zone, new Intl.DateTimeFormat("en-GB", { ...TIME_FORM, timeZone: zone }));
  return formats.get(zone).format(new Date(text));
}

// What senders wrote is no address of a script.
function webAddress(text) {
  const address = URL.canParse(text ?? "") ? new URL(text) : null;
  return address && ["http:", "https:"].includes(address.protocol) ? address.href : null;
}

function option(value, text) {
  return element("option", { value }, text);
}

/* ---- fetching ---- */

let asked = 0;
let underWay = 0;

class Refused extends Error {}

async function ask(path, options = {}) {
  const signal = AbortSignal.timeout(PATIENCE_SECONDS * 1000);
  const response = await fetch(path, { signal, ...options, headers: { Accept: "application/json", ...options.headers } });
  if (response.status === 401) throw new Refused("You are signed out. Sign in to Airflow again, then reload this page.");
  if (response.status === 403) throw new Refused("Your account may not do this. Reading wants the right to read DAG runs, switching the right to edit DAGs.");
  const content = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(content.detail ?? `Airflow answered ${response.status} ${response.statusText}`);
  return content;
}

function order(path, content) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
}

function query(before) {
  const made = new URLSearchParams();
  if (ui.text.value.trim()) made.set("text", ui.text.value.trim());
  if (ui.route.value !== "*" && ui.route.value !== "") made.set("route", ui.route.value);
  if (ui.route.value === "") made.set("route", "");
  for (const verdict of ui.verdict.value.split(",").filter(Boolean)) made.append("verdict", verdict);
  if (before) made.set("before", before);
  return made;
}

// Pages come from the server: befores holds where each page that was left begins, its last entry is the one shown.
async function load() {
  const mine = ++asked;
  underWay += 1;
  if (!view.state) say("", element("span", { class: "spinner", "aria-hidden": "true" }), "Loading the decisions …");
  ui.table.classList.add("busy");
  try {
    const [state, data] = await Promise.all([ask("state"), ask(`data?${query(view.befores.at(-1))}`)]);
    if (mine !== asked) return;
    Object.assign(view, { state, rows: data.rows, more: data.more, asOf: data.now });
    drawState();
    drawDecisions();
  } catch (err) {
    if (mine === asked) fail(err);
  } finally {
    underWay -= 1;
    if (mine === asked) ui.table.classList.remove("busy");
  }
}

// What was asked for before a switch was thrown, or meanwhile, may not know of it: such answers are dropped.
async function flip(route, on) {
  asked += 1;
  const isThis = (entry) => entry.route === route;
  try {
    const minutes = on || !ui["off-for"].value ? null : Number(ui["off-for"].value);
    const { off } = await order("switch", { route, on, minutes });
    view.state.off = [...view.state.off.filter((entry) => !isThis(entry)), ...off.filter(isThis)];
    view.switchProblem = "";
  } catch (err) {
    view.switchProblem = `${route ? `Route ${route}` : "All routes"}: it is not known whether they were switched ${on ? "on" : "off"}. ${err.message}`;
  }
  drawState();
  load();
}

function say(kind, ...content) {
  ui.message.className = kind;
  ui.message.replaceChildren(...content.filter(Boolean));
}

function fail(err) {
  const again = element("button", { type: "button" }, "Try again");
  again.addEventListener("click", () => load());
  const hint = view.rows.length ? "What is shown below is from the last time it could be read." : null;
  const title = err instanceof Refused ? "Airflow says no." : "The decisions could not be read.";
  say("error", element("strong", {}, title), element("p", {}, err.message), hint && element("p", {}, hint), element("p", {}, again));
}

/* ---- drawing ---- */

function drawState() {
  drawBanners();
  drawSummary();
  drawRoutes();
  offerRoutes();
}

function drawDecisions() {
  const isFiltered = ui.text.value.trim() || ui.verdict.value || ui.route.value !== "*";
  if (view.rows.length) say("");
  else if (isFiltered) say("", element("strong", {}, "Nothing was decided that way."), element("p", {}, "Choose another decision or route, or empty the search."));
  else if (view.befores.length) say("", element("strong", {}, "There are no older decisions."));
  else say("", element("strong", {}, "No alert has come yet."), element("p", {}, ...firstSteps()));
  ui.table.hidden = view.rows.length === 0;
  ui.pages.hidden = false;
  ui.newest.hidden = ui.newer.hidden = view.befores.length === 0;
  ui.older.hidden = !view.more;
  drawAsOf();
  if (!tableBody) {
    const head = ["First", "Alert", "Decision", "Why", "Run", "Sender"];
    tableBody = element("tbody", {});
    ui.table.replaceChildren(element("table", {}, element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))), tableBody));
  }
  replaceRows(view.rows.map(rowOf));
}

let tableBody = null;

// A row that is as it was stays the same element: focus, selection and what is open survive a refresh.
function rowOf(row) {
  const text = `${ui.zone.value} ${JSON.stringify(row)}`;
  const known = view.drawn.get(row.id);
  if (known?.text === text) return known.made;
  const made = drawRow(row);
  view.drawn.set(row.id, { text, made });
  return made;
}

function replaceRows(rows) {
  const focused = document.activeElement?.closest("tr")?.dataset.id;
  const stays = new Set(rows);
  // oxlint-disable-next-line no-useless-spread -- what is removed leaves the live list
  for (const old of [...tableBody.children]) if (!stays.has(old)) old.remove();
  rows.forEach((row, at) => { if (tableBody.children[at] !== row) tableBody.insertBefore(row, tableBody.children[at] ?? null); });
  const shown = new Set(view.rows.map((row) => row.id));
  for (const id of view.drawn.keys()) if (!shown.has(id)) view.drawn.delete(id);
  if (focused && !tableBody.contains(document.activeElement)) tableBody.querySelector(`tr[data-id="${focused}"] summary`)?.focus();
}

function drawAsOf() {
  const page = view.befores.length ? `, page ${view.befores.length + 1}` : "";
  ui["as-of"].textContent = `As of ${timeText(view.asOf)}${page}. Anew every ${REFRESH_SECONDS} s.`;
}

function firstSteps() {
  const { has_senders, has_routes } = view.state;
  if (!has_senders) return ["Nobody may send yet: name a file of senders in the setting ", element("code", {}, "alerts_credentials"), ". ", element("code", {}, "baton alerts new-token NAME"), " prints what stands in it. See docs/alerts.md."];
  if (!has_routes) return ["There are no routes yet: name a file of them in the setting ", element("code", {}, "alerts_routes"), ". See docs/alerts.md."];
  return ["Senders post to ", element("code", {}, `${location.origin}${airflow}alerts/v1/alertmanager`), ", with a token of the receiver's file of credentials. See docs/alerts.md."];
}

function drawBanners() {
  const { off, problem, senders_problem, routes, has_routes, may_switch, refused } = view.state;
  const shown = off.map((entry) => banner("off", `${entry.route ? `Route ${entry.route} is off` : "All routes are off"}${entry.until ? ` until ${timeText(entry.until)}` : ""}.`, `Switched by ${entry.by}, ${timeText(entry.at)}. Alerts are recorded, and start nothing.`));
  if (view.switchProblem) shown.unshift(banner("off", "Look at the switches.", view.switchProblem));
  if (problem) shown.push(banner("", "The file of routes cannot be used.", `${problem}. ${has_routes ? "The last good one stays in use." : "Senders are asked to try again."}`));
  if (senders_problem) shown.push(banner("", "The file of senders needs a person.", senders_problem));
  if (refused.length) shown.push(refusedBanner(refused, may_switch));
  // A DAG that is paused since it was installed is as it should be, until an alert comes for it.
  const inVain = routes.filter((route) => route.problem && route.in_vain);
  for (const text of new Set(inVain.map((route) => route.problem))) {
    const names = inVain.filter((route) => route.problem === text).map((route) => route.name).join(", ");
    shown.push(banner("", `Alerts on ${names} start nothing.`, text));
  }
  ui.banners.replaceChildren(...shown);
  allSwitch.button.hidden = ui["off-for-label"].hidden = !may_switch;
  allSwitch.show(off.some((entry) => entry.route === ""));
}

function banner(kind, title, text) {
  return element("div", { class: `banner ${kind}` }, element("strong", {}, title), element("p", {}, text));
}

function refusedBanner(refused, may_switch) {
  const lines = refused.map(({ sender, endpoint, status, times, reason, last_at }) =>
    element("li", {}, element("b", {}, sender || "An unknown sender"), `: ${times} post${times === 1 ? "" : "s"} to ${endpoint || "another address"} refused (${status}: ${reason}), last ${timeText(last_at)}`));
  const seen = element("button", { type: "button" }, "Seen: forget them");
  seen.addEventListener("click", async () => {
    try { await order("forget-refused", {}); } catch (err) { view.switchProblem = err.message; }
    load();
  });
  return element("div", { class: "banner" }, element("strong", {}, "Posts were refused, and are not sent again."), element("ul", {}, ...lines), may_switch ? seen : null);
}

function drawSummary() {
  const sum = (verdicts, what) => verdicts.reduce((total, verdict) => total + (view.state.day[verdict]?.[what] ?? 0), 0);
  const every = Object.keys(NAMES);
  const needs = sum(BAD, "alerts") + sum(["unmatched"], "alerts");
  const parts = [
    [sum(["run"], "alerts"), ["run in 24 hours", "runs in 24 hours"]], [sum(QUIET, "alerts"), ["held back"]],
    [needs, ["started nothing"], needs > 0], [sum(every, "repeats"), ["repeat", "repeats"]],
  ];
  const isEmpty = Object.keys(view.state.day).length === 0;
  ui.summary.replaceChildren(...(isEmpty ? [] : parts.map(([count, [one, many = one], isBad]) =>
    element("div", { class: isBad ? "bad" : null }, element("span", {}, count === 1 ? one : many), element("strong", {}, count.toLocaleString("en-GB"))))));
}

function drawRow(row) {
  const kind = row.verdict === "run" ? "run" : row.verdict === "storm" ? "storm" : BAD.includes(row.verdict) ? "bad" : "";
  const times = element("td", { class: "time" }, timeText(row.first_at));
  if (row.repeats) times.append(element("small", {}, `+ ${row.repeats} repeat${row.repeats === 1 ? "" : "s"}, last ${timeText(row.last_at)}`));
  const run = element("td", {});
  if (row.run_id) run.append(linkTo(runAddress(row), row.dag_id), row.run_state ? element("small", { class: `state ${row.run_state}` }, row.run_state) : "");
  else if (row.dag_id) run.append(row.dag_id);
  return element("tr", { "data-id": row.id }, times, element("td", { class: "what" }, drawAlert(row)),
    element("td", { class: "decision" }, element("span", { class: `verdict ${kind}`, title: row.meaning }, NAMES[row.verdict]), element("small", {}, row.route ? `route ${row.route}` : "")),
    element("td", { class: "why" }, row.reason), run,
    element("td", {}, row.sender, element("small", {}, row.source)));
}

function drawAlert(row) {
  const { alertname, ...rest } = row.labels;
  const title = row.verdict === "left_out" ? "alerts left out" : alertname ?? rest.template ?? row.fingerprint;
  const first = ["namespace", "pod", "job_name", "deployment", "statefulset", "daemonset", "service", "instance"].filter((name) => rest[name]).map((name) => rest[name]);
  const lines = [...Object.entries(rest), ["summary", row.summary], ["fingerprint", row.fingerprint], ["began", row.starts_at]].filter(([, text]) => text);
  const details = element("details", { "data-id": row.id, open: view.openRows.has(row.id) },
    element("summary", {}, element("b", {}, title), first.length ? ` ${first.join(" / ")}` : "", row.summary ? element("small", { class: "said" }, row.summary) : ""),
    element("dl", {}, ...lines.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)])));
  details.addEventListener("toggle", () => (details.open ? view.openRows.add(row.id) : view.openRows.delete(row.id)));
  const links = [["source", row.url], ["silence", row.silence_url], ["runbook", row.runbook_url]].map(([text, url]) => [text, webAddress(url)]).filter(([, url]) => url);
  if (!links.length) return details;
  return element("div", {}, details, element("small", { class: "links" }, ...links.map(([text, url]) => linkOut(url, text))));
}

function linkOut(url, text) {
  const link = element("a", { href: url, rel: "noopener noreferrer" }, text);
  link.addEventListener("click", (event) => { event.preventDefault(); open(url, true); });
  return link;
}

// One for each route, also when the list is drawn again: what is armed or under way stays so.
function routeSwitch(name, isOff) {
  if (!view.routeSwitches.has(name)) {
    const labels = { ...SURE, off: "Switch off", on: "Switch on", kind: null, what: `route ${name}` };
    view.routeSwitches.set(name, new Switch(element("button", { type: "button" }), labels, (on) => flip(name, on)));
  }
  const made = view.routeSwitches.get(name);
  made.show(isOff);
  return made;
}

function drawRoutes() {
  const { routes, off, may_switch } = view.state;
  const focused = document.activeElement;
  ui.routes.hidden = routes.length === 0;
  ui.routes.querySelector("summary").textContent = `${routes.length} route${routes.length === 1 ? "" : "s"}`;
  ui.routes.querySelector("ul").replaceChildren(...routes.map((route) => {
    const isOff = off.some((entry) => entry.route === route.name);
    const button = routeSwitch(route.name, isOff).button;
    return element("li", {}, element("span", { class: "grow" }, element("b", {}, route.name), " → ", linkTo(`${airflow}dags/${encodeURIComponent(route.dag_id)}`, route.dag_id), route.problem ? element("small", {}, route.problem) : null),
      may_switch ? button : element("span", {}, isOff ? "off" : "on"));
  }));
  if (focused !== document.activeElement && ui.routes.contains(focused)) focused.focus();
}

function offerRoutes() {
  const names = view.state.routes.map((route) => route.name);
  const wanted = ["*", ...names, ""];
  if ([...ui.route.options].map((made) => made.value).join() === wanted.join()) return;
  const chosen = ui.route.value || "*";
  ui.route.replaceChildren(option("*", "All routes"), ...names.map((name) => option(name, `Route ${name}`)), option("", "No route"));
  ui.route.value = wanted.includes(chosen) ? chosen : "*";
}

/* ---- controls ---- */

function offerZones() {
  const zones = [...new Set([airflowZone(), "UTC"])];
  if (ui.zone.firstChild?.value === zones[0]) return;
  ui.zone.replaceChildren(...zones.map((zone) => option(zone, zone)));
  redraw();
}

function redraw() {
  if (!view.state) return;
  drawState();
  drawDecisions();
}

function turn(befores) {
  view.befores = befores;
  return load();
}

let typing;
ui.text.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => turn([]), 250); });
for (const control of [ui.verdict, ui.route]) control.addEventListener("change", () => turn([]));
ui.zone.addEventListener("change", () => redraw());
ui.older.addEventListener("click", () => turn([...view.befores, view.rows.at(-1).id]));
ui.newer.addEventListener("click", () => turn(view.befores.slice(0, -1)));
ui.newest.addEventListener("click", () => turn([]));
ui.controls.addEventListener("submit", (event) => { event.preventDefault(); turn([]); });
addEventListener("storage", offerZones);
setInterval(() => { if (!document.hidden && !underWay) load(); }, REFRESH_SECONDS * 1000);

ui["off-for"].replaceChildren(...OFF_FOR.map(([value, text]) => option(value, text)));
ui.verdict.replaceChildren(...FILTERS.map(([value, text]) => option(value, text)));
ui.route.replaceChildren(option("*", "All routes"));
followTheme();
offerZones();
load();
