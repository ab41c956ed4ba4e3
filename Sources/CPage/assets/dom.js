// Elements, and how a view changes them in place: focus, scrolling and open details stay where they are.

// h("a", {href: "#/job/7", class: "id"}, "7"). Attributes that are null, undefined or false are left out.
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    // The page's policy lets no style attribute in; what code sets by name is allowed.
    if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}

// Makes the children of an element these. What is alike stays and is changed where it differs; an element with
// `data-own` looks after its inside itself.
export function update(parent, ...children) {
  const wanted = nodes(children);
  wanted.forEach((next, i) => {
    const now = parent.childNodes[i];
    if (!now) parent.append(next);
    else if (isAlike(now, next)) morph(now, next);
    else now.replaceWith(next);
  });
  while (parent.childNodes.length > wanted.length) parent.lastChild.remove();
}

function isAlike(now, next) {
  return now.nodeName === next.nodeName && now.dataset?.key === next.dataset?.key
    && now.dataset?.own === next.dataset?.own;
}

function morph(now, next) {
  if (now.nodeType === Node.TEXT_NODE) {
    if (now.data !== next.data) now.data = next.data;
    return;
  }
  if (now.dataset.own !== undefined || now.isEqualNode(next)) return;
  for (const { name } of [...now.attributes]) {
    if (!next.hasAttribute(name) && name !== "open") now.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (now.getAttribute(name) === value) continue;
    // Written as text, a style would be refused by the page's policy.
    if (name === "style") now.style.cssText = next.style.cssText;
    else if (name !== "open") now.setAttribute(name, value);
  }
  update(now, ...next.childNodes);
}

// A table of rows: [{head, number, cell: (row) => content, wide}]. On a phone each cell says its column's head itself.
export function table(caption, columns, rows, key) {
  return h("div", { class: "table", tabindex: "-1" },
    h("table", null,
      h("caption", { class: "hidden" }, caption),
      h("thead", null, h("tr", null, columns.map((column) =>
        h("th", { scope: "col", class: column.number ? "number" : null }, column.head)))),
      h("tbody", null, rows.map((row) =>
        h("tr", { "data-key": key(row) }, columns.map((column) =>
          h("td", { class: [column.number && "number", column.wide && "wide"].filter(Boolean).join(" ") || null,
            "data-head": column.head }, column.cell(row))))))));
}

// A name in a tree, as far in as it is deep.
export function inTree(depth, ...content) {
  return h("span", { style: { "padding-left": `${depth}rem` } }, content);
}

// A project's name, which leads to its page.
export function toProject(name) {
  return h("a", { href: `#/project/${encodeURIComponent(name)}` }, name);
}

// What to read, or to type, where there is nothing to show.
export function nothing(text, ...commands) {
  return h("div", { class: "nothing" }, h("p", null, text),
    commands.map((command) => h("pre", { class: "command" }, command)));
}
