/** Verdicts on their way to the server: those that come while others are sent go together, and the page is not left before. */

import { at, send } from "../../api.js";

const waiting = new Set();

addEventListener("beforeunload", (event) => {
  if (waiting.size) event.preventDefault();
});

/** What is said of the pictures of one trial and not saved yet; the last word on each picture counts. */
export class Outbox {
  /**
   * @param {string} project
   * @param {string} trial
   * @param {{onChange: (number: number) => void, onRefused: (picture: string, problem: Error) => void}} told `onChange`: how many are not saved.
   */
  constructor(project, trial, { onChange, onRefused }) {
    this.path = at`/projects/${project}/trials/${trial}/verdicts`;
    this.verdicts = new Map();
    this.sending = 0;
    this.empty = Promise.resolve();
    Object.assign(this, { onChange, onRefused });
  }

  /** @param {{picture: string, label: string|null}} verdict as the REST API takes it. */
  put(verdict) {
    this.verdicts.set(verdict.picture, verdict);
    waiting.add(this);
    this.tell();
    if (!this.sending) this.empty = this.flush();
  }

  async flush() {
    while (this.verdicts.size) {
      const verdicts = [...this.verdicts.values()];
      this.verdicts.clear();
      this.sending = verdicts.length;
      this.tell();
      await this.save(verdicts);
    }
    this.sending = 0;
    waiting.delete(this);
    this.tell();
  }

  async save(verdicts) {
    try {
      await send("POST", this.path, { verdicts });
    } catch (problem) {
      if (verdicts.length === 1) return this.onRefused(verdicts[0].picture, problem);
      for (const one of verdicts) await this.save([one]); // all or none: so one after the other
    }
    return undefined;
  }

  tell() {
    this.onChange(this.verdicts.size + this.sending);
  }
}
