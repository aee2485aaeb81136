// The page: fetches what "data" answers and draws it. Plain JavaScript, no library.
"use strict";

const REFRESH_SECONDS = 30;
const HOUR = 3600e3;
const MAX_CHAINS = 40; // drawn before somebody asks for the rest
const STEPS_MINUTES = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440];
const view = { end: null, data: null, drawsAll: false };
const byId = (id) => document.getElementById(id);
const ui = Object.fromEntries(
  ["earlier", "later", "now", "hours", "zone", "filter", "marked", "summary", "legend", "message", "chains", "detail", "controls"]
    .map((id) => [id, byId(id)]),
);

/* ---- small things ---- */

const moment = (text) => (text === null ? null : new Date(text).getTime());

function timeText(text, withDay = Number(ui.hours.value) > 12) {
  if (text === null) return "–";
  const form = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  if (withDay) Object.assign(form, { weekday: "short", day: "numeric", month: "short" });
  form.timeZone = ui.zone.value;
  return new Intl.DateTimeFormat("en-GB", form).format(new Date(text));
}

function lengthText(seconds) {
  const whole = Math.round(Math.abs(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
  const minutes = Math.round(whole / 60);
  if (minutes < 120) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
}

const savedText = (seconds) => `${lengthText(seconds)} ${seconds < 0 ? "later than" : "earlier than"} on the clock`;

/* ---- Airflow around the page ---- */

const airflow = location.pathname.replace(/baton\/chains\/?$/, "");
const runAddress = (run) => `${airflow}dags/${encodeURIComponent(run.dag_id)}/runs/${encodeURIComponent(run.run_id)}`;
const dagAddress = (dagId) => `${airflow}dags/${encodeURIComponent(dagId)}`;

function offerZones() {
  const zones = [...new Set([airflowZone(), "UTC"])];
  if (ui.zone.firstChild?.value === zones[0]) return;
  ui.zone.replaceChildren(...zones.map((zone) => element("option", { value: zone }, zone)));
  if (view.data) draw();
}

// How far the zone's clocks are ahead of UTC at a time, in milliseconds.
function zoneOffset(time) {
  const fields = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" };
  const parts = new Intl.DateTimeFormat("en-US", { ...fields, hourCycle: "h23", timeZone: ui.zone.value }).formatToParts(time);
  const { year, month, day, hour, minute, second } = Object.fromEntries(parts.map((part) => [part.type, Number(part.value)]));
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(time / 1000) * 1000;
}

/* ---- fetching ---- */

let asked = 0;

async function load() {
  const mine = ++asked;
  if (!view.data) say("loading", element("span", { class: "spinner", "aria-hidden": "true" }), "Loading the chains …");
  ui.chains.classList.toggle("busy", Boolean(view.data));
  const query = new URLSearchParams({ hours: ui.hours.value });
  if (view.end) query.set("end", new Date(view.end).toISOString());
  try {
    const response = await fetch(`data?${query}`, { headers: { Accept: "application/json" } });
    if (mine !== asked) return;
    if (response.status === 401) return refuse("You are signed out.", "Sign in to Airflow again, then reload this page.");
    if (response.status === 403) return refuse("Your account may not see DAG runs.", "Ask for the right to read DAG runs and task instances.");
    if (!response.ok) throw new Error(`Airflow answered ${response.status} ${response.statusText}`);
    const data = await response.json();
    if (mine !== asked) return;
    view.data = data;
    draw();
  } catch (err) {
    if (mine === asked) fail(err);
  } finally {
    if (mine === asked) ui.chains.classList.remove("busy");
  }
}

function say(kind, ...content) {
  ui.message.className = kind;
  ui.message.replaceChildren(...content);
}

function refuse(title, hint) {
  view.data = null;
  ui.legend.hidden = true;
  ui.chains.replaceChildren();
  ui.summary.replaceChildren();
  say("error", element("strong", {}, title), element("p", {}, hint));
}

function fail(err) {
  const again = element("button", { type: "button" }, "Try again");
  again.addEventListener("click", load);
  const hint = view.data ? "What is shown below is from the last time it could be read." : "The log of the API server says more.";
  say("error", element("strong", {}, "The chains could not be read."), element("p", {}, element("code", {}, err.message)), element("p", {}, hint), element("p", {}, again));
}

/* ---- drawing ---- */

function draw() {
  const focused = document.activeElement?.dataset?.id;
  const openTables = new Set([...ui.chains.querySelectorAll("details[open]")].map((table) => table.dataset.chain));
  const all = view.data.chains;
  const shown = all.filter(isWanted);
  say("");
  ui.legend.hidden = all.length === 0;
  if (all.length === 0) return drawEmpty();
  drawSummary(all);
  if (shown.length === 0) say("empty", element("strong", {}, "Nothing matches."), element("p", {}, "Change what is searched for, or the time that is shown."));
  else if (all.every((chain) => chain.runs.length === 0)) say("empty", element("strong", {}, "No run in this time."), element("p", {}, "The clock's ticks are shown. A DAG runs after it is switched on in Airflow, or triggered."));
  if (view.data.max_runs) say("empty", `Only the newest ${view.data.max_runs} runs are shown: choose a shorter time.`);
  const drawn = view.drawsAll ? shown : shown.slice(0, MAX_CHAINS);
  ui.chains.replaceChildren(...drawn.map((chain) => drawChain(chain, openTables.has(chain.name))));
  if (drawn.length < shown.length) ui.chains.append(moreButton(shown.length - drawn.length));
  thinOutMarks();
  makeRoving(focused);
}

// Letters that would cover one another are left out; the edge of a marked bar remains.
function thinOutMarks() {
  for (const track of ui.chains.querySelectorAll(".track")) {
    let end = -Infinity;
    const places = [...track.querySelectorAll(".mark")].map((mark) => [mark, mark.getBoundingClientRect()]);
    for (const [mark, box] of places.toSorted((one, other) => one[1].left - other[1].left)) {
      if (box.left < end) mark.hidden = true;
      else end = box.right;
    }
  }
}

function moreButton(count) {
  const more = element("button", { type: "button", class: "more" }, `Show ${count} more`);
  more.addEventListener("click", () => { view.drawsAll = true; draw(); });
  return more;
}

function drawEmpty() {
  ui.chains.replaceChildren();
  ui.summary.replaceChildren();
  say("empty", element("strong", {}, "No CronJobs have been imported yet."),
    element("p", {}, "Put CronJob manifests into include/cronjobs, or call baton.cronjobs.dags.cronjob_dags(FOLDER) in a DAG file; their DAGs then show here."));
}

function isWanted(chain) {
  const sought = ui.filter.value.trim().toLowerCase();
  const found = !sought || [chain.name, ...chain.jobs.map((job) => job.key)].some((name) => name.toLowerCase().includes(sought));
  return found && (!ui.marked.checked || isMarked(chain));
}

const isMarked = (chain) => chain.runs.some((run) => run.state === "failed" || run.late.length || run.overlaps.length || run.too_early.length);

const figure = (value, words, kind = "") => element("div", {}, element("span", {}, words), element("strong", { class: kind }, String(value)));

function drawSummary(chains) {
  const runs = chains.flatMap((chain) => chain.runs);
  const saved = chains.reduce((sum, chain) => sum + (chain.saved_seconds ?? 0), 0);
  const compared = chains.reduce((sum, chain) => sum + chain.saved_runs, 0);
  const signed = `${saved < 0 ? "−" : ""}${lengthText(saved)}`;
  ui.summary.replaceChildren(
    figure(compared ? signed : "–", `saved in ${compared} chain run${compared === 1 ? "" : "s"}`, saved > 0 ? "good" : ""),
    figure(runs.length, "runs"),
    figure(runs.filter((run) => run.late.length).length, "with late starts"),
    figure(runs.filter((run) => run.overlaps.length).length, "overlapping"),
    figure(runs.filter((run) => run.too_early.length).length, "buffer too short on the clock"),
    figure(runs.filter((run) => run.state === "failed").length, "failed"),
  );
}

function drawChain(chain, isOpen) {
  const saved = chain.saved_seconds;
  const words = saved === null ? "" : `${lengthText(saved)} ${saved < 0 ? "lost" : "saved"} in ${chain.saved_runs} run${chain.saved_runs === 1 ? "" : "s"}`;
  const dags = new Set(chain.jobs.map((job) => job.dag_id));
  const title = dags.size === 1 ? linkTo(dagAddress(chain.jobs[0].dag_id), chain.name) : chain.name;
  const head = element("div", { class: "head" }, element("h2", {}, title),
    chain.jobs.every((job) => job.is_paused) ? element("span", { class: "paused" }, "paused in Airflow") : null,
    words ? element("span", { class: saved > 0 ? "saved" : "saved none" }, words) : null);
  const marks = axisMarks();
  return element("section", { class: "chain", "aria-label": chain.name }, head, drawAxis(marks),
    ...chain.jobs.map((job) => drawRow(chain, job, marks)), chain.runs.length ? drawTable(chain, isOpen) : null);
}

const span = () => [moment(view.data.begin), moment(view.data.end)];

function place(time) {
  const [begin, end] = span();
  return (100 * (time - begin)) / (end - begin);
}

// Marks stand at round times of the zone that is shown.
function axisMarks() {
  const [begin, end] = span();
  const most = Math.max(3, Math.floor(Math.min(innerWidth, 1400) / 120));
  const step = 60e3 * (STEPS_MINUTES.find((minutes) => (end - begin) / (minutes * 60e3) <= most) ?? 1440);
  const shift = -zoneOffset(begin);
  const marks = [];
  for (let time = Math.ceil((begin - shift) / step) * step + shift; time < end; time += step) marks.push(time);
  return marks;
}

function drawAxis(marks) {
  const track = element("div", { class: "track" });
  const days = Number(ui.hours.value) > 24;
  let day = "";
  for (const time of marks) {
    const zone = { timeZone: ui.zone.value };
    const date = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", ...zone }).format(time);
    const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...zone }).format(time);
    const mark = element("time", { datetime: new Date(time).toISOString() }, days && date !== day ? date : clock);
    day = date;
    if (place(time) > 97 || place(time) < 3) continue;
    mark.style.left = `${place(time)}%`;
    track.append(mark);
  }
  return element("div", { class: "axis", "aria-hidden": "true" }, element("div", { class: "label" }), track);
}

