// The page: what the jobs API answers, drawn. Plain JavaScript, no library.
"use strict";

const REFRESH_SECONDS = 20;
const ROWS = 100;
const KINDS = ["report", "job", "cronjob", "etl", "backup", "maintenance", "function", "incident", "dag"];
const view = { name: "jobs", rows: [], cursor: null, total: 0 };
const ui = Object.fromEntries(["views", "controls", "text", "queue", "kind", "enabled", "zone", "count", "message", "content", "more"].map((id) => [id, document.getElementById(id)]));
let asked = 0;
let underWay = 0;

/* ---- fetching ---- */

function query(cursor) {
  const made = new URLSearchParams({ limit: String(ROWS) });
  for (const [name, control] of [["text", ui.text], ["queue", ui.queue], ["job_type", ui.kind], ["enabled", ui.enabled]]) if (control.value.trim()) made.set(name, control.value.trim());
  if (cursor) made.set("cursor", cursor);
  return made;
}

const LOADERS = {
  jobs: async (cursor) => { const page = await ask(`${api}/jobs?${query(cursor)}`); view.total = page.total; return page; },
  queues: async () => ({ data: [await ask(`${api}/queues/status`)], next_cursor: null }),
  reports: async (cursor) => ask(`${api}/reports?${new URLSearchParams({ limit: "48", ...(cursor ? { cursor } : {}) })}`),
};
const DRAWERS = { jobs: drawJobs, queues: drawQueues, reports: drawReports };

async function load({ more = false } = {}) {
  const mine = ++asked;
  underWay += 1;
  if (!view.rows.length) say("", element("span", { class: "spinner", "aria-hidden": "true" }), "Loading …");
  ui.content.classList.add("busy");
  try {
    const page = await LOADERS[view.name](more ? view.cursor : null);
    if (mine !== asked) return;
    view.rows = more ? [...view.rows, ...page.data] : page.data;
    view.cursor = page.next_cursor;
    draw();
  } catch (err) {
    if (mine === asked) fail(err);
  } finally {
    underWay -= 1;
    if (mine === asked) ui.content.classList.remove("busy");
  }
}

function say(kind, ...content) {
  ui.message.className = kind;
  ui.message.replaceChildren(...content.filter(Boolean));
}

function fail(err) {
  const again = element("button", { type: "button" }, "Try again");
  again.addEventListener("click", () => load());
  const hint = view.rows.length ? "What is shown below is from the last time it could be read." : null;
  say("error", element("strong", {}, err instanceof Refused ? "Airflow says no." : "It could not be read."), element("p", {}, err.message), hint && element("p", {}, hint), element("p", {}, again));
  if (!view.rows.length) ui.content.hidden = true;
}

/* ---- drawing ---- */

function draw() {
  const focused = document.activeElement?.dataset?.key;
  say("");
  ui.content.hidden = view.rows.length === 0;
  ui.more.hidden = !view.cursor;
  ui.content.setAttribute("aria-label", { jobs: "Jobs", queues: "Queues", reports: "Reports" }[view.name]);
  ui.count.textContent = view.name === "jobs" ? plural(view.total, "job") : "";
  DRAWERS[view.name]();
  if (focused) ui.content.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function table(head, rows) {
  return element("table", {}, element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))), element("tbody", {}, ...rows));
}

function drawJobs() {
  if (!view.rows.length) {
    const isFiltered = [ui.text, ui.queue, ui.kind, ui.enabled].some((control) => control.value.trim());
    if (isFiltered) say("", element("strong", {}, "No job is like that."), element("p", {}, "Choose another queue or kind, or empty the search."));
    else say("", element("strong", {}, "There is no job yet."), element("p", {}, "Put a job file into the folder of jobs, or a DAG into the folder of DAGs. See docs/jobs.md."));
  }
  ui.content.replaceChildren(table(["Job", "When", "Next", "Last runs", "Went well", "Queue", "Do"], view.rows.map(drawJob)));
}

