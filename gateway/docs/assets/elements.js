// Elements are made of text nodes and attributes, never of markup: nothing in the document can become code.

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== ""));
  return made;
}

// Paragraphs, lists of lines that begin with "- ", and `code`: what comments in the contract use.
function prose(text) {
  const blocks = (text ?? "").split(/\n\n+/).filter(Boolean).map((block) => {
    const lines = block.split("\n");
    return lines.every((line) => line.startsWith("- "))
      ? element("ul", {}, lines.map((line) => element("li", {}, inline(line.slice(2)))))
      : element("p", {}, inline(block));
  });
  return element("div", { class: "description" }, blocks);
}

function inline(text) {
  return text.split("`").map((part, i) => (i % 2 ? element("code", {}, part) : part));
}

function verb(method) {
  return element("span", { class: `verb ${method}` }, method.toUpperCase());
}