function drawRow(chain, job, marks) {
  const zone = job.time_zone === "UTC" ? "" : ` ${job.time_zone}`;
  const after = job.after.length ? `after ${job.after.join(", ")}` : null;
  const name = chain.jobs.length > 1 || job.key !== chain.name ? element("b", {}, linkTo(dagAddress(job.dag_id), job.key)) : null;
  const label = element("div", { class: "label" }, name, element("small", {}, `${job.schedule}${zone}`),
    after ? element("small", {}, after) : null);
  const track = element("div", { class: "track", role: "group", "aria-label": job.key });
  for (const time of marks) track.append(line("grid", time));
  if (job.is_dense) track.append(denseBar(job));
  for (const tick of job.ticks) track.append(clockBar(job, tick));
  for (const run of job.runs) track.append(runBar(job, run));
  const now = moment(view.data.now);
  if (place(now) >= 0 && place(now) <= 100) track.append(line("nowline", now));
  return element("div", { class: "row" }, label, track);
}

function line(kind, time) {
  const made = element("i", { class: kind });
  made.style.left = `${place(time)}%`;
  return made;
}

function bar(kind, id, words, begin, end, marks, action) {
  const left = Math.max(0, place(begin));
  const right = Math.min(100, place(end));
  const made = element("button", { type: "button", class: `bar ${kind}`, tabindex: "-1", "data-id": id, "aria-label": words.join(". ") },
    marks.length ? element("span", { class: `mark${marks.includes("!") ? " early" : ""}`, "aria-hidden": "true" }, marks.join(" ")) : null);
  made.classList.toggle("marked", marks.length > 0);
  made.style.left = `${left}%`;
  made.style.width = `${Math.max(0, right - left)}%`;
  const show = () => detail(words, action !== null);
  made.addEventListener("focus", show);
  made.addEventListener("pointerenter", show);
  made.addEventListener("pointerleave", () => { if (document.activeElement !== made) ui.detail.hidden = true; });
  made.addEventListener("blur", () => { ui.detail.hidden = true; });
  if (action) made.addEventListener("click", (event) => open(action, event.ctrlKey || event.metaKey));
  return made;
}

