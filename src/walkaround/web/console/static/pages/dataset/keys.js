/** The keys of the gallery, for the window that tells them. */

export const KEYS = [
  {
    title: "Move",
    keys: [
      [["←", "→", "↑", "↓"], "to the next picture"],
      [["Home", "End"], "to the first or last picture"],
      [["Page ↑", "Page ↓"], "a screen further"],
      [["Enter"], "open the picture"],
    ],
  },
  {
    title: "Choose",
    keys: [
      [["Space"], "choose the picture, or no longer"],
      [["Shift", "arrow"], "choose a range"],
      [["Shift", "click"], "choose a range"],
      [["Ctrl", "A"], "choose all"],
      [["Esc"], "choose none"],
    ],
  },
  {
    title: "Label the chosen pictures, or the one with the focus",
    keys: [
      [["N"], "whole (normal)"],
      [["A"], "damaged (anomaly)"],
      [["U"], "take the label away"],
      [["Del"], "take out of the dataset"],
      [["Ctrl", "Z"], "undo the last of these"],
    ],
  },
];
