"use strict";
{
  const read = id => JSON.parse(document.getElementById(id).textContent);
  const content = read("content"), pictures = read("pictures");
  const element = id => document.getElementById(id);
  const { rows, names, classes } = content;
  const participles = { keep: "kept", flip: "flipped", drop: "dropped" };
  const letters = { keep: "K", flip: "F", drop: "D" };
  const other = label => classes[label === classes[0] ? 1 : 0];
  const source = name => pictures.large[name] ?? pictures.small[name];

  // Kept in the browser's storage: decisions by image, and the text of the last saved file
  let decisions = new Map(), saved = "", canStore = true;
  try {
    const kept = JSON.parse(localStorage.getItem(content.key) ?? "{}");
    decisions = new Map(Object.entries(kept.decisions ?? {}));
    saved = kept.saved ?? "";
    localStorage.setItem(content.key, JSON.stringify(kept));
  } catch {
    canStore = false;
    element("no-storage").hidden = false;
  }
  const store = () => {
    if (canStore) localStorage.setItem(content.key, JSON.stringify({ decisions: Object.fromEntries(decisions), saved }));
  };
  const decision = row => decisions.get(row.image);
  let current = Math.max(0, rows.findIndex(row => !decision(row)));

  const cells = rows.map((row, place) => {
    const item = document.createElement("li"), button = document.createElement("button");
    const image = document.createElement("img");
    image.src = source(row.image);
    image.alt = "";
    button.type = "button";
    button.append(image);
    button.addEventListener("click", () => {
      show(place);
      scrollToCurrent();
    });
    item.append(button);
    element("overview").append(item);
    return button;
  });

  function updateCell(place) {
    const made = decision(rows[place]), cell = cells[place];
    cell.querySelector(".mark")?.remove();
    if (made) {
      const sign = document.createElement("span");
      sign.className = `mark ${made}`;
      sign.textContent = letters[made];
      sign.ariaHidden = "true";
      cell.dataset.state = made;
      cell.append(sign);
    } else delete cell.dataset.state;
    cell.ariaLabel = `Picture ${place + 1}, ${rows[place].image}, ${made ? participles[made] : "undecided"}`;
    cell.ariaCurrent = String(place === current);
  }

  function updateCounts() {
    const made = rows.map(decision).filter(Boolean);
    const by = kind => made.filter(one => one === kind).length;
    const left = rows.length - made.length;
    element("counts").textContent =
      `${made.length} of ${rows.length} decided: ${by("keep")} kept, ${by("flip")} flipped, ${by("drop")} dropped`;
    element("progress").value = made.length;
    element("save").disabled = !made.length;
    const stored = made.length && csv() === saved;
    element("saved").textContent = !made.length ? "" : stored ? "Saved as a file." :
      left ? "Not yet saved as a file." : "All decided. Not yet saved as a file.";
  }

  function show(place) {
    const before = current;
    current = place;
    updateCell(before);
    updateCell(current);
    const row = rows[current], name = names[row.label], otherName = names[other(row.label)];
    element("picture").src = source(row.image);
    element("picture").alt = `Picture ${row.image}, labelled ${name}`;
    element("link").href = content.folder + row.image.split("/").map(encodeURIComponent).join("/");
    element("place").textContent = `${current + 1} of ${rows.length}`;
    element("name").textContent = row.image;
    element("question").textContent = `Labelled ${name}. Is that right?`;
    const percent = Math.min(99, Math.max(1, Math.round(100 * (1 - row.probability))));
    element("prediction").textContent = row.probability < 0.5
      ? `The model predicts ${otherName} (${percent}%).`
      : `The model also predicts ${name} (${100 - percent}%).`;
    element("keep-label").textContent = name;
    element("flip-label").textContent = `to ${otherName}`;
    for (const button of document.querySelectorAll("[data-decision]"))
      button.ariaPressed = String(button.dataset.decision === decision(row));
    element("previous").disabled = current === 0;
    element("next").disabled = current === rows.length - 1;
    element("undo").disabled = !decision(row);
    const disagreeing = row.neighbours.filter(([, label]) => label !== row.label).length;
    element("similar").textContent = `Most similar labelled pictures: ${disagreeing} of ${row.neighbours.length} are ${otherName}`;
    element("neighbours").replaceChildren(...row.neighbours.map(([image, label]) => {
      const item = document.createElement("li"), picture = document.createElement("img");
      const caption = document.createElement("span");
      picture.src = source(image);
      picture.alt = "";
      picture.title = image;
      caption.textContent = names[label];
      caption.className = label === row.label ? "" : "other";
      item.append(picture, caption);
      return item;
    }));
  }

  // On a small screen the current picture may be scrolled out of view
  function scrollToCurrent() {
    const { top } = element("current").getBoundingClientRect();
    if (top < 0 || top > innerHeight / 3) element("current").scrollIntoView({ block: "start" });
  }

  function announce(text) {
    element("announcement").textContent = text;
  }

  function decide(kind) {
    const row = rows[current];
    decisions.set(row.image, kind);
    store();
    updateCell(current);
    const after = [...rows.keys()].map(step => (current + 1 + step) % rows.length);
    const next = after.find(place => !decision(rows[place]));
    const done = `${row.image} ${participles[kind]}. `;
    if (next === undefined) {
      show(current);
      announce(done + "All pictures are decided; save the file.");
    } else {
      show(next);
      announce(`${done}Picture ${next + 1}: ${element("question").textContent}`);
    }
    updateCounts();
    scrollToCurrent();
  }

  function undo() {
    const row = rows[current];
    if (!decisions.delete(row.image)) return;
    store();
    show(current);
    updateCounts();
    announce(`${row.image} is undecided again.`);
  }

  function move(step) {
    const place = current + step;
    if (place < 0 || place >= rows.length) return;
    show(place);
    scrollToCurrent();
    announce(`Picture ${place + 1}: ${element("question").textContent} ${decision(rows[place]) ? `It is ${participles[decision(rows[place])]}.` : ""}`);
  }

  const cell = text => /[",;\t|\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  function csv() {
    const made = rows.filter(decision).map(row => [row.image, row.label, decision(row)]);
    const lines = [["image", "label", "decision"], ...content.decided, ...made];
    return lines.map(line => line.map(cell).join(",") + "\n").join("");
  }

  function save() {
    const text = csv(), link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "label_overrides.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    saved = text;
    store();
    updateCounts();
    announce("Saved label_overrides.csv.");
  }

  for (const button of document.querySelectorAll("[data-decision]"))
    button.addEventListener("click", () => decide(button.dataset.decision));
  element("previous").addEventListener("click", () => move(-1));
  element("next").addEventListener("click", () => move(1));
  element("undo").addEventListener("click", undo);
  element("save").addEventListener("click", save);
  document.addEventListener("keydown", event => {
    if (!element("keys").checked || event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      k: () => decide("keep"), f: () => decide("flip"), d: () => decide("drop"), u: undo,
      ArrowLeft: () => move(-1), ArrowRight: () => move(1),
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  window.addEventListener("beforeunload", event => {
    if (!canStore && decisions.size && csv() !== saved) event.preventDefault();
  });

  rows.forEach((_, place) => updateCell(place));
  show(current);
  updateCounts();
}