function clockBar(job, tick) {
  const words = [`${job.key}: on the clock at ${timeText(tick.at)}`];
  if (tick.end) words.push(`${tick.is_guess ? "would typically end" : "would have ended"} at ${timeText(tick.end)}`);
  words.push(...tick.too_early.map((bad) => `Buffer too short: would have started ${lengthText(bad.seconds)} before ${bad.before} had ended`));
  return bar(`clock${tick.is_guess ? " guess" : ""}`, `${job.key} tick ${tick.at}`, words, moment(tick.at), moment(tick.end ?? tick.at), tick.too_early.length ? ["!"] : [], null);
}

function denseBar(job) {
  const words = [`${job.key}: on the clock at ${job.schedule}`, "Too often to draw each start: choose a shorter time"];
  return bar("clock guess dense", `${job.key} ticks`, words, ...span(), [], null);
}

function runBar(job, run) {
  const marks = [...(run.late_seconds !== null ? ["L"] : []), ...(run.overlaps ? ["O"] : [])];
  const words = [`${job.key}: ${run.state}`, `ran ${timeText(run.start)} – ${run.end ? timeText(run.end, false) : "now"}` +
    (run.end ? ` (${lengthText((moment(run.end) - moment(run.start)) / 1000)})` : "")];
  if (run.tick) words.push(`on the clock at ${timeText(run.tick)}` + (moment(run.tick) - moment(run.start) > 1000 ? `, ${lengthText((moment(run.tick) - moment(run.start)) / 1000)} later` : ""));
  else words.push("no tick: started by hand or by an event");
  if (run.late_seconds !== null) words.push(`Late by ${lengthText(run.late_seconds)}`);
  if (run.overlaps) words.push("Began before its run before had ended");
  const kind = run.state.replace(" ", "-");
  return bar(`ran ${kind}`, `${job.key} run ${run.run_id}`, words, moment(run.start), moment(run.end ?? view.data.now), marks, runAddress(run));
}

