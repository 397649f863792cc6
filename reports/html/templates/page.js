"use strict";
// A button that copies, beside every script. Without it they can be selected all the same.
for (const pre of document.querySelectorAll("pre:has(code)")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const range = document.createRange();
    range.selectNodeContents(pre.querySelector("code"));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    try {
      await navigator.clipboard.writeText(pre.querySelector("code").textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Selected: press Ctrl+C";
    }
  });
  const box = document.createElement("div");
  box.className = "copyable";
  pre.replaceWith(box);
  box.append(pre, button);
}
// The glossary opens for whoever is sent there.
document.querySelector('a[href="#words"]')?.addEventListener("click", () => { document.getElementById("words").open = true; });
// What pointing at a dot or a bar shows is had with the arrow keys, too.
for (const chart of document.querySelectorAll(".chart")) {
  const marks = [...chart.querySelectorAll(".dots, .bar")].filter(mark => mark.querySelector("title"));
  if (marks.length < 2) continue;
  const middle = mark => { const box = mark.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; };
  if (chart.querySelector(".ratios")) { // row by row, not series by series
    const places = new Map(marks.map(mark => [mark, middle(mark).map(Math.round)]));
    marks.sort((a, b) => places.get(a)[1] - places.get(b)[1] || places.get(a)[0] - places.get(b)[0]);
  }
  const told = document.createElement("p");
  told.className = "told small";
  told.setAttribute("role", "status");
  chart.after(told);
  chart.addEventListener("focus", () => { told.textContent ||= "Arrow keys go from one to the next."; });
  chart.tabIndex = 0;
  chart.setAttribute("role", "group");
  if (!chart.hasAttribute("aria-label")) {
    chart.setAttribute("aria-label", `${chart.querySelector("svg > title").textContent}: arrow keys go from one mark to the next`);
  }
  let at = null;
  const show = mark => {
    at?.classList.remove("at");
    at = mark;
    at.classList.add("at");
    told.textContent = at.querySelector("title").textContent;
  };
  const nearest = down => { // in that direction; what lies off the line counts more
    const [x, y] = middle(at);
    let best = at, least = Infinity;
    for (const mark of marks) {
      const [dx, dy] = [middle(mark)[0] - x, (middle(mark)[1] - y) * down];
      if (dy > 0.5 && dy + 3 * Math.abs(dx) < least) [best, least] = [mark, dy + 3 * Math.abs(dx)];
    }
    return best;
  };
  const beside = step => marks[Math.min(Math.max(marks.indexOf(at) + step, 0), marks.length - 1)];
  const keys = {
    Home: () => marks[0], End: () => marks[marks.length - 1],
    ArrowRight: () => beside(1), ArrowLeft: () => beside(-1), ArrowDown: () => nearest(1), ArrowUp: () => nearest(-1),
  };
  chart.addEventListener("keydown", event => {
    if (!(event.key in keys)) return;
    event.preventDefault();
    show(at || event.key === "End" ? keys[event.key]() : marks[0]);
  });
}
// In a notebook the page stands in a frame without an address of its own, where links to its places lead elsewhere.
if (location.protocol === "about:") {
  document.addEventListener("click", event => {
    const link = event.target.closest('a[href^="#"]');
    const place = link && document.getElementById(link.getAttribute("href").slice(1));
    if (!place) return;
    event.preventDefault();
    place.tabIndex = -1;
    place.focus({ preventScroll: true });
    place.scrollIntoView();
  });
}
// A long table can be searched, filtered and sorted, and the address keeps how; without this it stands as it was written.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const form = table.parentElement.previousElementSibling;
  const box = form.querySelector("input[type=search]");
  const count = form.querySelector("[role=status]");
  const flat = text => text.toLowerCase().replace(/\s+/g, " ").trim();
  const texts = new Map(rows.map(row => [row, flat(row.textContent)]));
  const nameOf = head => head.querySelector(".name").textContent;
  heads.forEach((head, column) => { // a choice of what a column says
    if (!head.dataset.choice) return;
    const select = document.createElement("select");
    select.name = head.dataset.choice;
    select.append(new Option("all", ""));
    for (const text of new Set(rows.map(row => row.cells[column].textContent))) select.append(new Option(text, text));
    rows.forEach(row => { row.dataset[select.name] = row.cells[column].textContent; });
    select.dataset.whole = "";
    const label = document.createElement("label");
    label.append(nameOf(head)[0].toUpperCase() + nameOf(head).slice(1) + " ", select);
    form.querySelector("button").before(label);
  });
  const choices = [...form.querySelectorAll("select")];
  const fits = (row, choice) => {
    const own = row.dataset[choice.name];
    return !choice.value || ("whole" in choice.dataset ? own === choice.value : own.split(" ").includes(choice.value));
  };
  const textOf = choice => choice.selectedOptions[0].textContent.replace(/ \(\d+\)$/, "");
  let sorted = null, down = false;
  const remember = () => {
    const kept = new URLSearchParams();
    if (box.value) kept.set("search", box.value);
    for (const choice of choices) if (choice.value) kept.set(choice.name, textOf(choice));
    if (sorted) kept.set(down ? "down" : "up", nameOf(sorted));
    if (location.protocol !== "about:") history.replaceState(null, "", `#${table.id}${kept.size ? `?${kept}` : ""}`);
  };
  const update = () => {
    // How often a mistake was made stands behind it in brackets, and may have been copied along.
    const phrase = flat(box.value).replace(/ \(\d+\)$/, "");
    const whole = rows.some(row => texts.get(row).includes(phrase));
    const words = whole ? [phrase] : phrase.split(" ");
    let shown = 0;
    for (const row of rows) {
      row.hidden = !(words.every(word => texts.get(row).includes(word)) && choices.every(choice => fits(row, choice)));
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${rows.length} rows`;
  };
  const sort = (head, descending) => {
    const column = heads.indexOf(head);
    [sorted, down] = [head, descending];
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const keys = new Map(rows.map(row => [row, row.cells[column].textContent]));
    const value = text => text === "inf" ? Infinity : parseFloat(text);
    rows.sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      const [m, n] = [value(x), value(y)];
      const order = isNaN(m) || isNaN(n) ? x.localeCompare(y, undefined, { numeric: true }) : m === n ? 0 : m - n;
      return down ? -order : order;
    });
    body.append(...rows);
  };
  const recall = () => {
    const [place, kept] = location.hash.slice(1).split("?");
    if (place !== table.id || !kept) return;
    const known = new URLSearchParams(kept);
    box.value = known.get("search") ?? "";
    for (const choice of choices) {
      const option = [...choice.options].find(one => one.textContent.replace(/ \(\d+\)$/, "") === known.get(choice.name));
      choice.value = option ? option.value : "";
    }
    const by = known.get("down") ?? known.get("up");
    const head = heads.find(one => nameOf(one) === by);
    if (head) sort(head, known.has("down"));
    const folded = table.closest("details");
    if (folded) folded.open = true;
    form.scrollIntoView();
  };
  form.hidden = false;
  form.addEventListener("input", () => { update(); remember(); });
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { update(); remember(); }));
  for (const link of document.querySelectorAll("a.filter")) {
    link.addEventListener("click", event => {
      form.reset();
      event.preventDefault();
      const select = choices.find(choice => choice.name === "mistake");
      if (select) setTimeout(() => { select.value = link.dataset.mistake; update(); remember(); form.scrollIntoView(); });
    });
  }
  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.setAttribute("aria-label", `Sort by ${nameOf(head)}`);
    head.append(button); // over the name, which is printed without it
    button.addEventListener("click", () => { sort(head, head.getAttribute("aria-sort") === "ascending"); remember(); });
  }
  recall();
  update();
}
