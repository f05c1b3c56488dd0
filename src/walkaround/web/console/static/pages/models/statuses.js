/** What a model may be asked for, by its status in the API. */

const WORDS = {
  TRAINING: ["training", "busy"],
  TRAINED: ["ready", "good"],
  TRAINING_FAILED: ["training failed", "failed"],
  STARTING_HOSTING: ["starting", "busy"],
  HOSTED: ["hosted", "good"],
  HOSTING_FAILED: ["could not be started", "failed"],
  STOPPING_HOSTING: ["stopping", "busy"],
  SYSTEM_UPDATING: ["moving", "busy"],
  DELETING: ["being deleted", "busy"],
};

/** The status in words, and the kind of its badge. */
export const statusWords = (status) => WORDS[status] ?? [status.toLowerCase().replaceAll("_", " "), "plain"];

/** Whether it will change by itself soon. */
export const isBusy = (status) => WORDS[status]?.[1] === "busy";

/** Whether it has a package: it can be started, downloaded and tried. */
export const isTrained = (status) => ["TRAINED", "HOSTED", "HOSTING_FAILED", "STARTING_HOSTING", "STOPPING_HOSTING", "SYSTEM_UPDATING"].includes(status);

export const mayStart = (status) => ["TRAINED", "HOSTING_FAILED"].includes(status);
export const mayStop = (status) => status === "HOSTED";
export const mayDelete = (status) => ["TRAINED", "TRAINING_FAILED", "HOSTING_FAILED"].includes(status);
