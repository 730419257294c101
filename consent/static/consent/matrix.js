// Ctrl with an arrow goes from cell to cell of the matrix; without this file Tab does. An arrow alone stays the list's.
"use strict";

(() => {
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const table = document.querySelector("table.matrix");
  if (!table) return;

  function beside(cell, [down, across]) {
    const rows = Array.from(table.tBodies[0].rows);
    let row = rows.indexOf(cell.parentElement);
    let column = cell.cellIndex;
    for (;;) {
      row += down;
      column += across;
      const next = rows[row]?.cells[column];
      if (!next || column < 1) return null;
      const field = next.querySelector("select");
      if (field) return field;
    }
  }

  table.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    const field = event.target.closest("td select");
    if (!step || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || !field) return;
    event.preventDefault();
    const next = beside(field.closest("td"), step);
    if (next) {
      next.focus();
      next.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  });

  table.addEventListener("change", (event) => {
    const field = event.target.closest("td select");
    if (!field) return;
    const before = Array.from(field.options).find((option) => option.defaultSelected)?.value ?? "";
    field.closest("td").classList.toggle("touched", field.value !== before);
  });
})();
