"use strict";

const element = (id) => document.getElementById(id);
const statement = element("statement");
/** What the table shows of a result; all of it is in the plot. */
const SHOWN_ROWS = 1000;
const NUMBERS = new Set(["integer", "bigint", "double"]);
let plot = null;

/** The answer to a statement, or its error. */
async function ask(sql) {
  const response = await fetch("/api/query", {
    method: "POST",
    headers: { "X-Requested-With": "trucksensor", "Content-Type": "application/json" },
    body: JSON.stringify({ sql }),
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { error: text || `status ${response.status}` };
  }
}

function made(name, text, className) {
  const node = document.createElement(name);
  node.textContent = text;
  if (className) node.className = className;
  return node;
}

/** Puts a text where the cursor is. */
function insert(text) {
  statement.setRangeText(text, statement.selectionStart, statement.selectionEnd, "end");
  statement.focus();
}

/** Buttons for the tables' names and columns. */
async function showNames() {
  const tables = await ask("SHOW TABLES");
  for (const [table] of tables.rows ?? []) {
    const columns = await ask(`DESCRIBE "${table.replaceAll('"', '""')}_wide"`);
    const names = [`${table}_wide`, table, ...(columns.rows ?? []).map((row) => row[0])];
    for (const name of names) {
      const button = made("button", name);
      button.addEventListener("click", () => insert(/^[a-z_][a-z0-9_]*$/i.test(name) ? name : `"${name.replaceAll('"', '""')}"`));
      element("names").append(button);
    }
  }
}

function fail(answer) {
  const error = element("query-error");
  error.hidden = false;
  let text = answer.error;
  if (answer.line) {
    const line = statement.value.split("\n")[answer.line - 1] ?? "";
    if (line.length < 500) text += `\n${line}\n${" ".repeat(Math.max(0, answer.column - 1))}^`;
  }
  error.textContent = answer.suggestion ? `${text}\n${answer.suggestion}` : text;
}

/** A time's text as Timestream writes it, in milliseconds since 1970. */
const milliseconds = (text) => Date.parse(`${text.slice(0, 10)}T${text.slice(11, 23)}Z`);

/** Numbers over the first column of times, if there are both. */
function draw(answer) {
  const time = answer.columns.findIndex((column) => column.type === "timestamp");
  const values = answer.columns.flatMap((column, index) => (NUMBERS.has(column.type) ? [index] : []));
  if (plot) plot.destroy();
  plot = null;
  const isDrawn = time >= 0 && values.length > 0 && answer.rows.length > 1;
  element("plot").hidden = !isDrawn;
  if (!isDrawn) return;
  const number = (text) => (text === null ? null : Number(text));
  const rows = answer.rows
    .filter((row) => row[time] !== null)
    .map((row) => [new Date(milliseconds(row[time])), ...values.map((index) => number(row[index]))])
    .sort((one, other) => one[0] - other[0]);
  const style = getComputedStyle(document.documentElement);
  const colours = ["--temp", "--volts", "--door", "--ambient", "--mark"].map((name) => style.getPropertyValue(name).trim());
  plot = new Dygraph(element("plot"), rows, {
    labels: ["time", ...values.map((index) => answer.columns[index].name)],
    colors: values.map((_, index) => colours[index % colours.length]),
    gridLineColor: style.getPropertyValue("--grid").trim(),
    connectSeparatedPoints: true,
    labelsUTC: true,
    legend: "never",
  });
}

function show(answer) {
  element("answer").hidden = false;
  const count = answer.rows.length;
  element("summary").textContent =
    `${count} ${count === 1 ? "row" : "rows"}${answer.isCut ? ", of more: add LIMIT or a condition" : ""} in ${answer.milliseconds} ms` +
    (count > SHOWN_ROWS ? `; the first ${SHOWN_ROWS} are shown` : "");
  const head = document.createElement("tr");
  for (const column of answer.columns) {
    const cell = made("th", column.name);
    cell.scope = "col";
    cell.title = column.type;
    head.append(cell);
  }
  document.querySelector("#result thead").replaceChildren(head);
  const rows = answer.rows.slice(0, SHOWN_ROWS).map((row) => {
    const line = document.createElement("tr");
    row.forEach((value, index) => {
      const isNumber = NUMBERS.has(answer.columns[index].type);
      line.append(made("td", value ?? "null", value === null ? "null" : isNumber ? "number" : ""));
    });
    return line;
  });
  document.querySelector("#result tbody").replaceChildren(...rows);
  draw(answer);
}

async function run() {
  element("run").disabled = true;
  element("query-error").hidden = true;
  try {
    const answer = await ask(statement.value);
    if (answer.error) fail(answer);
    else show(answer);
  } catch (error) {
    fail({ error: `The server can't be reached: ${error.message}` });
  } finally {
    element("run").disabled = false;
  }
}

element("run").addEventListener("click", run);
statement.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  }
});
showNames();
