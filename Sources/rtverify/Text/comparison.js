"use strict";
const report = JSON.parse(document.getElementById("report").textContent);
const byId = (id) => document.getElementById(id);
const element = (name, text, className) => {
  const node = document.createElement(name);
  if (text !== undefined && text !== null) node.textContent = text;
  if (className) node.className = className;
  return node;
};
const ownTimes = report.summary.filter((one) => one.cause === "image-time").reduce((all, one) => all + one.count, 0);
const total = report.differences.length + report.omitted - ownTimes;
const packing = !report.identical && report.differences.every((one) => one.kind === "packing");
byId("verdict").textContent = report.identical ? "Identical"
  : packing ? "The same tree, packed differently"
  : total + (total === 1 ? " difference" : " differences") + (ownTimes ? ", and each image's own time" : "");
for (const [name, side] of [["A", report.a], ["B", report.b]]) {
  const size = side.size === undefined || side.size === null ? "" : ", " + side.size + " bytes";
  byId("sides").append(element("dt", name), element("dd", side.path + " (" + side.format + size + ")"));
}
const notes = byId("release").querySelector("ul");
for (const one of report.release.packages) {
  const versions = [one.old, one.new].filter((version) => version).join(" → ");
  notes.append(element("li", one.change + " " + (one.list === "package" ? "" : one.list + " ") + one.name + " " + versions));
}
for (const one of report.release.edits) notes.append(element("li", one.change + " " + one.list + " " + one.name));
byId("release").hidden = notes.children.length === 0;
const rows = byId("causes").querySelector("tbody");
for (const group of report.summary) {
  const row = element("tr");
  for (const text of [group.count, group.cause || "unknown", group.packages.slice(0, 8).map((one) => one.name + " " + one.count).join(", ") + (group.packages.length > 8 ? ", …" : ""), group.reason, group.remedy])
    row.append(element("td", text));
  rows.append(row);
}
byId("causes").hidden = report.summary.length === 0;

// Squarified treemap (Bruls, Huizing, van Wijk 2000).
function layout(items, x, y, width, height, place) {
  const sum = items.reduce((all, one) => all + one.value, 0);
  if (!items.length || sum <= 0 || width < 1 || height < 1) return;
  const scale = width * height / sum, short = Math.min(width, height);
  const worst = (row, area) => Math.max(...row.map((one) => {
    const side = area / short, other = one.value * scale / side;
    return Math.max(side / other, other / side);
  }));
  let row = [], area = 0, count = 0;
  while (count < items.length) {
    const next = items[count], more = area + next.value * scale;
    if (row.length && worst(row.concat(next), more) > worst(row, area)) break;
    row.push(next); area = more; count++;
  }
  const side = area / short;
  let at = 0;
  for (const one of row) {
    const length = one.value * scale / side;
    if (width >= height) place(one, x, y + at, side, length); else place(one, x + at, y, length, side);
    at += length;
  }
  if (width >= height) layout(items.slice(count), x + side, y, width - side, height, place);
  else layout(items.slice(count), x, y + side, width, height - side, place);
}
function draw(id, key) {
  const map = byId(id), box = map.getBoundingClientRect();
  const items = report.packages.filter((one) => one[key] > 0)
    .map((one) => ({ value: one[key], name: one.package, differences: one.differences }))
    .sort((one, other) => other.value - one.value);
  map.replaceChildren();
  layout(items, 0, 0, box.width - 2, box.height - 2, (one, x, y, width, height) => {
    const tile = element("button", width > 34 && height > 13 ? one.name : "", one.differences ? "differs" : "");
    tile.type = "button";
    tile.title = one.name + ": " + one.value + " bytes, " + one.differences + " differences";
    Object.assign(tile.style, { left: x + "px", top: y + "px", width: width + "px", height: height + "px" });
    tile.addEventListener("click", () => { byId("filter").value = one.name; show(); });
    map.append(tile);
  });
}
const drawAll = () => { draw("map-a", "a"); draw("map-b", "b"); };
byId("maps").hidden = report.packages.length === 0;

for (const kind of [...new Set(report.differences.map((one) => one.kind))].sort())
  byId("kind").append(new Option(kind, kind));
let limit = 300;
function entry(one) {
  const item = element("li");
  const head = element("div");
  head.append(element("code", one.path), element("span", one.kind, "tag"));
  if (one.package) head.append(element("span", one.package, "tag"));
  if (one.cause) head.append(element("span", one.cause, "tag"));
  if (one.security) head.append(element("span", "security", "tag security"));
  const values = element("div");
  values.append(element("code", one.a === null ? "nothing" : one.a, "minus"), " → ",
    element("code", one.b === null ? "nothing" : one.b, "plus"));
  item.append(head, values);
  if (one.detail.length) {
    const details = element("details"), text = element("pre");
    details.append(element("summary", "what differs"), text);
    for (const line of one.detail)
      text.append(element("span", line + "\n", line.startsWith("-") ? "minus" : line.startsWith("+") ? "plus" : ""));
    item.append(details);
  }
  return item;
}
function show() {
  const words = byId("filter").value.toLowerCase(), kind = byId("kind").value, strict = byId("security").checked;
  const times = byId("times").checked;
  const found = report.differences.filter((one) => (!kind || one.kind === kind) && (!strict || one.security)
    && (times || one.cause !== "image-time")
    && [one.path, one.package, one.cause].some((text) => (text || "").toLowerCase().includes(words)));
  byId("list").replaceChildren(...found.slice(0, limit).map(entry));
  byId("count").textContent = found.length + " of " + (times ? total + ownTimes : total);
  byId("more").hidden = found.length <= limit;
}
byId("filter").addEventListener("input", () => { limit = 300; show(); });
byId("kind").addEventListener("change", show);
byId("security").addEventListener("change", show);
byId("times").addEventListener("change", show);
byId("more").addEventListener("click", () => { limit += 1000; show(); });
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
addEventListener("resize", drawAll);
drawAll();
show();
