// The API's description for people, drawn from /openapi.json.

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

const nameOf = (ref) => ref.split("/").pop();

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  if (schema.type === "object" && schema.additionalProperties) return `map to ${typeOf(schema.additionalProperties)}`;
  return schema.format ?? schema.type ?? "anything";
}

function limits(schema) {
  const found = ["minimum", "maximum", "minLength", "maxLength", "maxItems", "pattern"].filter((name) => name in schema)
    .map((name) => `${name} ${schema[name]}`);
  if ("default" in schema) found.push(`default ${JSON.stringify(schema.default)}`);
  if (schema.description) found.push(schema.description);
  return found.join("; ");
}

function fields(schema, schemas) {
  const table = element("table");
  const head = element("tr");
  for (const title of ["field", "type", "limits"]) head.append(element("th", "", title));
  table.append(head);
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const row = element("tr");
    const needed = schema.required?.includes(name) ? "" : " (optional)";
    const inner = field.$ref ? schemas[nameOf(field.$ref)] : field;
    const shown = inner.enum ? typeOf(inner) : typeOf(field);
    row.append(element("td", "", name + needed), element("td", "", shown), element("td", "", limits(field)));
    table.append(row);
  }
  return table;
}

function body(title, schema, schemas, seen) {
  const name = nameOf(schema.$ref);
  const block = element("div");
  block.append(element("h3", "", `${title}: ${name}`));
  const found = schemas[name];
  if (found.description) block.append(element("p", "", found.description));
  block.append(fields(found, schemas));
  seen.add(name);
  for (const inner of JSON.stringify(found).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    if (!seen.has(inner[1]) && schemas[inner[1]].properties) block.append(body("with", { $ref: inner[0].slice(1, -1) }, schemas, seen));
  }
  return block;
}

function route(method, path, operation, schemas) {
  const entry = element("details");
  const summary = element("summary");
  summary.append(element("b", "", method.toUpperCase()), element("code", "", path), element("span", "what", operation.summary));
  const inside = element("div", "inside");
  const seen = new Set(["Problem"]);
  const asked = operation.requestBody?.content["application/json"].schema;
  if (asked) inside.append(body("Body", asked, schemas, seen));
  for (const [status, answer] of Object.entries(operation.responses)) {
    const [type, { schema }] = Object.entries(answer.content ?? {})[0] ?? ["", {}];
    if (status < 300 && schema?.$ref) inside.append(body(`Answer ${status}`, schema, schemas, seen));
    else inside.append(element("p", "", `${status}: ${answer.description} (${type})`));
  }
  entry.append(summary, inside);
  return entry;
}

const place = document.getElementById("routes");
document.documentElement.dataset.theme = localStorage.getItem("vss-theme") ?? "";
try {
  const { paths, components } = await (await fetch("/openapi.json")).json();
  place.replaceChildren();
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (operation.tags[0] !== "pages") place.append(route(method, path, operation, components.schemas));
    }
  }
} catch (error) {
  place.replaceChildren(element("p", "empty", `The description could not be read: ${error.message}`));
}
