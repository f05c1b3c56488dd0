(() => {
  const { probability, damaged } = JSON.parse(document.getElementById("data").textContent);
  const slider = document.getElementById("slider");
  const tell = (id, part, of) => {
    const counts = document.createElement("small");
    counts.textContent = ` ${part} of ${of}`;
    document.getElementById(id).replaceChildren(of ? `${(100 * part / of).toFixed(1)}%` : "none", counts);
  };
  const update = () => {
    const threshold = Number(slider.value);
    let hits = 0, alarms = 0, bad = 0;
    for (let i = 0; i < probability.length; i++) {
      bad += damaged[i];
      if (probability[i] >= threshold) { alarms++; hits += damaged[i]; }
    }
    const good = probability.length - bad, quiet = good - (alarms - hits);
    document.getElementById("at").textContent = threshold.toFixed(3);
    tell("found", hits, bad);
    tell("real", hits, alarms);
    tell("quiet", quiet, good);
    tell("right", hits + quiet, probability.length);
    for (const line of document.querySelectorAll(".moving")) {
      const x = Number(line.dataset.left) + threshold * Number(line.dataset.width);
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
    }
  };
  slider.addEventListener("input", update);
  document.getElementById("try").hidden = false;
  update();
})();
