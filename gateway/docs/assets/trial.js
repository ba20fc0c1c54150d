// The form that sends a call to this very gateway. The token lives in its field alone and is gone with the page.

function panel(path, method, spec, api) {
  const parameters = (spec.parameters ?? []).map((each) => resolve(each, api));
  const content = Object.entries(spec.requestBody?.content ?? {})[0];
  const inputs = parameters.map((each) => [each, input(each)]);
  const sent = content ? element("textarea", { spellcheck: "false", "aria-label": "Body" }, sample(content[1].example)) : undefined;
  const outcome = element("div", { "aria-live": "polite" });
  const call = () => request(path, method, inputs, content?.[0], sent?.value);
  const send = async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    outcome.replaceChildren(...(await run(call())));
    button.disabled = false;
  };
  const form = element("form", { onsubmit: send, novalidate: true },
    inputs.map(([each, made]) => element("label", {}, element("b", {}, each.name), each.required ? " required" : "", made)),
    sent ? element("label", {}, element("b", {}, content[0]), sent) : "",
    element("button", { type: "submit" }, "Send"));
  const example = Object.values(spec.responses["200"]?.content ?? {})[0]?.example;
  return element("div", { class: "panel" },
    element("h4", {}, "Try it"), form, outcome,
    example === undefined ? "" : [element("h4", {}, "Example answer"), element("pre", {}, sample(example))],
    element("h4", {}, "curl"), element("pre", {}, curl(path, method, parameters, content, spec.security.length > 0)));
}

function input(parameter) {
  const choices = parameter.schema.type === "boolean" ? ["true", "false"] : parameter.schema.enum;
  if (choices) return element("select", {}, element("option", { value: "" }, "—"), choices.map((each) => element("option", {}, each)));
  const value = parameter.required ? String(parameter.example ?? "") : "";
  return element("input", { value, placeholder: String(parameter.example ?? ""), autocomplete: "off", spellcheck: "false" });
}

function sample(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function request(path, method, inputs, type, text) {
  const query = new URLSearchParams();
  const headers = {};
  let target = path;
  for (const [parameter, made] of inputs) {
    if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(made.value));
    else if (made.value === "") continue;
    else if (parameter.in === "header") headers[parameter.name] = made.value;
    else for (const each of parameter.schema.type === "array" ? made.value.split(",") : [made.value]) query.append(parameter.name, each.trim());
  }
  const token = document.getElementById("token").value.trim();
  if (token) headers.authorization = `Bearer ${token}`;
  if (type) headers["content-type"] = type;
  return [target + (query.size ? `?${query}` : ""), { method: method.toUpperCase(), headers, body: type ? text : undefined }];
}

async function run([target, options]) {
  const started = performance.now();
  try {
    const response = await fetch(target, options);
    const text = await response.text();
    const spent = Math.round(performance.now() - started);
    const line = `${response.status} ${response.statusText}  ·  ${spent} ms  ·  ${options.method} ${target}`;
    return [element("p", { class: `status ${response.ok ? "good" : "bad"}` }, line), element("pre", {}, pretty(text, response))];
  } catch (error) {
    return [element("p", { class: "status bad" }, `${options.method} ${target}: ${error.message}`)];
  }
}

function pretty(text, response) {
  if (!(response.headers.get("content-type") ?? "").startsWith("application/json")) return text;
  const answer = JSON.parse(text);
  if (answer.access_token) document.getElementById("token").value = answer.access_token;
  return JSON.stringify(answer, null, 2);
}

function curl(path, method, parameters, content, secured) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const needed = parameters.filter((each) => each.in === "query" && each.required);
  const query = needed.map((each) => `${each.name}=${encodeURIComponent([each.example].flat().join(","))}`).join("&");
  const target = parameters.filter((each) => each.in === "path")
    .reduce((at, each) => at.replace(`{${each.name}}`, encodeURIComponent(each.example)), location.origin + path);
  const parts = [`curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${quoted(target + (query ? `?${query}` : ""))}`];
  if (secured) parts.push('-H "authorization: Bearer $TOKEN"');
  if (content) parts.push(`-H ${quoted(`content-type: ${content[0]}`)}`,
    content[0] === "application/json" ? `-d ${quoted(JSON.stringify(content[1].example))}` : "--data-binary @file.csv");
  return parts.join(" \\\n  ");
}
