// Run a job with its input, move it, look at its executions. A dialog gives the focus back to what opened it.
"use strict";

const dialog = document.getElementById("dialog");
let opener = null;
// What opened it was perhaps drawn anew meanwhile.
dialog.addEventListener("close", () => document.querySelector(`[data-key="${CSS.escape(opener ?? "")}"]`)?.focus());

// No form: Airflow's frame may not submit any. Enter in a field presses the main button.
function openDialog(title, content, main, others = []) {
  const said = element("p", { class: "said", role: "status" });
  const close = element("button", { type: "button" }, "Close");
  close.addEventListener("click", () => dialog.close());
  const buttons = [close, ...others];
  if (main) {
    main.button = element("button", { type: "button", class: "main" }, main.text);
    main.button.addEventListener("click", () => busy(main.button, said, main.action));
    buttons.push(main.button);
  }
  for (const other of others) other.addEventListener("click", () => busy(other, said, other.action));
  dialog.replaceChildren(element("h2", { id: "dialog-title" }, title), ...content, said, element("div", { class: "buttons" }, ...buttons));
  dialog.onkeydown = (event) => {
    if (event.key === "Enter" && event.target.matches("input:not([type=checkbox])") && main) { event.preventDefault(); main.button.click(); }
  };
  if (!dialog.open) {
    opener = document.activeElement?.dataset.key ?? null;
    dialog.showModal();
  }
  return (text, isError = false) => { said.textContent = text; said.classList.toggle("error", isError); };
}

async function busy(button, said, action) {
  button.disabled = true;
  said.classList.remove("error");
  said.textContent = "…";
  try {
    said.textContent = (await action()) ?? "";
  } catch (err) {
    said.textContent = err.message;
    said.classList.add("error");
  } finally {
    button.disabled = false;
  }
}

/* ---- run ---- */

const kindsOf = (schema) => [schema.type ?? []].flat();

function fieldOf(name, schema, required) {
  const kinds = kindsOf(schema);
  const isChoice = Array.isArray(schema.enum), isTruth = kinds.includes("boolean");
  const isNumber = kinds.includes("integer") || kinds.includes("number"), isText = !kinds.length || kinds.includes("string");
  const format = { date: "date", "date-time": "datetime-local" }[schema.format];
  let input;
  if (isChoice) input = element("select", {}, ...schema.enum.map((each) => option(JSON.stringify(each), String(each))));
  else if (isTruth) input = element("input", { type: "checkbox" });
  else if (isNumber) input = element("input", { type: "number", step: kinds.includes("integer") ? 1 : "any", min: schema.minimum ?? null, max: schema.maximum ?? null });
  else if (isText) input = element("input", { type: format ?? "text" });
  else input = element("textarea", { rows: 3, spellcheck: "false" });
  const given = schema.default;
  if (isTruth) input.checked = given === true;
  else if (isChoice && given !== undefined) input.value = JSON.stringify(given);
  else if (given !== undefined && given !== null) input.value = isNumber || isText ? given : JSON.stringify(given, null, 2);
  const about = `${name}${required ? " *" : ""}${schema.description ? `: ${schema.description}` : ""}`;
  const read = () => {
    if (isTruth) return input.checked;
    if (isChoice) return JSON.parse(input.value);
    if (input.value === "") return undefined;
    if (isNumber) return Number(input.value);
    if (schema.format === "date-time") return new Date(input.value).toISOString();
    if (isText) return input.value;
    try { return JSON.parse(input.value); } catch { throw new Error(`${name} is no JSON`); }
  };
  return { name, read, row: element("label", { class: "field" }, element("span", {}, about), input) };
}

function runDialog(shown, done) {
  const { properties = {}, required = [], additionalProperties } = shown.input_schema;
  const fields = Object.entries(properties).map(([name, schema]) => fieldOf(name, schema, required.includes(name)));
  const free = additionalProperties === true ? element("textarea", { rows: 3, spellcheck: "false" }) : null;
  const rows = fields.map((field) => field.row);
  if (free) rows.push(element("label", { class: "field" }, element("span", {}, "Input, a JSON object; may be empty"), free));
  if (!rows.length) rows.push(element("p", { class: "said" }, "It takes no input."));
  const key = crypto.randomUUID?.() ?? String(Math.random());
  let asked = null;
  const action = async () => {
    const input = free?.value.trim() ? JSON.parse(free.value) : {};
    for (const field of fields) { const value = field.read(); if (value !== undefined) input[field.name] = value; }
    if (asked) return `It was started already: ${asked}`;
    const started = await ask(job(shown.id, "/run"), { method: "POST", body: { input } });
    asked = started.execution_id;
    done();
    return `Started: ${started.execution_id}`;
  };
  openDialog(`Run ${shown.name}`, rows, { text: "Run now", action, key });
}

/* ---- move ---- */

