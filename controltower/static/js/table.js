/* Row selection: tick, shift range, all shown, and a bar that repeats count and value. */
(() => {
  let last = null;
  const boxes = (table) => [...table.querySelectorAll("input[data-select]")];

  const money = (table, minor) => {
    const { currency, places } = table.dataset;
    return new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency })
      .format(minor / 10 ** Number(places));
  };

  const count = (table) => {
    const bar = document.getElementById(table.dataset.bar);
    if (!bar) return;
    const all = boxes(table);
    const ticked = all.filter((box) => box.checked);
    const master = table.querySelector("input[data-select-all]");
    if (master) {
      master.checked = ticked.length > 0 && ticked.length === all.length;
      master.indeterminate = ticked.length > 0 && !master.checked;
    }
    bar.hidden = ticked.length === 0;
    bar.querySelector("[data-count]").textContent = ticked.length;
    const minor = ticked.reduce((sum, box) => sum + Number(box.dataset.minor || 0), 0);
    bar.querySelector("[data-value]").textContent = money(table, minor);
    const matching = bar.querySelector("[data-all-matching]");
    if (matching) matching.hidden = !(master && master.checked);
  };

  const range = (table, from, to, checked) => {
    const all = boxes(table);
    const [low, high] = [all.indexOf(from), all.indexOf(to)].sort((a, b) => a - b);
    if (low >= 0) all.slice(low, high + 1).forEach((box) => { box.checked = checked; });
  };

  document.addEventListener("click", (event) => {
    const box = event.target.closest("input[data-select], input[data-select-all]");
    const table = box && box.closest("table");
    if (!table) return;
    if (box.matches("[data-select-all]")) boxes(table).forEach((one) => { one.checked = box.checked; });
    else {
      if (event.shiftKey && last) range(table, last, box, box.checked);
      last = box;
    }
    count(table);
  });

  const countAll = () => document.querySelectorAll("table[data-bar]").forEach(count);
  document.body.addEventListener("htmx:afterSettle", countAll);
  countAll();
})();
