// Draws the page from the OpenAPI document of this gateway.

function draw(api) {
  const operations = Object.entries(api.paths)
    .flatMap(([path, methods]) => Object.entries(methods).map(([method, spec]) => ({ path, method, spec })));
  const main = document.getElementById("top");
  const contents = document.getElementById("contents");
  main.replaceChildren(
    element("h1", {}, api.info.title, element("small", {}, api.info.version)),
    element("div", { class: "intro" }, prose(api.info.description), element("p", {}, element("a", { href: "openapi.json" }, "openapi.json"))));
  for (const tag of api.tags) {
    const own = operations.filter(({ spec }) => spec.tags.includes(tag.name));
    main.append(element("section", { class: "group" }, element("h2", {}, tag.name), prose(tag.description),
      own.map(({ path, method, spec }) => operation(path, method, spec, api))));
    contents.append(element("div", {}, element("h2", {}, tag.name),
      own.filter(({ spec }) => !spec["x-alias-of"]).map(({ path, method, spec }) => element("a",
        { href: `#${spec.operationId}`, title: spec.summary, "data-text": `${method} ${path} ${spec.summary}`.toLowerCase() },
        verb(method), element("span", {}, label(spec, own))))));
  }
}

// "GetOverview" reads "Get overview"; where a group has the name twice, the service is told as well.
function label(spec, group) {
  const [service, name] = spec["x-grpc-method"].split("/");
  const words = name.replace(/(?<=[a-z])(?=[A-Z])/g, " ");
  const twice = group.filter((each) => !each.spec["x-alias-of"] && each.spec["x-grpc-method"].endsWith(`/${name}`)).length > 1;
  return words[0] + words.slice(1).toLowerCase() + (twice ? ` · ${service.split(".")[1]}` : "");
}

function filterContents(text) {
  const wanted = text.trim().toLowerCase();
  for (const group of document.getElementById("contents").children) {
    const links = [...group.querySelectorAll("a")];
    for (const link of links) link.hidden = !link.dataset.text.includes(wanted);
    group.hidden = links.every((link) => link.hidden);
  }
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}

async function start() {
  const notice = document.getElementById("notice");
  try {
    const response = await fetch("openapi.json");
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    draw(await response.json());
  } catch (error) {
    notice.textContent = `The contract cannot be shown: ${error.message}`;
    return;
  }
  document.getElementById("filter").addEventListener("input", (event) => filterContents(event.target.value));
  addEventListener("hashchange", openTarget);
  openTarget();
}

start();
