/** The kinds of problems of a dataset in the words of who has to act on them. */

/**
 * Title, what it does to a model, and what to do; by the kind of the problem.
 * @type {Record<string, {title: string, why: string, act: string}>}
 */
export const WORDS = {
  "label-doubt": {
    title: "Labels that are likely wrong",
    why: "Models that never saw these pictures are sure that they show something else. Wrong labels cost more than missing pictures.",
    act: "Look at each, and correct it or say that it is right.",
  },
  "two-labels": { title: "The same picture with two labels", why: "Nobody can learn from it, so it is left out.", act: "Decide on one label, or take one of them out." },
  "near-two-labels": { title: "The same photo with two labels", why: "One photo, resized or cropped, is labelled whole once and damaged once.", act: "Correct the wrong label." },
  unreadable: { title: "Pictures that cannot be read", why: "They are left out of every training.", act: "Take them out, and add them again from the camera." },
  missing: { title: "Pictures that are not in their bucket any more", why: "They are left out of every training.", act: "Put them back, or take them out here." },
  tiny: { title: "Pictures that are too small", why: "Damage cannot be seen on them.", act: "Use the originals, or take them out." },
  pages: { title: "Animations or files with several pages", why: "Only the first picture of each is used.", act: "Nothing has to be done." },
  duplicates: { title: "Exact copies", why: "They add nothing, and are always kept on one side of training and test.", act: "One of each is enough." },
  "near-duplicates": { title: "Pictures that are nearly the same photo", why: "They add little, and are always kept on one side of training and test.", act: "One of each is enough." },
  "split-leak": { title: "The same photos in training and test", why: "A model is measured on what it has seen: its scores will be too good.", act: "Take them out on one side." },
  unlabelled: { title: "Pictures without a label", why: "Nothing is learnt from them.", act: "Label them." },
  shortcut: { title: "Something else gives the labels away", why: "A model could learn this instead of damage, and fail on other photos.", act: "Add pictures that break the pattern." },
  "no-labels": { title: "No picture has a label", why: "Nothing can be learnt.", act: "Label some pictures." },
  "one-class": { title: "Only one kind of picture", why: "Nothing can be told apart.", act: "Add the other kind." },
  "normal-only": { title: "Only whole cars", why: "A model will report whatever looks different.", act: "Add pictures of damage to teach what damage is." },
  "normal-left": { title: "Only whole cars are left", why: "What was labelled damaged cannot be used.", act: "Mend those pictures first." },
  "no-normal": { title: "No whole cars", why: "A model can tell kinds of damage apart, but not say that nothing is wrong.", act: "Add pictures of whole cars." },
  "too-few": { title: "Too few pictures", why: "Nothing can be learnt from so few.", act: "Add more." },
  few: { title: "Few pictures", why: "A model of so few is a guess.", act: "Add more." },
  imbalance: { title: "Far more of one kind than of the other", why: "The rarer kind will seldom be found.", act: "Add pictures of the rarer kind." },
  spelling: { title: "Names that differ only in spelling", why: "They count as different kinds of damage.", act: "Use one name." },
  "bad-place": { title: "Boxes or masks that do not fit", why: "They cannot be learnt from.", act: "Draw them again, or take them out." },
};

/** Words for a severity. */
export const SEVERITY = { error: "must be mended", warning: "should be mended", note: "good to know" };
/** The badge of a severity. */
export const BADGE = { error: "failed", warning: "warning", note: "plain" };

/** Words for a kind; for one that is new here, its own name. */
export const wordsOf = (kind) => WORDS[kind] ?? { title: kind.replaceAll("-", " "), why: "", act: "" };

/** A sentence of the check in the words of this page: anomaly is damaged, normal is whole. */
export const plain = (sentence) => sentence.replace(/'anomaly'|(?<=labelled )anomaly/g, "damaged").replace(/'normal'|(?<=labelled )normal/g, "whole");
