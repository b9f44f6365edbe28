"use strict";
// All that is shown is text: nodes are made here, and never from a string of markup.
const data = JSON.parse(document.getElementById("data").textContent);
const main = document.querySelector("main");
const make = (tag, text, ...children) => {
  const node = document.createElement(tag);
  if (text !== undefined && text !== null) node.textContent = text;
  node.append(...children);
  return node;
};
// A text whose names stand between backticks.
const said = (tag, text) => {
  const parts = String(text ?? "").split("`");
  if (parts.length % 2 === 0) return make(tag, text);
  return make(tag, null, ...parts.map((part, at) => at % 2 ? make("code", part) : document.createTextNode(part)));
};
const units = ["B", "KiB", "MiB", "GiB", "TiB"];
const size = (bytes) => {
  let unit = 0;
  while (bytes >= 1024 && unit + 1 < units.length) { bytes /= 1024; unit += 1; }
  return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
};
const table = (head, rows, numbers = []) => {
  if (rows.length === 0) return Object.assign(make("p", "none"), { className: "none" });
  const row = (tag, cells) => make("tr", null, ...cells.map((cell, at) => {
    const node = cell instanceof Node ? make(tag, null, cell) : said(tag, cell);
    if (numbers.includes(at)) node.className = "number";
    return node;
  }));
  const whole = make("table", null, make("thead", null, row("th", head)), make("tbody", null, ...rows.map((each) => row("td", each))));
  return Object.assign(make("div", null, whole), { className: "wide" });
};
const heading = (text) => make("h2", text);

// The state is the address behind the #, so that a view can be kept and sent.
const state = () => new URLSearchParams(location.hash.slice(1));
const go = (changes) => {
  const next = state();
  for (const [key, value] of Object.entries(changes)) value ? next.set(key, value) : next.delete(key);
  location.hash = next.toString();
};
const link = (text, changes) => {
  const node = make("button", text);
  node.addEventListener("click", () => go(changes));
  return node;
};

// Squarified rectangles (Bruls, Huizing, van Wijk): rows as near to squares as their sizes let them be.
const squarify = (items, x, y, width, height, out) => {
  let rest = items.filter((item) => item.size > 0).sort((one, other) => other.size - one.size);
  let sum = rest.reduce((total, item) => total + item.size, 0);
  while (rest.length > 0 && width > 0 && height > 0) {
    const side = Math.min(width, height);
    const scale = (width * height) / sum;
    const worst = (row, total) => Math.max(...[row[0], row[row.length - 1]].map((item) => {
      const area = item.size * scale;
      const thick = (total * scale) / side;
      return Math.max((thick * thick) / area, area / (thick * thick));
    }));
    let row = [rest[0]];
    let total = rest[0].size;
    while (row.length < rest.length) {
      const next = rest[row.length];
      if (worst([...row, next], total + next.size) > worst(row, total)) break;
      row.push(next);
      total += next.size;
    }
    const thick = (total * scale) / side;
    let at = 0;
    for (const item of row) {
      const long = (item.size * scale) / thick;
      out.push(width >= height ? { item, x, y: y + at, width: thick, height: long } : { item, x: x + at, y, width: long, height: thick });
      at += long;
    }
    if (width >= height) { x += thick; width -= thick; } else { y += thick; height -= thick; }
    rest = rest.slice(row.length);
    sum -= total;
  }
  return out;
};
const colour = (name) => {
  let hash = 7;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)) % 360;
  return `hsl(${hash} 45% 38%)`;
};
const map = (items) => {
  const node = Object.assign(make("div"), { className: "map" });
  for (const box of squarify(items, 0, 0, 100, 100, [])) {
    if (box.width * box.height < 0.02) continue;
    const each = link(null, box.item.to);
    each.append(make("span", box.item.name), make("span", size(box.item.size)));
    each.title = `${box.item.name}: ${size(box.item.size)}`;
    each.setAttribute("aria-label", each.title);
    Object.assign(each.style, { left: `${box.x}%`, top: `${box.y}%`, width: `${box.width}%`, height: `${box.height}%`, background: colour(box.item.name) });
    node.append(each);
  }
  return node;
};