function moveDialog(shown, zone, done) {
  const cron = element("input", { type: "text", placeholder: "0 7 * * *", spellcheck: "false", autocomplete: "off" });
  const every = element("input", { type: "text", placeholder: "30m", spellcheck: "false", autocomplete: "off" });
  const place = element("input", { type: "text", list: "zones", spellcheck: "false", autocomplete: "off" });
  cron.value = shown.schedule.cron_expression ?? "";
  every.value = !cron.value && shown.schedule.every_seconds ? `${shown.schedule.every_seconds}s` : "";
  place.value = shown.timezone ?? "";
  const zones = element("datalist", { id: "zones" }, ...(Intl.supportedValuesOf?.("timeZone") ?? []).map((name) => option(name, name)));
  const times = element("ol", { "aria-label": "The next five times" });
  const body = (dryRun) => ({ cron_expression: cron.value.trim() || null, every: every.value.trim() || null, timezone: place.value.trim() || null, dry_run: dryRun });
  const reset = element("button", { type: "button" }, "Back to the file's");
  reset.hidden = !shown.override;
  reset.action = async () => { await ask(job(shown.id, "/schedule"), { method: "DELETE" }); done(); return "Its file says again when it runs, within a minute."; };
  const say = openDialog(`Reschedule ${shown.name}`, [
    shown.override ? element("p", { class: "said" }, `Set by ${shown.override.changed_by}, ${timeText(shown.override.changed_at, zone)}.`) : null,
    element("div", { class: "two" }, element("label", { class: "field" }, element("span", {}, "Cron expression"), cron), element("label", { class: "field" }, element("span", {}, "or an interval"), every)),
    element("label", { class: "field" }, element("span", {}, "Time zone"), place), zones, element("strong", {}, "The next five times"), times,
  ].filter(Boolean), { text: "Reschedule", action: async () => { await ask(job(shown.id, "/schedule"), { method: "PUT", body: body(false) }); done(); return "It counts within a minute."; } }, [reset]);
  let typing;
  const show = async () => {
    try {
      const found = await ask(job(shown.id, "/schedule"), { method: "PUT", body: body(true) });
      times.replaceChildren(...found.next_runs.map((text) => element("li", {}, `${timeText(text, zone)} (${zone})`)));
      say("");
    } catch (err) {
      times.replaceChildren();
      say(err.message, true);
    }
  };
  for (const field of [cron, every, place]) field.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(show, 300); });
  if (cron.value || every.value) show();
}

/* ---- executions ---- */

async function executionsDialog(shown, zone, done) {
  const status = element("select", { "aria-label": "Status" }, option("", "All executions"), ...["failed", "running", "pending", "success", "cancelled"].map((each) => option(each, each)));
  const list = element("div", {});
  const more = element("button", { type: "button" }, "Older");
  more.hidden = true;
  const say = openDialog(`Executions of ${shown.name}`, [status, list, more]);
  let cursor = null;
  const load = async (older) => {
    const query = new URLSearchParams({ limit: "20", ...(status.value ? { status: status.value } : {}), ...(older && cursor ? { cursor } : {}) });
    try {
      const page = await ask(job(shown.id, `/executions?${query}`));
      const rows = page.data.map((each) => executionRow(each, shown, zone, () => { load(false); done(); }));
      list.replaceChildren(...(older ? list.children : []), ...rows);
      if (!list.children.length) list.append(element("p", { class: "said" }, status.value ? `None is ${status.value}.` : "It never ran."));
      cursor = page.next_cursor;
      more.hidden = !cursor;
    } catch (err) { say(err.message, true); }
  };
  status.addEventListener("change", () => load(false));
  more.addEventListener("click", () => load(true));
  await load(false);
}

function executionRow(each, shown, zone, done) {
  const inside = element("div", {}, element("p", { class: "said" }, "Loading …"));
  const made = element("details", {}, element("summary", {}, mark(each.status), ` ${timeText(each.scheduled_at, zone, true)} `, element("small", {}, [lengthText(each.duration_seconds), each.trigger, each.started_by].filter(Boolean).join(", "))), inside);
  made.addEventListener("toggle", async () => {
    if (!made.open) return;
    try { inside.replaceChildren(...executionContent(await ask(`${api}/executions/${each.id}`), shown, done)); } catch (err) { inside.replaceChildren(element("p", { class: "said error" }, err.message)); }
  });
  return made;
}

function executionContent(found, shown, done) {
  const said = element("p", { class: "said", role: "status" });
  const order = (text, path, body) => {
    const made = element("button", { type: "button" }, text);
    made.addEventListener("click", () => busy(made, said, async () => { await ask(`${api}/executions/${found.id}${path}`, { method: "POST", body }); done(); return `${text}: done.`; }));
    return made;
  };
  const goes = ["pending", "running"].includes(found.status);
  const orders = !shown.may.includes("cancel") ? [] : goes ? [order("Cancel", "/cancel")] : [found.status === "success" ? null : order("Retry failed steps", "/retry", { mode: "failed_steps" }), order("Run the whole again", "/retry", { mode: "whole" })].filter(Boolean);
  const rows = found.steps.map((step) => element("tr", {}, element("td", { class: "name" }, step.name + (step.item === null ? "" : ` [${step.item}]`)), element("td", {}, mark(step.status)), element("td", { class: "number" }, lengthText(step.duration_seconds)), element("td", {}, step.attempts > 1 ? plural(step.attempts, "try", "tries") : "", step.message ? element("small", {}, step.message) : "")));
  return [element("table", {}, element("tbody", {}, ...rows)),
    Object.keys(found.input).length ? element("p", { class: "said" }, `Input: ${JSON.stringify(found.input)}`) : null,
    found.log_tail?.lines.length ? element("pre", { tabindex: 0, "aria-label": `End of the log of ${found.log_tail.task_id}` }, found.log_tail.lines.join("\n")) : null,
    said, element("div", { class: "buttons links" }, linkTo(airflow.replace(/\/$/, "") + found.links.airflow, "In Airflow"), ...orders)].filter(Boolean);
}
