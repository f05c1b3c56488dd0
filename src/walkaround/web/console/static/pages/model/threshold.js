/** What a threshold makes of test pictures: counts, scores, costs, curves and mistakes. Pure arithmetic on sorted arrays, without any page. */

const Z = 1.959963984540054;

/**
 * @typedef {object} Ranked test pictures with a label, ready for any threshold.
 * @property {Float64Array} damage probability of damage of each picture, falling.
 * @property {Int32Array} hits `hits[k]`: damaged pictures among the first k; one longer than `damage`.
 * @property {Int32Array} damagedRising numbers of the damaged pictures, that with the lowest probability first: the clearest misses.
 * @property {Int32Array} wholeFalling numbers of the whole pictures, that with the highest probability first: the clearest false alarms.
 * @property {number} damaged how many are damaged.
 * @property {number} whole how many are whole.
 */

/**
 * @typedef {{hits: number, misses: number, falseAlarms: number, leftAlone: number}} Counts pictures by truth and verdict.
 * @typedef {{miss: number, falseAlarm: number, share: number}} Costs of a missed damage and of a false alarm, in any unit, and the share of
 *   damaged pictures (0 to 1) where the model will work.
 */

/**
 * Sort test pictures once, so that every threshold after that costs nothing.
 * @param {{damage: number, damaged: boolean|null|undefined}[]} pictures those without a label have no say.
 * @returns {Ranked}
 */
export function ranked(pictures) {
  const order = [];
  pictures.forEach((one, number) => {
    if (one.damaged === true || one.damaged === false) order.push(number);
  });
  order.sort((one, other) => pictures[other].damage - pictures[one].damage || one - other);
  const damage = Float64Array.from(order, (number) => pictures[number].damage);
  const hits = new Int32Array(order.length + 1);
  order.forEach((number, at) => {
    hits[at + 1] = hits[at] + (pictures[number].damaged ? 1 : 0);
  });
  const damaged = hits[order.length];
  return {
    damage,
    hits,
    damagedRising: Int32Array.from(order.filter((number) => pictures[number].damaged).reverse()),
    wholeFalling: Int32Array.from(order.filter((number) => !pictures[number].damaged)),
    damaged,
    whole: order.length - damaged,
  };
}