function drawJob(shown) {
  const zone = ui.zone.value;
  const name = element("td", { class: "name" }, element("b", {}, linkTo(airflow.replace(/\/$/, "") + shown.links.airflow, shown.name)), element("small", {}, shown.description || shown.job_type));
  const when = element("td", { class: "when" }, scheduleText(shown), element("small", {}, shown.timezone ?? ""));
  if (shown.override) when.append(mark(`set by ${shown.override.changed_by}`, "moved"));
  const next = element("td", { class: "number", "data-label": "next" }, shown.is_enabled ? timeText(shown.next_run_at, zone) || "by hand" : mark("paused", ""));
  if (shown.is_broken) next.append(mark("file is broken", "failed"));
  const last = element("td", { class: "number" }, runsPicture(shown.recent_runs), shown.last_run_at ? element("small", {}, `${shown.last_run_status}, ${timeText(shown.last_run_at, zone)}`) : "");
  const rate = element("td", { class: "number", "data-label": "went well" }, shown.success_rate === null ? "" : `${Math.floor(shown.success_rate * 100)} %`);
  const orders = [
    shown.may.includes("run") ? button(shown, "Run", () => runDialog(shown, load)) : null,
    shown.may.includes("manage") ? button(shown, shown.is_enabled ? "Pause" : "Resume", (made) => flip(shown, made)) : null,
    shown.may.includes("manage") ? button(shown, "Reschedule", () => moveDialog(shown, zone, load)) : null,
    button(shown, "Executions", () => executionsDialog(shown, zone, load)),
  ];
  return element("tr", { class: shown.is_enabled ? null : "paused" }, name, when, next, last, rate, element("td", {}, mark(shown.queue)), element("td", { class: "do" }, ...orders.filter(Boolean)));
}

function button(shown, text, action) {
  const made = element("button", { type: "button", "data-key": `${shown.id} ${text}`, "aria-label": `${text} ${shown.name}` }, text);
  made.addEventListener("click", () => action(made));
  return made;
}

async function flip(shown, made) {
  made.disabled = true;
  try { await ask(job(shown.id, shown.is_enabled ? "/pause" : "/resume"), { method: "POST" }); } catch (err) { fail(err); return; } finally { made.disabled = false; }
  load();
}

function drawQueues() {
  const [{ queues, workers, waiting }] = view.rows;
  const tiles = [[workers.active, "workers busy"], [workers.idle, "workers idle"], [queues.reduce((sum, each) => sum + each.pending, 0), "tasks wait"], [queues.reduce((sum, each) => sum + each.failed, 0), "failed in 24 hours"]];
  const rows = queues.map((each) => element("tr", {}, element("td", { class: "name" }, mark(each.name)),
    element("td", {}, sharePicture(each.active, workers.total), element("small", {}, `${each.active} on a worker; its share is ${each.weight} of 10`)),
    ...["pending", "scheduled", "completed", "failed"].map((name) => element("td", { class: "number", "data-label": name }, each[name].toLocaleString("en-GB"))),
    element("td", { class: "number", "data-label": "longest wait" }, each.pending ? lengthText(each.longest_wait_seconds) : "")));
  ui.content.replaceChildren(
    element("div", { class: "tiles" }, ...tiles.map(([count, text]) => element("div", {}, element("span", {}, text), element("strong", {}, count.toLocaleString("en-GB"))))),
    table(["Queue", "Workers", "Wait", "To come", "Done in 24 h", "Failed", "Longest wait"], rows), element("h2", {}, "Waiting time over the last day"),
    waiting.length ? waitsPicture(waiting, ui.zone.value) : element("p", { class: "lead" }, "No task was started in the last day."),
    element("p", { class: "lead" }, mark("critical"), " ", mark("default"), " ", mark("low")));
}

function drawReports() {
  if (!view.rows.length) say("", element("strong", {}, "No report was made yet."), element("p", {}, "Reports that are delivered stand here, with their files. See docs/reports.md."));
  ui.content.replaceChildren(element("ul", { class: "gallery" }, ...view.rows.map(drawReport)));
}

