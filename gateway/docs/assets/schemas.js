// Schemas as lists of fields. A message inside a message is drawn when it is opened, so circles do no harm.

function resolve(node, api) {
  if (!node?.$ref) return node ?? {};
  const target = node.$ref.slice(2).split("/").reduce((at, key) => at[key], api);
  return { ...target, ...(node.description ? { description: node.description } : {}) };
}

function typeName(schema, api) {
  const found = resolve(schema, api);
  if (found.type === "array") return `list of ${typeName(found.items, api)}`;
  if (found.type === "object" && typeof found.additionalProperties === "object")
    return `map to ${typeName(found.additionalProperties, api)}`;
  if (found.anyOf && !found.type) return found.anyOf.map((each) => typeName(each, api)).join(" or ");
  if (found.type === "object") return found.title ?? "object";
  if (found.contentMediaType) return `file · ${found.contentMediaType}`;
  return [found.type ?? "anything", found.format].filter(Boolean).join(" · ");
}

const RULES = {
  const: (value) => `always ${JSON.stringify(value)}`,
  minimum: (value) => `≥ ${value}`,
  maximum: (value) => `≤ ${value}`,
  exclusiveMinimum: (value) => `> ${value}`,
  exclusiveMaximum: (value) => `< ${value}`,
  minLength: (value) => (value === 1 ? "not empty" : `at least ${value} characters`),
  maxLength: (value) => `at most ${value} characters`,
  minItems: (value) => `at least ${value}`,
  maxItems: (value) => `at most ${value}`,
  uniqueItems: () => "each once",
  pattern: (value) => (value.startsWith("^$|") ? `empty, or like ${value.slice(3)}` : `like ${value}`),
  enum: (value) => value.join(" | "),
};

function rules(schema) {
  const said = Object.entries(RULES).filter(([key]) => key in schema).map(([key, say]) => say(schema[key]));
  const ofItems = schema.items && !schema.items.$ref ? rules(schema.items).map((rule) => `each ${rule}`) : [];
  const either = (schema.anyOf ?? []).filter((each) => !each.$ref).map((each) => rules(each).join(", ")).filter(Boolean);
  return [...said, ...ofItems, ...(either.length ? [either.join(" or ")] : [])];
}

function inner(schema, api) {
  const found = resolve(schema, api);
  if (found.type === "array") return inner(found.items, api);
  if (typeof found.additionalProperties === "object") return inner(found.additionalProperties, api);
  return found.properties ? found : undefined;
}

// `mark` is the word that goes with a name, so that what must be sent and what may be absent are told apart.
const ASKED = (required) => (required ? "required" : "");
const ANSWERED = (required) => (required ? "" : "may be absent");

function field(name, schema, mark, api, marks) {
  const found = resolve(schema, api);
  const said = rules(found).join("  ·  ");
  const nested = inner(schema, api);
  return element("li", {},
    element("span", { class: "name" }, name),
    element("span", { class: "type" }, typeName(schema, api)),
    mark ? element("span", { class: "mark" }, mark) : "",
    prose(found.description),
    said ? element("div", { class: "rules" }, said) : "",
    nested ? opened("its fields", () => fields(nested, api, marks)) : "");
}

function fields(schema, api, marks) {
  const required = schema.required ?? [];
  return element("ul", { class: "fields" }, Object.entries(schema.properties ?? {})
    .map(([name, each]) => field(name, each, marks(required.includes(name)), api, marks)));
}

function opened(title, draw) {
  const details = element("details", { ontoggle: () => details.children.length > 1 || details.append(draw()) },
    element("summary", {}, title));
  return details;
}

// A message is shown as its fields, anything else as one line.
function shape(schema, api, marks) {
  const nested = inner(schema, api);
  const direct = resolve(schema, api).properties !== undefined;
  if (nested) return element("div", {}, direct ? "" : element("p", { class: "type" }, typeName(schema, api)), fields(nested, api, marks));
  return element("p", { class: "type" }, typeName(schema, api));
}