/** How many pictures are called damaged: those with a probability of at least the threshold. Binary search. */
export function alarmsAt({ damage }, threshold) {
  let [low, high] = [0, damage.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (damage[middle] >= threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @returns {Counts} at a threshold. */
export function countsAt(pictures, threshold) {
  return countsOf(pictures, alarmsAt(pictures, threshold));
}

function countsOf({ hits, damaged, whole }, alarms) {
  const found = hits[alarms];
  return { hits: found, misses: damaged - found, falseAlarms: alarms - found, leftAlone: whole - (alarms - found) };
}

/**
 * Scores from counts, as in the scorecard; null where the pictures cannot tell.
 * @param {Counts} counts
 */
export function scoresOf({ hits, misses, falseAlarms, leftAlone }) {
  const share = (part, all) => (all ? part / all : null);
  const both = hits + misses > 0 && falseAlarms + leftAlone > 0;
  return {
    accuracy: share(hits + leftAlone, hits + misses + falseAlarms + leftAlone),
    recall: share(hits, hits + misses),
    precision: both ? share(hits, hits + falseAlarms) : null,
    specificity: share(leftAlone, falseAlarms + leftAlone),
    f1: both ? share(2 * hits, 2 * hits + falseAlarms + misses) : null,
  };
}

/** The 95 % interval of a share (Wilson 1927): [low, high]; null without trials. */
export function wilson(successes, trials) {
  if (!trials) return null;
  const share = successes / trials;
  const z2 = Z * Z;
  const centre = (share + z2 / (2 * trials)) / (1 + z2 / trials);
  const half = (Z / (1 + z2 / trials)) * Math.sqrt((share * (1 - share)) / trials + z2 / (4 * trials * trials));
  return [successes === 0 ? 0 : centre - half, successes === trials ? 1 : centre + half];
}

/** Intervals of the scores that are shares of pictures. */
export function intervalsOf({ hits, misses, falseAlarms, leftAlone }) {
  return {
    accuracy: wilson(hits + leftAlone, hits + misses + falseAlarms + leftAlone),
    recall: wilson(hits, hits + misses),
    precision: wilson(hits, hits + falseAlarms),
    specificity: wilson(leftAlone, falseAlarms + leftAlone),
  };
}

/**
 * What 1,000 pictures are expected to cost, where a given share of them is damaged.
 * @param {Counts} counts
 * @param {Costs} costs
 * @returns {number|null} null where damaged or whole pictures are missing.
 */
export function costOf({ hits, misses, falseAlarms, leftAlone }, { miss, falseAlarm, share }) {
  const [damaged, whole] = [hits + misses, falseAlarms + leftAlone];
  if (!damaged || !whole) return null;
  return 1000 * ((share * misses * miss) / damaged + ((1 - share) * falseAlarms * falseAlarm) / whole);
}

/**
 * The threshold that costs least: the middle of the stretch in which no threshold costs less; of several stretches, the widest.
 * @param {Ranked} pictures
 * @param {Costs} costs
 * @returns {{threshold: number, cost: number, from: number, to: number}|null} `from`, `to`: the ends of the stretch.
 */
export function cheapest(pictures, costs) {
  const { damage } = pictures;
  let best = null;
  for (let alarms = 0; alarms <= damage.length; alarms++) {
    if (alarms > 0 && alarms < damage.length && damage[alarms] === damage[alarms - 1]) continue; // no threshold parts them
    const cost = costOf(countsOf(pictures, alarms), costs);
    if (cost === null) return null;
    const to = alarms > 0 ? damage[alarms - 1] : 1;
    const from = alarms < damage.length ? damage[alarms] : 0;
    const cheaper = best && cost < best.cost - 1e-9;
    const wider = best && Math.abs(cost - best.cost) <= 1e-9 && to - from > best.to - best.from;
    if (!best || cheaper || wider) best = { threshold: (from + to) / 2, cost, from, to };
  }
  return best;
}

/**
 * The pictures on which the verdict is wrong at a threshold, the most wrong first.
 * @param {Ranked} pictures
 * @returns {{missed: Int32Array, falseAlarms: Int32Array}} numbers of pictures, as `ranked` was given them; views of arrays that must not be changed.
 */
export function mistakesAt(pictures, threshold) {
  const { misses, falseAlarms } = countsAt(pictures, threshold);
  return { missed: pictures.damagedRising.subarray(0, misses), falseAlarms: pictures.wholeFalling.subarray(0, falseAlarms) };
}

/**
 * Precision against recall, and ROC, at every threshold at which something changes.
 * @param {Ranked} pictures
 * @returns {{recall: number[], precision: number[], falseAlarmRate: number[], threshold: number[]}} thresholds fall, so that recall rises.
 */
export function curvesOf(pictures) {
  const { damage, damaged, whole } = pictures;
  const curves = { recall: [], precision: [], falseAlarmRate: [], threshold: [] };
  for (let alarms = 1; alarms <= damage.length; alarms++) {
    if (alarms < damage.length && damage[alarms] === damage[alarms - 1]) continue;
    const { hits, falseAlarms } = countsOf(pictures, alarms);
    curves.recall.push(damaged ? hits / damaged : 0);
    curves.precision.push(hits / alarms);
    curves.falseAlarmRate.push(whole ? falseAlarms / whole : 0);
    curves.threshold.push(damage[alarms - 1]);
  }
  return curves;
}

/**
 * How many pictures of each kind lie in each of equal parts of the scale from 0 to 1.
 * @param {{damage: number, damaged: boolean|null|undefined}[]} pictures
 * @param {number} parts
 * @returns {{damaged: number[], whole: number[]}}
 */
export function spreadOf(pictures, parts) {
  const spread = { damaged: new Array(parts).fill(0), whole: new Array(parts).fill(0) };
  for (const one of pictures) {
    const part = Math.min(parts - 1, Math.floor(one.damage * parts));
    if (one.damaged === true) spread.damaged[part] += 1;
    else if (one.damaged === false) spread.whole[part] += 1;
  }
  return spread;
}

/** Where a key moves the slider to; null for keys that do nothing. Arrows: a hundredth, with Shift a thousandth; Page keys: a tenth. */
export function moved(threshold, key, shift = false) {
  const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[key];
  if (key === "Home") return 0;
  if (key === "End") return 1;
  if (step === undefined) return null;
  const small = shift && Math.abs(step) === 1;
  const next = threshold + (small ? 0.001 : 0.01) * step;
  const digits = small ? 1000 : 100;
  return Math.min(1, Math.max(0, Math.round(next * digits) / digits));
}