function drawReport(report) {
  const names = Object.entries(report.recipients).map(([kind, all]) => `${kind}: ${all.join(", ")}`).join("; ");
  const said = element("small", { role: "status" });
  const links = report.files.filter((file) => ["pdf", "page", "csv", "xlsx"].includes(file.kind)).map((file) => {
    const made = element("button", { type: "button", "data-key": `${report.id} ${file.kind}`, "aria-label": `Download ${report.title} as ${file.kind}` }, file.kind === "page" ? "Page" : file.kind.toUpperCase());
    made.addEventListener("click", () => busy(made, said, async () => { const link = await ask(`${api}/reports/${encodeURIComponent(report.id)}/download?kind=${encodeURIComponent(file.kind)}`); open(new URL(link.download_url).pathname + new URL(link.download_url).search, true); return ""; }));
    return made;
  });
  return element("li", {}, preview(report), element("h3", {}, report.title), element("small", {}, `${report.period_label}; made ${timeText(report.rendered_at, ui.zone.value)}`), element("small", {}, names || "nobody gets it"),
    element("div", {}, mark(report.state, report.state === "delivered" ? "success" : report.state)), said, element("div", { class: "links" }, ...links));
}

// A sheet with a heading, and a bar for each of its charts.
function preview(report) {
  const charts = Math.max(1, report.files.filter((file) => file.kind.startsWith("chart")).length);
  const bars = Array.from({ length: Math.min(charts, 4) * 3 }, (_, place) => picture("rect", { class: "bar", x: 16 + place * 17, y: 70 - (10 + ((place * 13) % 26)), width: 11, height: 10 + ((place * 13) % 26) }));
  return picture("svg", { viewBox: "0 0 240 84", "aria-hidden": "true", preserveAspectRatio: "xMinYMin slice" }, picture("rect", { x: 16, y: 12, width: 110, height: 7 }), picture("rect", { x: 16, y: 25, width: 70, height: 4 }), ...bars);
}

/* ---- controls ---- */

function choose(name, isNew = true) {
  view.name = LOADERS[name] ? name : "jobs";
  Object.assign(view, { rows: [], cursor: null, total: 0 });
  for (const tab of ui.views.children) tab.setAttribute("aria-selected", String(tab.dataset.view === view.name));
  for (const control of [ui.text, ui.queue, ui.kind, ui.enabled]) control.closest("label").hidden = view.name !== "jobs";
  if (isNew) history.replaceState(null, "", `#${view.name}`);
  ui.content.replaceChildren();
  ui.content.hidden = ui.more.hidden = true;
  ui.count.textContent = "";
  load();
}

let typing;
ui.text.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(load, 250); });
for (const control of [ui.queue, ui.kind, ui.enabled]) control.addEventListener("change", () => load());
ui.zone.addEventListener("change", () => draw());
ui.controls.addEventListener("submit", (event) => { event.preventDefault(); load(); });
ui.more.addEventListener("click", () => load({ more: true }));
ui.views.addEventListener("click", (event) => { const tab = event.target.closest("[data-view]"); if (tab) choose(tab.dataset.view); });
ui.views.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...ui.views.children];
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  choose(next.dataset.view);
});
setInterval(() => { if (!document.hidden && !underWay && !dialog.open && view.rows.length <= ROWS) load(); }, REFRESH_SECONDS * 1000);

ui.queue.replaceChildren(option("", "All queues"), ...["critical", "default", "low"].map((name) => option(name, name)));
ui.kind.replaceChildren(option("", "All kinds"), ...KINDS.map((name) => option(name, name)));
ui.enabled.replaceChildren(option("", "On and paused"), option("true", "On"), option("false", "Paused"));
ui.zone.replaceChildren(...[...new Set([airflowZone(), "UTC"])].map((zone) => option(zone, zone)));
followTheme();
choose(location.hash.slice(1) || "jobs", false);
