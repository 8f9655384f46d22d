"use strict";
{
  const read = id => JSON.parse(document.getElementById(id).textContent);
  const content = read("content"), pictures = read("pictures");
  const at = id => document.getElementById(id);
  const { rows, names, classes } = content;
  const past = { keep: "kept", flip: "flipped", drop: "dropped" };
  const letters = { keep: "K", flip: "F", drop: "D" };
  const other = label => classes[label === classes[0] ? 1 : 0];
  const source = name => pictures.large[name] ?? pictures.small[name];

  // What the browser remembers: decisions by image, and what was saved last
  let decisions = new Map(), saved = "", remembers = true;
  try {
    const kept = JSON.parse(localStorage.getItem(content.key) ?? "{}");
    decisions = new Map(Object.entries(kept.decisions ?? {}));
    saved = kept.saved ?? "";
    localStorage.setItem(content.key, JSON.stringify(kept));
  } catch {
    remembers = false;
    at("forgetful").hidden = false;
  }
  const remember = () => {
    if (remembers) localStorage.setItem(content.key, JSON.stringify({ decisions: Object.fromEntries(decisions), saved }));
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
      bring();
    });
    item.append(button);
    at("overview").append(item);
    return button;
  });

  function mark(place) {
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
    cell.ariaLabel = `Picture ${place + 1}, ${rows[place].image}, ${made ? past[made] : "undecided"}`;
    cell.ariaCurrent = String(place === current);
  }

  function count() {
    const made = rows.map(decision).filter(Boolean);
    const by = kind => made.filter(one => one === kind).length;
    const left = rows.length - made.length;
    at("counts").textContent =
      `${made.length} of ${rows.length} decided: ${by("keep")} kept, ${by("flip")} flipped, ${by("drop")} dropped`;
    at("progress").value = made.length;
    at("save").disabled = !made.length;
    const stored = made.length && csv() === saved;
    at("saved").textContent = !made.length ? "" : stored ? "Saved as a file." :
      left ? "Not yet saved as a file." : "All decided. Not yet saved as a file.";
  }

  function show(place) {
    const before = current;
    current = place;
    mark(before);
    mark(current);
    const row = rows[current], name = names[row.label], turned = names[other(row.label)];
    at("picture").src = source(row.image);
    at("picture").alt = `Picture ${row.image}, labelled ${name}`;
    at("link").href = content.folder + row.image.split("/").map(encodeURIComponent).join("/");
    at("place").textContent = `${current + 1} of ${rows.length}`;
    at("name").textContent = row.image;
    at("question").textContent = `Labelled ${name}. Is that right?`;
    const percent = Math.min(99, Math.max(1, Math.round(100 * (1 - row.probability))));
    at("doubt").textContent = row.probability < 0.5
      ? `The model takes it for ${turned}, at ${percent}%.`
      : `The model takes it for ${name} too, at ${100 - percent}%.`;
    at("keep-label").textContent = name;
    at("flip-label").textContent = `to ${turned}`;
    for (const button of document.querySelectorAll("[data-decision]"))
      button.ariaPressed = String(button.dataset.decision === decision(row));
    at("previous").disabled = current === 0;
    at("next").disabled = current === rows.length - 1;
    at("undo").disabled = !decision(row);
    const turn = row.neighbours.filter(([, label]) => label !== row.label).length;
    at("likes").textContent = `Labelled pictures most like it: ${turn} of ${row.neighbours.length} are ${turned}`;
    at("neighbours").replaceChildren(...row.neighbours.map(([image, label]) => {
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

  // On a small screen the header, or the pictures below, may have taken the place of the current one
  function bring() {
    const { top } = at("current").getBoundingClientRect();
    if (top < 0 || top > innerHeight / 3) at("current").scrollIntoView({ block: "start" });
  }

  function say(text) {
    at("announcement").textContent = text;
  }

  function decide(kind) {
    const row = rows[current];
    decisions.set(row.image, kind);
    remember();
    mark(current);
    const after = [...rows.keys()].map(step => (current + 1 + step) % rows.length);
    const next = after.find(place => !decision(rows[place]));
    const done = `${row.image} ${past[kind]}. `;
    if (next === undefined) {
      show(current);
      say(done + "All pictures are decided; save the file.");
    } else {
      show(next);
      say(`${done}Picture ${next + 1}: ${at("question").textContent}`);
    }
    count();
    bring();
  }

  function undo() {
    const row = rows[current];
    if (!decisions.delete(row.image)) return;
    remember();
    show(current);
    count();
    say(`${row.image} is undecided again.`);
  }

  function move(step) {
    const place = current + step;
    if (place < 0 || place >= rows.length) return;
    show(place);
    bring();
    say(`Picture ${place + 1}: ${at("question").textContent} ${decision(rows[place]) ? `It is ${past[decision(rows[place])]}.` : ""}`);
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
    remember();
    count();
    say("Saved label_overrides.csv.");
  }

  for (const button of document.querySelectorAll("[data-decision]"))
    button.addEventListener("click", () => decide(button.dataset.decision));
  at("previous").addEventListener("click", () => move(-1));
  at("next").addEventListener("click", () => move(1));
  at("undo").addEventListener("click", undo);
  at("save").addEventListener("click", save);
  document.addEventListener("keydown", event => {
    if (!at("keys").checked || event.ctrlKey || event.metaKey || event.altKey) return;
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
    if (!remembers && decisions.size && csv() !== saved) event.preventDefault();
  });

  rows.forEach((_, place) => mark(place));
  show(current);
  count();
}
