/** Shows /openapi.json to a person. Needs nothing but this server. */
const spec = await (await fetch('/openapi.json')).json();
const index = document.getElementById('index');
const content = document.getElementById('content');

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** The two marks our texts use: code between backticks and links to problems. */
function words(text) {
  const parts = text.split(/(`[^`]+`|\[[^\]]+\]\([^)]+\))/);
  return parts.map((part) => {
    if (part.startsWith('`')) return element('code', {}, part.slice(1, -1));
    const link = /^\[([^\]]+)\]\((\/[^)]+)\)$/.exec(part);
    return link ? element('a', { href: link[2] }, link[1]) : part;
  });
}

const paragraphs = (text) =>
  text.split('\n\n').map((paragraph) => element('p', {}, ...words(paragraph)));

const resolve = (schema) =>
  schema.$ref ? spec.components.schemas[schema.$ref.split('/').at(-1)] : schema;

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split('/').at(-1);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map(typeOf).join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' | ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`;
  return [schema.type ?? 'anything', schema.format].filter(Boolean).join(', ');
}

function limitsOf(schema) {
  const limits = [];
  if (schema.minimum !== undefined) limits.push(`at least ${schema.minimum}`);
  if (schema.maximum !== undefined && schema.maximum < 1e12)
    limits.push(`at most ${schema.maximum}`);
  if (schema.maxLength !== undefined) limits.push(`up to ${schema.maxLength} characters`);
  if (schema.maxItems !== undefined) limits.push(`up to ${schema.maxItems}`);
  if (schema.default !== undefined) limits.push(`default ${JSON.stringify(schema.default)}`);
  return limits.join('; ');
}

function noteOf(description = '', schema = {}) {
  const limits = limitsOf(schema);
  return [description, limits && `(${limits})`].filter(Boolean).join(' ');
}

/** One row per field, nested ones by their path. */
function rowsOf(schema, path = '', depth = 0) {
  const whole = resolve(schema);
  const choices = whole.anyOf ?? whole.oneOf ?? [];
  if (choices.length > 0) return choices.flatMap((one) => rowsOf(one, path, depth));
  if (whole.type === 'array') return rowsOf(whole.items ?? {}, `${path}[]`, depth);
  const required = whole.required ?? [];
  return Object.entries(whole.properties ?? {}).flatMap(([name, field]) => {
    const here = path ? `${path}.${name}` : name;
    const row = {
      name: here,
      type: typeOf(field),
      need: required.includes(name) ? 'needed' : '',
      note: noteOf(field.description, field),
    };
    return [row, ...(depth < 4 ? rowsOf(field, here, depth + 1) : [])];
  });
}

function table(rows) {
  if (rows.length === 0) return null;
  const cells = (row) => [
    element('td', {}, element('code', {}, row.name)),
    element('td', {}, row.type),
    element('td', {}, row.need),
    element('td', {}, ...words(row.note)),
  ];
  return element('table', {}, ...rows.map((row) => element('tr', {}, ...cells(row))));
}

const titled = (title, body) => (body ? [element('h4', {}, title), body] : []);

function exampleOf(body) {
  return body?.example === undefined
    ? null
    : element('pre', {}, JSON.stringify(body.example, null, 2));
}

function curlOf(method, path, operation) {
  const needed = operation.parameters.filter((one) => one.in === 'query' && one.required);
  const query = needed.map((one) => `${one.name}=…`).join('&');
  const address = `$HOLDFAST_URL${path}${query && `?${query}`}`;
  const lines = [`curl -X ${method.toUpperCase()} "${address}"`];
  if (operation.security === undefined) lines.push('-H "Authorization: Bearer $HOLDFAST_KEY"');
  for (const one of operation.parameters)
    if (one.in === 'header' && one.required) lines.push(`-H "${one.name}: $(uuidgen)"`);
  const body = operation.requestBody?.content['application/json'];
  if (body?.example)
    lines.push('-H "Content-Type: application/json"', `-d '${JSON.stringify(body.example)}'`);
  return element('pre', {}, lines.join(' \\\n  '));
}

function answersOf(operation) {
  return Object.entries(operation.responses).flatMap(([status, answer]) => {
    const body = answer.content?.['application/json'];
    const fields = body && Number(status) < 400 ? table(rowsOf(body.schema)) : null;
    return [
      element('h4', {}, status),
      ...paragraphs(answer.description),
      ...(fields ? [fields] : []),
      ...[exampleOf(body)].filter(Boolean),
    ];
  });
}

function show(path, method, operation) {
  const body = operation.requestBody?.content['application/json'];
  const parameters = operation.parameters.map((one) => ({
    name: one.name,
    type: `${one.in}, ${typeOf(one.schema)}`,
    need: one.required ? 'needed' : '',
    note: noteOf(one.description, one.schema),
  }));
  return element(
    'section',
    { id: operation.operationId },
    element('h3', {}, operation.summary),
    element(
      'p',
      {},
      element('code', { class: 'method' }, method.toUpperCase()),
      element('code', {}, path),
    ),
    ...paragraphs(operation.description ?? ''),
    ...titled('Parameters', table(parameters)),
    ...titled('Body', body ? table(rowsOf(body.schema)) : null),
    ...titled('Try it', curlOf(method, path, operation)),
    ...titled('Answers', element('div', {}, ...answersOf(operation))),
  );
}

const operations = Object.entries(spec.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);
const tags = [...new Set(operations.map((one) => one.operation.tags[0]))];
const byTag = (tag) => operations.filter((one) => one.operation.tags[0] === tag);

content.replaceChildren(
  element('h1', {}, spec.info.title),
  ...paragraphs(spec.info.description),
  ...tags.flatMap((tag) => [
    element('h2', {}, tag),
    ...byTag(tag).map(({ path, method, operation }) => show(path, method, operation)),
  ]),
);

function list(wanted) {
  const matches = (one) =>
    `${one.method} ${one.path} ${one.operation.summary}`.toLowerCase().includes(wanted);
  const items = tags.flatMap((tag) => {
    const found = byTag(tag).filter(matches);
    const links = found.map(({ operation }) =>
      element('li', {}, element('a', { href: `#${operation.operationId}` }, operation.summary)),
    );
    return found.length > 0 ? [element('li', {}, element('strong', {}, tag)), ...links] : [];
  });
  index.replaceChildren(...items);
}

const filter = document.getElementById('filter');
filter.addEventListener('input', () => list(filter.value.toLowerCase()));
list('');
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
