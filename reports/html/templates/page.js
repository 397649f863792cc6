"use strict";
// A button that copies, beside every script and command. Without it they can be selected all the same.
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
  pre.before(button);
}
// A long table can be searched and sorted; without this it stands as it was written.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const label = document.createElement("label");
  const box = document.createElement("input");
  const count = document.createElement("span");
  box.type = "search";
  count.setAttribute("role", "status");
  count.className = "small";
  label.append("Search ", box);
  table.parentElement.before(label, count);
  const tell = shown => { count.textContent = `${shown} of ${rows.length} rows`; };
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
      shown += !row.hidden;
    }
    tell(shown);
  });
  tell(rows.length);
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keys = new Map(rows.map(row => [row, row.cells[column].textContent]));
      rows.sort((a, b) => {
        const [x, y] = [keys.get(a), keys.get(b)];
        const [m, n] = [parseFloat(x), parseFloat(y)];
        const order = isNaN(m) || isNaN(n) ? x.localeCompare(y, undefined, { numeric: true }) : m - n;
        return down ? -order : order;
      });
      body.append(...rows);
    });
  });
}
