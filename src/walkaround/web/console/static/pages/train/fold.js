/** The log of a training, line by line, folded into what is shown: curves of each part, rules that fired, notes. */

/**
 * @typedef {{number: number, kind: string, part: string|null, step: number|null, at: string, told: any}} Line
 * @typedef {{name: string, started: any, points: Line[], epochs: Line[], rules: Line[], notes: Line[]}} Part
 */

/**
 * Add lines to those that are known; what came twice counts once.
 * @param {Line[]} known in order.
 * @param {Line[]} fresh in order.
 * @returns {Line[]} `known` itself where nothing is new.
 */
export function joined(known, fresh) {
  const last = known.at(-1)?.number ?? 0;
  const more = fresh.filter((line) => line.number > last);
  return more.length ? [...known, ...more] : known;
}

/**
 * What a log tells.
 * @param {Line[]} lines in order.
 * @returns {{parts: Part[], problems: Line[], attempts: Line[], phases: Line[]}} phases are those of the last attempt.
 */
export function folded(lines) {
  const parts = new Map();
  const told = { problems: [], attempts: [], phases: [] };
  for (const line of lines) {
    if (line.kind === "begin") {
      told.attempts.push(line);
      told.phases = [];
    } else if (line.kind === "phase") told.phases.push(line);
    else if (line.kind === "problem") told.problems.push(line);
    else if (line.part) take(parts, line);
  }
  return { parts: [...parts.values()], ...told };
}

const KEPT = { point: "points", epoch: "epochs", rule: "rules", note: "notes" };

function take(parts, line) {
  const fresh = { name: line.part, started: null, points: [], epochs: [], rules: [], notes: [] };
  const part = parts.get(line.part) ?? fresh;
  parts.set(line.part, part);
  if (line.kind === "start") {
    const from = line.told.first_step; // what is done again was told for nothing
    const stays = (one) => from > 0 && (one.step === null || one.step <= from);
    for (const name of Object.values(KEPT)) part[name] = part[name].filter(stays);
    part.started = line.told;
  } else if (KEPT[line.kind]) part[KEPT[line.kind]].push(line);
}

/**
 * The losses of a part by step, for a chart: the total first, its summands, and the loss on pictures kept back.
 * @param {Part} part
 * @returns {{x: number[], series: {name: string, values: (number|null)[], dashed?: boolean}[]}} no x where there are no steps.
 */
export function losses(part) {
  const steps = [...new Set([...part.points, ...part.epochs].map((line) => line.step))].sort((one, other) => one - other);
  if (!part.points.length) return { x: [], series: [] };
  const names = new Set(part.points.flatMap((line) => Object.keys(line.told.losses)));
  names.delete("loss");
  const at = (lines, read) => {
    const values = new Map(lines.map((line) => [line.step, read(line.told) ?? null]));
    return steps.map((step) => values.get(step) ?? null);
  };
  const series = [{ name: "error in training", values: at(part.points, (told) => told.losses.loss) }];
  const validation = at(part.epochs, (told) => told.validation.loss);
  if (validation.some((value) => value !== null)) series.push({ name: "error on pictures kept back", values: validation, dashed: true });
  if (names.size > 1) {
    for (const name of names) series.push({ name: `of it: ${name}`, values: at(part.points, (told) => told.losses[name]) });
  }
  return { x: steps, series };
}

/**
 * The scores of a part by epoch, for a chart.
 * @param {Part} part
 * @returns {{x: number[], series: {name: string, values: (number|null)[]}[]}}
 */
export function scores(part) {
  const measured = part.epochs.filter((line) => Object.keys(line.told.scores).length);
  const names = [...new Set(measured.flatMap((line) => Object.keys(line.told.scores)))];
  const series = names.map((name) => ({ name: name.replaceAll("_", " "), values: measured.map((line) => line.told.scores[name] ?? null) }));
  return { x: measured.map((line) => line.told.epoch), series };
}

/**
 * A table in Markdown as rows of cells; the first row is its head.
 * @param {string} text
 * @returns {string[][]} empty where the text is no table.
 */
export function tableOf(text) {
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  if (lines.length < 3 || !/^[|\s:-]+$/.test(lines[1])) return [];
  const cells = (line) => line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  return [cells(lines[0]), ...lines.slice(2).map(cells)];
}
