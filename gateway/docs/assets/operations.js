// One operation: its words on the left, an example and a form to try it on the right.

function operation(path, method, spec, api) {
  const details = element("details",
    { class: "operation", id: spec.operationId, ontoggle: () => details.children.length > 1 || details.append(draw()) },
    element("summary", {}, verb(method), element("span", { class: "path mono" }, path), element("span", { class: "what" }, spec.summary)));
  const draw = () => element("div", { class: "columns" }, words(spec, api), panel(path, method, spec, api));
  return details;
}

function words(spec, api) {
  const parameters = (spec.parameters ?? []).map((each) => resolve(each, api));
  const groups = { path: "In the path", query: "In the query", header: "In the headers" };
  return element("div", { class: "words" },
    spec.description === `${spec.summary}.` ? "" : prose(spec.description),
    element("div", { class: "facts" }, facts(spec).map((fact) => element("span", {}, fact))),
    Object.entries(groups).flatMap(([place, title]) => {
      const here = parameters.filter((each) => each.in === place);
      return here.length ? [element("h3", {}, title), element("ul", { class: "fields" }, here.map((each) =>
        field(each.name, { ...each.schema, description: each.description }, ASKED(each.required), api, ASKED)))] : [];
    }),
    spec.requestBody ? [element("h3", {}, "Body"), body(spec.requestBody, api)] : "",
    element("h3", {}, "Answers"),
    element("div", { class: "answers" }, Object.entries(spec.responses).map(([status, each]) => answer(status, resolve(each, api), api))));
}

function facts(spec) {
  const bytes = spec["x-max-request-bytes"];
  return [
    spec.security.length ? (spec.security.some((each) => "cookie" in each) ? "token or cookie" : "token") : "open to anyone",
    spec["x-scope"] === "write" ? "writes" : "reads",
    spec["x-timeout-seconds"] ? `up to ${spec["x-timeout-seconds"]} s` : "streams",
    bytes ? `body up to ${bytes / 1048576} MiB` : "",
    `gRPC ${spec["x-grpc-method"]}`,
    spec["x-alias-of"] ? `same as ${spec["x-alias-of"]}` : "",
  ].filter(Boolean);
}

function body(request, api) {
  return element("div", {}, prose(request.description), Object.entries(request.content).map(([type, each]) =>
    element("div", {}, element("p", { class: "rules" }, type), shape(each.schema, api, ASKED))));
}

function answer(status, response, api) {
  const [type, media] = Object.entries(response.content ?? {})[0] ?? [];
  return element("details", { open: status === "200" },
    element("summary", {}, element("b", {}, status), ` ${(response.description ?? "").split("\n")[0]}`),
    status === "200" ? "" : prose((response.description ?? "").split("\n\n").slice(1).join("\n\n")),
    status === "200" && media ? [element("p", { class: "rules" }, type), shape(media.schema, api, ANSWERED)] : "");
}
