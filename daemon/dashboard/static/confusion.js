/** Confusion matrices: a cell is the darker the larger its share of the row. The numbers are there without it. */

for (const table of document.querySelectorAll("table")) {
  const names = [...table.rows[0].cells].map((cell) => cell.textContent.trim());
  if (!names[0].startsWith("true")) continue;
  table.classList.add("confusion");
  for (const row of [...table.rows].slice(1)) {
    const label = row.cells[0].textContent.trim();
    const cells = [...row.cells].slice(1).filter((_, index) => !["recall", "precision", "F1"].includes(names[index + 1]));
    const counts = cells.map((cell) => Number(cell.textContent) || 0);
    const sum = counts.reduce((all, one) => all + one, 0);
    cells.forEach((cell, index) => {
      cell.style.setProperty("--share", sum > 0 ? counts[index] / sum : 0);
      cell.classList.add("count");
      cell.classList.toggle("right", names[index + 1] === label);
    });
  }
}
