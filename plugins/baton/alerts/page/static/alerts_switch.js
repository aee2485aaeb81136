// A switch whose click does what its label says. Label and wanted state are set together, the wanted state itself is sent
// ("off" or "on", never "the other one"), and a label that has just changed takes no click: it was meant for the one before.
"use strict";

const SURE_SECONDS = 5;
const SETTLE_MILLISECONDS = 600;

class Switch {
  // send(on): resolves when it is done or has failed; what holds then is shown by show().
  constructor(button, labels, send) {
    Object.assign(this, { button, labels, send, isOff: null, isArmed: false, isBusy: false, wanted: null, since: 0 });
    button.addEventListener("click", () => this.click());
  }

  show(isOff) {
    this.isOff = isOff;
    if (isOff) this.disarm();
    this.draw();
  }

  // Airflow's frame allows no dialogs: what stops alerts wants a second click instead.
  offer() {
    if (this.isBusy) return [this.labels.busy, null, null];
    if (this.isOff) return [this.labels.on, "on", "safe"];
    return this.isArmed ? [this.labels.sure, "off", "danger"] : [this.labels.off, "arm", this.labels.kind];
  }

  draw() {
    const [text, wanted, kind] = this.offer();
    if (text !== this.button.textContent || wanted !== this.wanted) this.since = performance.now();
    this.wanted = wanted;
    this.button.textContent = text;
    this.button.className = kind ?? "";
    this.button.setAttribute("aria-label", this.labels.what ? `${text}: ${this.labels.what}` : text);
    this.button.setAttribute("aria-busy", String(this.isBusy));
  }

  click() {
    if (performance.now() - this.since < SETTLE_MILLISECONDS) return;
    if (this.wanted === "arm") this.arm();
    else if (this.wanted) this.act(this.wanted === "on");
  }

  arm() {
    this.isArmed = true;
    this.timer = setTimeout(() => { this.disarm(); this.draw(); }, SURE_SECONDS * 1000);
    this.draw();
  }

  disarm() {
    clearTimeout(this.timer);
    this.isArmed = false;
  }

  async act(on) {
    this.disarm();
    this.isBusy = true;
    this.draw();
    try {
      await this.send(on);
    } finally {
      this.isBusy = false;
      this.draw();
    }
  }
}