function detail(words, canOpen) {
  ui.detail.replaceChildren(element("p", {}, element("strong", {}, words[0])), ...words.slice(1).map((text) => element("p", {}, text)),
    canOpen ? element("p", { class: "quiet" }, "Enter or click: open the run in Airflow") : "");
  ui.detail.hidden = false;
}

function drawTable(chain, isOpen) {
  const isChain = chain.jobs.length > 1;
  const head = ["Run", "On the clock", "Ran", isChain ? "Clock would have ended" : null, isChain ? "Compared" : null, "State", "Notes"].filter((text) => text);
  const rows = chain.runs.map((run) => element("tr", {},
    element("td", {}, linkTo(runAddress(run), run.run_id)),
    element("td", {}, timeText(run.tick)),
    element("td", {}, `${timeText(run.start)} – ${run.end ? timeText(run.end, false) : "now"}`),
    isChain ? element("td", {}, timeText(run.clock_end)) : null,
    isChain ? element("td", {}, run.saved_seconds === null ? "–" : savedText(run.saved_seconds)) : null,
    element("td", {}, run.state),
    element("td", { class: "wide" }, notes(run, isChain).join("; "))));
  return element("details", { "data-chain": chain.name, open: isOpen }, element("summary", {}, `${chain.runs.length} run${chain.runs.length === 1 ? "" : "s"} as a table`),
    element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": `Runs of ${chain.name}` },
      element("table", {}, element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))), element("tbody", {}, ...rows))));
}

function notes(run, isChain) {
  const who = (job) => (isChain ? `${job} ` : "");
  return [
    ...run.late.map((late) => `${who(late.job)}late by ${lengthText(late.seconds)}`),
    ...run.overlaps.map((job) => `${who(job)}began before its run before had ended`),
    ...run.too_early.map((bad) => `on the clock ${bad.job} would have started ${lengthText(bad.seconds)} before ${bad.before} had ended`),
  ];
}

/* ---- keyboard: one stop for Tab, arrows between the bars ---- */

const bars = () => [...ui.chains.querySelectorAll(".bar")];

function makeRoving(id) {
  const all = bars();
  const same = id && all.find((made) => made.dataset.id === id);
  const first = same || all.find((made) => made.classList.contains("ran")) || all[0];
  if (first) first.tabIndex = 0;
  if (same) same.focus({ preventScroll: true });
}

function centre(made) {
  const box = made.getBoundingClientRect();
  return box.left + box.width / 2;
}

function neighbour(made, key) {
  const tracks = [...ui.chains.querySelectorAll(".row .track")].filter((track) => track.querySelector(".bar"));
  const track = made.parentElement;
  const inTrack = [...track.querySelectorAll(".bar")].toSorted((one, other) => centre(one) - centre(other));
  const at = inTrack.indexOf(made);
  if (key === "ArrowRight") return inTrack[at + 1];
  if (key === "ArrowLeft") return inTrack[at - 1];
  if (key === "Home") return inTrack[0];
  if (key === "End") return inTrack.at(-1);
  const next = tracks[tracks.indexOf(track) + (key === "ArrowDown" ? 1 : -1)];
  if (!next) return undefined;
  return [...next.querySelectorAll(".bar")].toSorted((one, other) => Math.abs(centre(one) - centre(made)) - Math.abs(centre(other) - centre(made)))[0];
}

ui.chains.addEventListener("keydown", (event) => {
  const made = event.target;
  if (event.key === "Escape") ui.detail.hidden = true;
  if (!made.classList.contains("bar") || !["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
  event.preventDefault();
  const next = neighbour(made, event.key);
  if (!next) return;
  made.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
});

/* ---- controls ---- */

function move(direction) {
  const step = (Number(ui.hours.value) * HOUR) / 2;
  view.end = (view.end ?? Date.now()) + direction * step;
  load();
}

ui.earlier.addEventListener("click", () => move(-1));
ui.later.addEventListener("click", () => move(1));
ui.now.addEventListener("click", () => { view.end = null; load(); });
ui.hours.addEventListener("change", load);
for (const control of [ui.zone, ui.marked]) control.addEventListener("change", () => view.data && draw());
ui.filter.addEventListener("input", () => view.data && draw());
ui.controls.addEventListener("submit", (event) => event.preventDefault());
addEventListener("resize", () => view.data && draw());
setInterval(() => { if (!document.hidden && !view.end) load(); }, REFRESH_SECONDS * 1000);

addEventListener("storage", offerZones);

followTheme();
offerZones();
load();
