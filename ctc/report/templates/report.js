"use strict";

const rowsOf = (area) => [...(area.tBodies ? area.tBodies[0].rows : area.children)];

// A missing value is last in either direction: it is neither small nor large.
function compare(a, b, numeric, sign) {
  if (a === "" || b === "") return (a === "") - (b === "");
  return sign * (numeric ? toNumber(a) - toNumber(b) || 0 : a.localeCompare(b, "en", { numeric: true }));
}

const toNumber = (text) => (text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text));

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const ascending = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const numeric = head.dataset.kind === "number";
      const sorted = rowsOf(table).sort((a, b) => compare(key(a), key(b), numeric, ascending ? 1 : -1));
      table.tBodies[0].append(...sorted);
    });
  });
}

for (const form of document.querySelectorAll("form.filters")) {
  const rows = rowsOf(document.getElementById(form.dataset.for));
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const choices = [...form.querySelectorAll("select")];
  const kept = (row) =>
    choices.every((choice) => choice.value === "" || row.dataset[choice.dataset.key] === choice.value) &&
    boxes.every((box) => box.checked || row.dataset[form.dataset.key] !== box.value);
  const apply = () => {
    let shown = 0;
    for (const row of rows) {
      row.hidden = !kept(row);
      shown += !row.hidden;
    }
    form.querySelector("output").textContent = `${shown} of ${rows.length}`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
}

for (const button of document.querySelectorAll(".legend button")) {
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    for (const line of document.querySelectorAll(`figure .line-${button.dataset.line}`)) line.classList.toggle("hidden-line", !shown);
  });
}

// The clipboard is not given to every page that was opened from a disk; selecting the text is.
async function copy(pre) {
  const range = document.createRange();
  range.selectNodeContents(pre);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  try {
    await navigator.clipboard.writeText(pre.textContent);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

for (const button of document.querySelectorAll("button.copy")) {
  button.addEventListener("click", async () => {
    button.textContent = (await copy(button.parentElement.querySelector("pre"))) ? "copied" : "press Ctrl+C";
    setTimeout(() => (button.textContent = "copy"), 2000);
  });
}

// A link to a footnote or section inside closed parts must open them all.
function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  for (let part = target?.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  target?.scrollIntoView();
}
addEventListener("hashchange", openTarget);
openTarget();
