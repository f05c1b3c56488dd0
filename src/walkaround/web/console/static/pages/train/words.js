/** What the parts, steps and rules of a training are called where a person reads. */

const PARTS = {
  verdict: ["Verdict", "Is the car damaged or whole?"],
  boxes: ["Boxes", "Where is each damage, and what is it?"],
  masks: ["Masks", "Which pixels are damaged?"],
};

/** The name of a part of the model, and the question that it answers. */
export const partWords = (name) => PARTS[name] ?? [partName(name), ""];

/** The name of a part of a training: that of the model, or a step on the way to it. */
export function partName(name) {
  const tuned = /^(.+?)-(\d+)$/.exec(name);
  if (tuned) return `Fine-tuning, try ${Number(tuned[2]) + 1}`;
  return PARTS[name]?.[0] ?? `${name[0].toUpperCase()}${name.slice(1)}`;
}

/** What a training is doing, with the name of its part. */
export function phaseName(doing) {
  const training = /^Training (.+)$/.exec(doing ?? "");
  return training ? `Learning: ${partName(training[1]).toLowerCase()}` : doing;
}

const RULES = {
  VanishingGradient: "A layer hardly learns",
  ExplodingTensor: "Numbers grew beyond all bounds",
  WeightUpdateRatio: "Steps of an unusual size",
  AllZero: "A layer is out of use",
  UnchangedTensor: "A layer does not change",
  TensorVariance: "Weights differ unusually",
  DeadRelu: "Many units answer to nothing",
  SaturatedActivation: "Units are at their limit",
  PoorWeightInitialization: "A poor beginning",
  LossNotDecreasing: "The error does not fall",
  Overfit: "It learns the pictures by heart",
  Overtraining: "Going on brings nothing more",
  StalledTraining: "The training stands still",
  SimilarAcrossRuns: "It differs from the training it is compared with",
  ClassImbalance: "One kind has far fewer pictures than another",
  Confusion: "Kinds are mistaken for each other",
  CheckInputImages: "Pictures are very dark, very light or tinted",
  Dataloader: "Reading pictures holds it up",
  CPUBottleneck: "The processor holds it up",
  StepOutlier: "Some steps take far longer than others",
  BatchSize: "The machine could take more at once",
  GPUMemoryIncrease: "It needs more and more memory of the GPU",
  MemoryIncrease: "It needs more and more memory",
  LowGPUUtilization: "The GPU is hardly used",
  MaxInitializationTime: "It takes long to begin",
};

/** What a rule that fired means, in a few plain words. */
export const ruleName = (rule) => RULES[rule] ?? rule;

const STATES = {
  waiting: ["waiting", "plain"],
  running: ["training", "busy"],
  done: ["trained", "good"],
  failed: ["failed", "failed"],
  cancelled: ["cancelled", "plain"],
};

/** The state of a training, and the kind of its badge. */
export const stateWords = (state) => STATES[state] ?? [state, "plain"];
