// Tables sort by a click on their headings; without this script they are as they were written.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      const key = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent;
      const numbers = [...body.rows].every((row) => key(row) === "" || !Number.isNaN(Number(key(row))));
      const compare = numbers
        ? (a, b) => Number(key(a) || -Infinity) - Number(key(b) || -Infinity) || 0
        : (a, b) => key(a).localeCompare(key(b), "en");
      const rows = [...body.rows].sort(compare);
      table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...(down ? rows.reverse() : rows));
    });
  });
}
