// Texts, pictures and calls of the API that the views share.
"use strict";

const PATIENCE_SECONDS = 20;
const airflow = location.pathname.replace(/baton\/jobs\/?$/, "");
const api = `${airflow}baton/v1`;

class Refused extends Error {}

async function ask(path, { method = "GET", body } = {}) {
  const headers = { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  const options = { method, headers, signal: AbortSignal.timeout(PATIENCE_SECONDS * 1000) };
  if (body !== undefined) options.body = JSON.stringify(body);
  const response = await fetch(path.startsWith("/") && !path.startsWith(airflow) ? airflow.replace(/\/$/, "") + path : path, options);
  if (response.status === 401) throw new Refused("You are signed out. Sign in to Airflow again, then reload this page.");
  const content = await response.json().catch(() => ({}));
  if (response.status === 403) throw new Refused(content.detail ?? "Your account may not do this.");
  if (!response.ok) throw new Error(content.detail ?? `Airflow answered ${response.status} ${response.statusText}`);
  return content;
}

const job = (id, rest = "") => `${api}/jobs/${encodeURIComponent(id)}${rest}`;

function timeText(text, zone, seconds = false) {
  if (!text) return "";
  const form = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(seconds ? { second: "2-digit" } : {}) };
  return new Intl.DateTimeFormat("en-GB", { ...form, timeZone: zone }).format(new Date(text));
}

function lengthText(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function scheduleText(shown) {
  const { schedule } = shown;
  if (schedule.cron_expression) return schedule.cron_expression;
  if (schedule.every_seconds) return `every ${lengthText(schedule.every_seconds)}`;
  return schedule.summary || "by hand";
}

const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en-GB")} ${count === 1 ? one : many}`;
const mark = (text, kind = text) => element("span", { class: `mark ${kind}` }, text);
const option = (value, text) => element("option", { value }, text);

function picture(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// The last runs, the oldest first: colour says how it went, height how long it took.
function runsPicture(runs) {
  if (!runs.length) return element("small", {}, "never ran");
  const longest = Math.max(...runs.map((run) => run.duration_seconds ?? 0), 0.001);
  const bars = [...runs].reverse().map((run, place) => {
    const height = 5 + 19 * ((run.duration_seconds ?? 0) / longest);
    const title = picture("title", {}, `${run.status}${run.duration_seconds === null ? "" : `, ${lengthText(run.duration_seconds)}`}`);
    return picture("rect", { class: run.status, x: place * 10 + 2, y: 25 - height, width: 7, height, rx: 1.5 }, title);
  });
  const good = runs.filter((run) => run.status === "success").length;
  return picture("svg", { class: "runs", viewBox: "0 0 104 26", role: "img", "aria-label": `${good} of the last ${runs.length} runs succeeded` },
    picture("line", { class: "base", x1: 0, x2: 104, y1: 25.5, y2: 25.5 }), ...bars);
}

function sharePicture(part, total) {
  const width = total ? Math.min(180, (180 * part) / total) : 0;
  return picture("svg", { class: "share", viewBox: "0 0 180 10", "aria-hidden": "true" },
    picture("rect", { class: "all", width: 180, height: 10, rx: 5 }), picture("rect", { class: "part", width, height: 10, rx: 5 }));
}

// Waiting time by queue over the last day.
function waitsPicture(waiting, zone) {
  const times = waiting.map((each) => Date.parse(each.at));
  const begin = Math.min(...times), end = Math.max(...times, begin + 1);
  const most = Math.max(...waiting.map((each) => each.average_seconds), 1);
  const place = (each) => `${(50 + (840 * (Date.parse(each.at) - begin)) / (end - begin)).toFixed(1)},${(130 - (115 * each.average_seconds) / most).toFixed(1)}`;
  const lines = ["critical", "default", "low"].flatMap((queue) => {
    const own = waiting.filter((each) => each.queue === queue);
    if (!own.length) return [];
    const points = own.map(place);
    return [picture("polyline", { class: queue, points: (points.length > 1 ? points : [points[0], points[0].replace(/^[\d.]+/, (x) => +x + 6)]).join(" ") })];
  });
  return picture("svg", { class: "waits", viewBox: "0 0 900 160", role: "img", "aria-label": "Waiting time by queue over the last day" },
    picture("line", { class: "base", x1: 50, x2: 890, y1: 130.5, y2: 130.5, stroke: "currentColor", "stroke-opacity": 0.3 }),
    picture("text", { x: 0, y: 20 }, lengthText(most)), picture("text", { x: 0, y: 134 }, "0 s"),
    picture("text", { x: 50, y: 152 }, timeText(new Date(begin).toISOString(), zone)),
    picture("text", { x: 890, y: 152, "text-anchor": "end" }, timeText(new Date(end).toISOString(), zone)), ...lines);
}
