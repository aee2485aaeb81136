// What the pages have in common: making elements, links out of Airflow's frame, its theme and its zone.
"use strict";

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function parentDocument() {
  try {
    return window.parent === window ? null : window.parent.document;
  } catch {
    return null; // framed by somebody else
  }
}

// Airflow shows this page in a sandboxed frame that may not steer the window; a link of the window itself may.
function open(address, inNewTab) {
  const around = parentDocument() ?? document;
  const link = around.createElement("a");
  link.href = address;
  if (inNewTab) link.target = "_blank";
  around.body.append(link);
  link.click();
  link.remove();
}

function linkTo(address, ...children) {
  const link = element("a", { href: address }, ...children);
  link.addEventListener("click", (event) => {
    event.preventDefault();
    open(address, event.ctrlKey || event.metaKey);
  });
  return link;
}

function followTheme() {
  const outside = parentDocument()?.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const chosen = outside?.classList.contains("dark") ? "dark" : outside?.classList.contains("light") ? "light" : localStorage.getItem("theme");
    const dark = chosen === "dark" || (chosen !== "light" && system.matches);
    document.documentElement.classList.toggle("dark", dark);
  };
  if (outside) new MutationObserver(apply).observe(outside, { attributes: true, attributeFilter: ["class"] });
  system.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  apply();
}

// The zone that is chosen in Airflow's UI, which keeps it in the browser.
function airflowZone() {
  try {
    const zone = JSON.parse(localStorage.getItem("timezone"));
    Intl.DateTimeFormat("en-GB", { timeZone: zone });
    if (zone) return zone;
  } catch { /* none is chosen, or none that this browser knows */ }
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