const byName = new Map(data.packages.map((each) => [each.name, each]));
const why = (name) => {
  const chain = [];
  const seen = new Set();
  for (let each = byName.get(name); each && !seen.has(each.name); each = byName.get((each.reason.match(/`([^`]+)`/) || [])[1])) {
    seen.add(each.name);
    chain.push(each);
  }
  return chain;
};
const leads = (name) => data.packages.filter((each) => (each.reason.match(/`([^`]+)`/) || [])[1] === name && each.name !== name);

const views = {
  packages: (at, words) => {
    const one = byName.get(at);
    if (one) return [onePackage(one)].flat();
    const found = data.packages.filter((each) => `${each.name} ${each.version} ${each.reason} ${each.licences}`.toLowerCase().includes(words));
    found.sort((left, right) => right.size - left.size);
    const items = found.map((each) => ({ name: each.name, size: each.size, to: { at: each.name } }));
    const rows = found.map((each) => [link(each.name, { at: each.name }), each.version, size(each.size), each.files, each.outcome, each.reason]);
    return [map(items), heading(`${found.length} of ${data.packages.length} packages`),
      table(["package", "version", "files' size", "files", "scripts", "why it is there"], rows, [2, 3])];
  },
  directories: (at, words) => {
    const here = data.directories[at] === undefined ? "/" : at;
    const prefix = here === "/" ? "/" : `${here}/`;
    const below = (path) => path !== here && path.startsWith(prefix) && !path.slice(prefix.length).includes("/");
    const items = Object.entries(data.directories).filter(([path]) => below(path)).map(([path, bytes]) => ({ name: path.slice(prefix.length) + "/", size: bytes, to: { at: path } }));
    const files = data.files.filter(([path]) => below(path)).map(([path, bytes]) => ({ name: path.slice(prefix.length), size: bytes, to: { at: here } }));
    const rest = (data.directories[here] || 0) - [...items, ...files].reduce((total, item) => total + item.size, 0);
    if (rest > 0) files.push({ name: "smaller files", size: rest, to: { at: here } });
    const crumbs = Object.assign(make("p"), { className: "crumbs" });
    crumbs.append(link("/", { at: "/" }));
    const parts = here.split("/").filter(Boolean);
    parts.forEach((part, count) => crumbs.append(link(`${part}/`, { at: `/${parts.slice(0, count + 1).join("/")}` })));
    const found = data.files.filter(([path]) => path.startsWith(prefix) && path.toLowerCase().includes(words)).slice(0, 500);
    return [crumbs, map([...items, ...files]),
      heading(`the largest files${words ? ` with "${words}"` : ""}`),
      table(["path", "size", "package"], found.map(([path, bytes, of]) => [path, size(bytes), of || ""]), [1]),
      make("p", `${data.files.length} of ${data.files_in_all} files are named here; the others count for their directories.`)];
  },
  scripts: (_, words) => {
    const found = data.packages.filter((each) => each.outcome && each.outcome !== "no-scripts" && `${each.name} ${each.outcome} ${each.notes.join(" ")}`.toLowerCase().includes(words));
    return [heading("How packages were configured"), table(["package", "outcome", "notes"], found.map((each) => [link(each.name, { view: "packages", at: each.name }), each.outcome, each.notes.join("; ")]))];
  },
  accounts: (_, words) => {
    const rows = (all) => Object.entries(all).filter(([name]) => name.includes(words)).map(([name, id]) => [name, id]);
    return [heading("Users that packages made"), table(["user", "id"], rows(data.users), [1]), heading("Groups"), table(["group", "id"], rows(data.groups), [1]),
      heading("Setuid, setgid, capabilities"), table(["path", "mode", "owner"], data.privileges.filter(([path]) => path.toLowerCase().includes(words)))];
  },
  units: (_, words) => [heading("Units of systemd"), table(["unit", "wanted"], data.units.filter(([path]) => path.toLowerCase().includes(words)).map(([path, wanted]) => [path, wanted ? "yes" : ""]))],
  licences: (_, words) => {
    const by = new Map();
    for (const each of data.packages) {
      const name = each.licences && each.licences !== "NOASSERTION" ? each.licences : "not machine-readable, or not in the image";
      by.set(name, [...(by.get(name) || []), each.name]);
    }
    const rows = [...by].filter(([name, packages]) => `${name} ${packages.join(" ")}`.toLowerCase().includes(words)).sort((left, right) => right[1].length - left[1].length);
    return [heading("Licences, as copyright files declare them"), table(["licences", "packages", ""], rows.map(([name, packages]) => [name, packages.length, packages.join(" ")]), [1])];
  },
  boot: () => [heading("Files of the output"), table(["file", "size"], data.outputs.map(([path, bytes]) => [path, size(bytes)]), [1]),
    heading("Initramfs"), make("p", data.kernel ? `kernel ${data.kernel}` : "none"),
    heading("Hooks left out"), table(["hook", "why"], data.left_out),
    heading("Firmware that drivers may ask for and the root has not"), table(["driver", "files"], data.missing_firmware),
    heading("Findings"), table(["finding"], data.findings.map((each) => [each]))],
  changes: (_, words) => {
    const changes = data.changes;
    const packages = changes.packages.filter((each) => each.name.toLowerCase().includes(words));
    const paths = changes.paths.filter((each) => each.path.toLowerCase().includes(words)).slice(0, 2000);
    const side = (name) => [name, changes.before[name] ?? "", changes.after[name] ?? ""];
    return [heading("Before and after"), table(["", "before", "after"], ["tree", "packages", "paths", "bytes"].map(side).concat(changes.values.map((each) => [each.name, each.before ?? "", each.after ?? ""]))),
      heading(`Packages: ${packages.length}`), table(["package", "before", "after"], packages.map((each) => [each.name, each.before || "", each.after || ""])),
      heading(`Paths: ${changes.paths.length}`), table(["path", "what", "cause"], paths.map((each) => [each.path, each.changes.map((change) => change.what || change.kind).join(" "), each.cause.name || each.cause.kind])),
      heading(`Files of the output beside its root: ${changes.files.length}`), table(["path", "what"], changes.files.map((each) => [each.path, each.changes.map((change) => change.what || change.kind).join(" ")]))];
  },
};
const onePackage = (one) => {
  const chain = Object.assign(make("ol"), { className: "why" });
  why(one.name).forEach((each) => chain.append(make("li", null, link(each.name, { at: each.name }), said("span", each.reason))));
  const files = data.files.filter(([, , of]) => of === one.name);
  return [heading(`${one.name} ${one.version} (${one.architecture})`),
    make("p", `${size(one.size)} in ${one.files} files; source ${one.source}; ${one.licences || "licences not known"}`),
    heading("Why it is there"), chain,
    heading("What it leads to"), table(["package", "reason"], leads(one.name).map((each) => [link(each.name, { at: each.name }), each.reason])),
    heading("Scripts"), make("p", [one.outcome, ...one.notes].filter(Boolean).join("; ") || "none"),
    heading("Its largest files"), table(["path", "size"], files.map(([path, bytes]) => [path, size(bytes)]), [1])];
};

const names = Object.keys(views).filter((name) => name !== "changes" || data.changes);
const search = document.getElementById("search");
const show = () => {
  const now = state();
  const view = names.includes(now.get("view")) ? now.get("view") : "packages";
  const words = (now.get("q") || "").toLowerCase();
  if (search.value.toLowerCase() !== words) search.value = now.get("q") || "";
  document.getElementById("tabs").replaceChildren(...names.map((name) => {
    const tab = link(name, { view: name, at: "" });
    tab.setAttribute("aria-current", name === view);
    return tab;
  }));
  main.replaceChildren(...views[view](now.get("at") || "", words));
};
document.querySelector("h1").textContent = data.name;
document.title = `${data.name}: imgbuild report`;
const sum = data.directories["/"] || 0;
document.getElementById("whole").textContent =
  `${data.suite} ${data.architecture}, ${data.packages.length} packages, ${data.files_in_all} files, ${size(sum)}, tree ${data.tree}`;
search.addEventListener("input", () => go({ q: search.value, at: "" }));
addEventListener("hashchange", show);
show();
